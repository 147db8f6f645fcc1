/**
 * What the theorem is about: a network at its initialization, data, and the perturbation sets B(x); and the attacks A(W, x) ∈ B(x),
 * which may be anything. Nothing is ever differentiated through an attack.
 */
import type { Key, Tensor } from "../../tensor/index.ts";
import type { Evaluator, Visited } from "./evaluator.ts";
import { checkLabelled, type Labelled, repeatRows, row, stack } from "./points.ts";
import type { PerturbationSets } from "./sets.ts";
import { logisticLoss, type Weights } from "./theory.ts";

/** A network to be trained on data against perturbations. */
export interface Problem {
  evaluator: Evaluator;
  initial: Weights;
  data: Labelled;
  sets: PerturbationSets;
}

/** x̃_i = A(W, x_i) for all data points at once, [n, d]. */
export interface Attack {
  name: string;
  perturb(problem: Problem, W: Weights, key: Key): Promise<Tensor<"float64">>;
}

/** A(W, x) = x: plain training. */
export const identityAttack: Attack = { name: "identity", perturb: async ({ data }) => data.points };

/** A random point of B(x). */
export const randomAttack: Attack = { name: "random", perturb: async ({ data, sets }, _W, key) => sets.sample(key, data.points) };

/** One step from the clean point to the rim of B(x), in the direction of the gradient (in caps: of its tangential part); the better of the two points. */
export const fgsm: Attack = {
  name: "FGSM",
  perturb: async (problem, W, key) => (await strongest(problem, W, key, { steps: 1, stepSize: "rim" })).points,
};

/** `steps` projected normalized gradient steps of length 2.5 δ/steps from the clean point, and from restarts − 1 random points; the best point seen. */
export function pgd(steps: number, { restarts = 1 } = {}): Attack {
  return { name: `PGD-${steps}`, perturb: async (problem, W, key) => (await strongest(problem, W, key, { steps, restarts })).points };
}

/**
 * L_*(W) from below: the mean over the data of the largest loss that projected ascent finds in B(x_i), and the robust accuracy there.
 */
export async function robustLoss(
  problem: Problem,
  W: Weights,
  key: Key,
  { steps = 20, restarts = 10 } = {},
): Promise<{ loss: number; accuracy: number }> {
  const { losses } = await strongest(problem, W, key, { steps, restarts });
  return { loss: average(losses), accuracy: average(losses.map((ℓ) => (ℓ < Math.LN2 ? 1 : 0))) };
}

/** The surrogate loss L_A(W) = n⁻¹ Σ ℓ(f(W, A(W, x_i)), y_i). */
export async function surrogateLoss(problem: Problem, W: Weights, attack: Attack, key: Key): Promise<number> {
  const outputs = await problem.evaluator.outputs(W, await attack.perturb(problem, W, key));
  return average(outputs.map((f, i) => logisticLoss(f, problem.data.labels[i])));
}

/** The highest losses [n] found by projected ascent, and where [n, d]: over the clean points, all restarts and all steps. */
export async function strongest(
  { evaluator, data, sets }: Problem,
  W: Weights,
  key: Key,
  { steps, restarts = 1, stepSize = (2.5 * sets.δ) / steps }: { steps: number; restarts?: number; stepSize?: number | "rim" },
): Promise<Visited> {
  checkLabelled(data);
  const n = data.labels.length;
  const centres = repeatRows(data.points, restarts);
  const random = restarts > 1 ? sets.sample(key, centres) : centres;
  const visited = await evaluator.ascend(W, {
    centres,
    labels: Float64Array.from({ length: n * restarts }, (_, s) => data.labels[Math.floor(s / restarts)]),
    start: stack(Array.from({ length: n * restarts }, (_, s) => row(s % restarts === 0 ? centres : random, s))),
    sets,
    steps,
    stepSize,
  });
  const best = Array.from({ length: n }, (_, i) => {
    const own = Array.from({ length: restarts }, (_, r) => i * restarts + r);
    return own.reduce((a, b) => (visited.losses[b] > visited.losses[a] ? b : a));
  });
  return { losses: Float64Array.from(best, (s) => visited.losses[s]), points: stack(best.map((s) => row(visited.points, s))) };
}

export function average(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i];
  return sum / values.length;
}
