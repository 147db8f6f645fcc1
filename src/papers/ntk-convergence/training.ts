/**
 * Adversarial training of which the theorem speaks (from memory): projected gradient descent in the weights on points that the attack chose, the gradient
 * not taken through the attack,
 *
 *     V_{t+1} = W_t − α n⁻¹ Σ ℓ′(f(W_t, x̃_i), y_i) ∇_W f(W_t, x̃_i),    x̃_i = A(W_t, x_i),      W_{t+1} = P_{B(R)}(V_{t+1}).
 */
import type { Key, Tensor } from "../../tensor/index.ts";
import { checkLabelled } from "./points.ts";
import { type Attack, average, type Problem } from "./problem.ts";
import { plus, projectOntoBalls, type Weights, weightNorm } from "./theory.ts";

/** What happened in T steps. */
export interface Run {
  /** Where the first step began: W_0, or the `start` that was given. */
  start: Weights;
  /** L_A(W_t) for t = 0 … T − 1. */
  losses: number[];
  /** ‖∇l_t(W_t)‖ for the same t; the largest is the G of the regret bound. */
  gradientNorms: number[];
  /** The points x̃ᵗ that the attack chose at each step. */
  perturbed: Tensor<"float64">[];
  /** W_T. */
  weights: Weights;
  /** The iterate with the least surrogate loss. */
  best: { step: number; loss: number; weights: Weights };
}

/**
 * Trains for T steps of size α from the initialization (or from `start`, to go on with an earlier run), each layer held in the ball of `radius`
 * around its initialization.
 * @throws RangeError when T is not a positive integer, α or the radius not positive, or labels are not ±1.
 */
export async function trainAdversarially(
  problem: Problem,
  attack: Attack,
  { α, T, radius, key, start = problem.initial }: { α: number; T: number; radius: number; key: Key; start?: Weights },
): Promise<Run> {
  if (!(Number.isInteger(T) && T > 0 && α > 0 && radius > 0))
    throw new RangeError(`T = ${T}, α = ${α} and radius = ${radius} must be positive, and T an integer`);
  const { evaluator, initial, data } = problem;
  checkLabelled(data);
  const run: Run = {
    start,
    losses: [],
    gradientNorms: [],
    perturbed: [],
    weights: start,
    best: { step: 0, loss: Number.POSITIVE_INFINITY, weights: start },
  };
  for (let t = 0; t < T; t++) {
    const perturbed = await attack.perturb(problem, run.weights, key.fold("attack", t));
    const { losses, gradient } = await evaluator.descent(run.weights, perturbed, data.labels);
    const loss = average(losses);
    if (loss < run.best.loss) run.best = { step: t, loss, weights: run.weights };
    run.losses.push(loss);
    run.gradientNorms.push(weightNorm(gradient));
    run.perturbed.push(perturbed);
    run.weights = projectOntoBalls(plus(run.weights, gradient, -α), initial, radius);
  }
  return run;
}
