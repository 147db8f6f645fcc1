/**
 * A model as this floor's instruments of training see it: per-example losses as a function of all weights at once. The weights are one flat
 * vector θ ∈ ℝᵖ, so that many weight sets are the rows of [copies, p].
 */
import { cast, constant, crossEntropy, input, reshape, sliceAxis, type Value } from "../graph/index.ts";
import { type Model, weightNames } from "../models/index.ts";
import { type Shape, size, type Tensor, toFloat64 } from "../tensor/index.ts";

/** Named weights and the losses [N] of a batch x [N, …], y [N, …]; every example's loss depends on that example only. */
export interface Learner {
  readonly weights: Readonly<Record<string, Shape>>;
  losses(weights: Readonly<Record<string, Value>>, x: Value, y: Value): Value;
}

/** Number of weights p. */
export const weightCount = ({ weights }: Pick<Learner, "weights">): number =>
  Object.values(weights).reduce((sum, shape) => sum + size(shape), 0);

/** The named weights that a flat θ [p] holds, in the learner's order. Each call gives values of its own, which can be differentiated apart. */
export function unflatten({ weights }: Pick<Learner, "weights">, θ: Value): Record<string, Value> {
  // A fresh node, since slices and reshapes that change nothing are the value itself.
  const row = reshape(θ, [1, ...θ.shape]);
  let start = 0;
  return Object.fromEntries(
    Object.entries(weights).map(([name, shape]) => [name, reshape(sliceAxis(row, 1, start, (start += size(shape))), shape)]),
  );
}

/** Named weights as one flat vector, in the learner's order. */
export function flattenWeights({ weights }: Pick<Learner, "weights">, values: Readonly<Record<string, Tensor>>): Float64Array {
  return Float64Array.from(Object.keys(weights).flatMap((name) => [...toFloat64(values[name])]));
}

/** A classifier that learns by cross-entropy in its trained weights; all its other weights stay as they are. Labels are int32 [N]. */
export function classifierLearner({ network, weights }: Model): Learner {
  const trained = weightNames(network, "trained");
  const others = Object.keys(network.weights).filter((name) => !trained.includes(name));
  return {
    weights: Object.fromEntries(trained.map((name) => [name, network.weights[name].shape])),
    losses: (values, x, y) => {
      const fixed = Object.fromEntries(others.map((name) => [name, cast(constant(weights[name]), x.dtype)]));
      return crossEntropy(network.apply(x, { ...fixed, ...values }).logits, y);
    },
  };
}

/** A placeholder for one weight set θ [p]. */
export const weightInput = (learner: Pick<Learner, "weights">, name = "θ"): Value => input(name, [weightCount(learner)], "float64");
