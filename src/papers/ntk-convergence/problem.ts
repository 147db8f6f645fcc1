/**
 * What the theorem is about: a network at its initialization, data, and the perturbation sets B(x); and the attacks A(W, x) ∈ B(x),
 * which may be anything. Nothing is ever differentiated through an attack.
 */
import { type Key, normal, type Tensor, uniform } from "../../tensor/index.ts";
import type { Evaluator } from "./evaluator.ts";
import { ballProjection, capProjection, capSamples, dot, type Labelled, type Projection, repeatRows, row, stack } from "./points.ts";
import type { Weights } from "./theory.ts";

/** The set B(x) around each clean point x, of radius δ. */
export interface PerturbationSets {
  δ: number;
  project: Projection;
  /** One random point of B(x) for each clean point. */
  sample(key: Key, centres: Tensor<"float64">): Tensor<"float64">;
}

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

/** Caps of the unit sphere, {x′ : ‖x′‖ = 1, ‖x′ − x‖ ≤ δ}. */
export function caps(δ: number): PerturbationSets {
  return { δ, project: capProjection(δ), sample: (key, centres) => capSamples(key, centres, δ, 1) };
}

/** Euclidean balls {x′ : ‖x′ − x‖ ≤ δ}; samples are uniform. */
export function balls(δ: number): PerturbationSets {
  return {
    δ,
    project: ballProjection(δ),
    sample: (key, centres) => {
      const [n, d] = centres.shape;
      const directions = normal(key.fold("directions"), [n, d]);
      const radii = uniform(key.fold("radii"), [n]).data.map((u) => δ * u ** (1 / d));
      return stack(
        Array.from({ length: n }, (_, i) => {
          const direction = row(directions, i);
          const length = Math.sqrt(dot(direction, direction));
          return row(centres, i).map((c, k) => c + (radii[i] * direction[k]) / length);
        }),
      );
    },
  };
}

/** A(W, x) = x: plain training. */
export const identityAttack: Attack = { name: "identity", perturb: async ({ data }) => data.points };

/** A random point of B(x). */
export const randomAttack: Attack = { name: "random", perturb: async ({ data, sets }, _W, key) => sets.sample(key, data.points) };

/** One step from the clean point to the rim along the gradient; the better of the two points. */
export const fgsm: Attack = {
  name: "FGSM",
  perturb: async (problem, W, key) => (await strongest(problem, W, key, { steps: 1, stepSize: 2 * problem.sets.δ })).points,
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
  const perturbed = await attack.perturb(problem, W, key);
  return average((await problem.evaluator.ascent(W, perturbed, problem.data.labels)).losses);
}

/** The highest losses [n] found by projected ascent, and where [n, d]: over the clean points, all restarts and all steps. */
export async function strongest(
  { evaluator, data, sets }: Problem,
  W: Weights,
  key: Key,
  { steps, restarts = 1, stepSize = (2.5 * sets.δ) / steps }: { steps: number; restarts?: number; stepSize?: number },
): Promise<{ losses: Float64Array; points: Tensor<"float64"> }> {
  const n = data.labels.length;
  const centres = repeatRows(data.points, restarts);
  const labels = Float64Array.from({ length: n * restarts }, (_, s) => data.labels[Math.floor(s / restarts)]);
  const random = restarts > 1 ? sets.sample(key, centres) : centres;
  let points = stack(Array.from({ length: n * restarts }, (_, s) => row(s % restarts === 0 ? centres : random, s)));
  const best = { losses: new Float64Array(n).fill(Number.NEGATIVE_INFINITY), points: stack(Array.from({ length: n }, (_, i) => row(data.points, i))) };
  for (let t = 0; ; t++) {
    const { losses, gradient } = await evaluator.ascent(W, points, labels);
    losses.forEach((loss, s) => {
      const i = Math.floor(s / restarts);
      if (loss > best.losses[i]) {
        best.losses[i] = loss;
        best.points.data.set(row(points, s), i * points.shape[1]);
      }
    });
    if (t === steps) return best;
    points = sets.project(stepped(points, gradient, stepSize), centres);
  }
}

/** x + η ∇/‖∇‖, row by row; rows without a gradient stay. */
function stepped(points: Tensor<"float64">, gradient: Tensor<"float64">, η: number): Tensor<"float64"> {
  const data = points.data.slice();
  const d = points.shape[1];
  for (let i = 0; i < points.shape[0]; i++) {
    const g = row(gradient, i);
    const length = Math.sqrt(dot(g, g));
    if (length > 0) for (let k = 0; k < d; k++) data[i * d + k] += (η * g[k]) / length;
  }
  return { ...points, data };
}

export function average(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i];
  return sum / values.length;
}
