/** Losses that adversaries ascend, per example, as symbolic functions of logits [N, classes] and integer labels [N]. */
import { cast, crossEntropy, mul, oneHot, reduceMax, reduceSum, sub, type Value } from "../graph/index.ts";

export interface LossArguments {
  logits: Value;
  /** True classes, int32 [N]. */
  labels: Value;
  /** Classes aimed at, int32 [N]; used by targeted losses. */
  targets: Value;
}

/** Every loss is to be made large. */
export const losses = {
  /** −log softmax(z)_y */
  "cross-entropy": ({ logits, labels }: LossArguments) => crossEntropy(logits, labels),
  /** log softmax(z)_t */
  "targeted-cross-entropy": ({ logits, targets }: LossArguments) => mul(crossEntropy(logits, targets), -1),
  /** max_{j≠y} z_j − z_y (Carlini & Wagner 2017, without their margin κ) */
  margin: ({ logits, labels }: LossArguments) => sub(otherMaximum(logits, labels), chosen(logits, labels)),
  /** z_t − max_{j≠t} z_j */
  "targeted-margin": ({ logits, targets }: LossArguments) => sub(chosen(logits, targets), otherMaximum(logits, targets)),
  /** z_t − z_y */
  difference: ({ logits, labels, targets }: LossArguments) => sub(chosen(logits, targets), chosen(logits, labels)),
} as const;
export type LossName = keyof typeof losses;

/** z at the given class, [N]. */
function chosen(logits: Value, classes: Value): Value {
  return reduceSum(mul(logits, oneHot(classes, logits.shape[1], logits.dtype as "float32")), [1]);
}

/** The largest logit among the other classes, [N]. */
function otherMaximum(logits: Value, classes: Value): Value {
  const own = oneHot(cast(classes, "int32"), logits.shape[1], logits.dtype as "float32");
  return reduceMax(sub(logits, mul(own, 1e9)), [1]);
}
