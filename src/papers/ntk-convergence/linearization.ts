/** How far a network departs from its linearization at W_0 inside a ball, by the most adverse displacement that ascent finds. */
import type { Tensor } from "../../tensor/index.ts";
import { type Evaluator, evaluator } from "./evaluator.ts";
import { type InitializedNetwork, linearized } from "./networks.ts";
import { plus, type Weights, weightNorm } from "./theory.ts";

/** The largest |f(W, x) − f_lin(W, x)| found with ‖W − W_0‖ = R, and the displacement W − W_0 where it was. */
export interface LinearizationError {
  error: number;
  displacement: Weights;
}

/** An initialized network compiled beside its linearization. */
export interface LinearizationProbe {
  initial: Weights;
  network: Evaluator;
  linear: Evaluator;
}

export function linearizationProbe(initialized: InitializedNetwork): LinearizationProbe {
  return { initial: initialized.weights, network: evaluator(initialized.network), linear: evaluator(linearized(initialized)) };
}

/**
 * Ascent of e(Δ) = f(W_0 + Δ, x) − f_lin(W_0 + Δ, x) and of −e over ‖Δ‖ = R at one point x [1, d], the larger |e| of the two: the next Δ halves the
 * angle between Δ and ±∇e. Where e is convex (a convex σ, displaced neurons with a_r > 0) no step lowers it. `start` gives the first direction
 * of both, in the trained weights.
 */
export async function worstLinearizationError(
  probe: LinearizationProbe,
  x: Tensor<"float64">,
  options: { R: number; start: Weights; steps?: number },
): Promise<LinearizationError> {
  const [above, below] = [await ascended(1, probe, x, options), await ascended(-1, probe, x, options)];
  return above.error >= below.error ? above : below;
}

/** The ascent of sign·e. */
async function ascended(
  sign: 1 | -1,
  { initial, network, linear }: LinearizationProbe,
  x: Tensor<"float64">,
  { R, start, steps = 30 }: { R: number; start: Weights; steps?: number },
): Promise<LinearizationError> {
  const signed = new Float64Array([sign]);
  const tangent = await network.combine(initial, x, signed);
  let [displacement, worst] = [scaledTo(R, start), { error: Number.NEGATIVE_INFINITY, displacement: start }];
  for (let t = 0; ; t++) {
    const W = plus(initial, displacement);
    const error = sign * ((await network.outputs(W, x))[0] - (await linear.outputs(W, x))[0]);
    if (error > worst.error) worst = { error, displacement };
    if (t === steps) return worst;
    const gradient = plus(await network.combine(W, x, signed), tangent, -1);
    if (weightNorm(gradient) === 0) return worst;
    const halfway = plus(scaledTo(1, displacement), scaledTo(1, gradient));
    // Opposite directions have no halfway.
    displacement = scaledTo(R, weightNorm(halfway) > 1e-9 ? halfway : gradient);
  }
}

/** The direction of the two-layer network in which its curvature adds up: every neuron with a_r > 0 moves along x [1, d], the others stay. */
export function adverseDirection({ weights }: InitializedNetwork, x: Tensor<"float64">): Weights {
  const { W, a } = weights;
  const d = x.data.length;
  return { W: { ...W, data: W.data.map((_, i) => (a.data[Math.floor(i / d)] > 0 ? x.data[i % d] : 0)) } };
}

function scaledTo(length: number, V: Weights): Weights {
  return plus(V, V, length / weightNorm(V) - 1);
}
