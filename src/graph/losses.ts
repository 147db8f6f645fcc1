/** Losses per example: a batch of N gives [N], so that what couples the examples (a sum, a mean, weights) is chosen by the caller. */

import { neg } from "./operators/elementwise.ts";
import { gatherElements } from "./operators/gather.ts";
import { reshape } from "./operators/shape.ts";
import { logSoftmax } from "./operators/softmax.ts";
import { describe, GraphError, type Value } from "./value.ts";

/**
 * −log softmax(z)_y per example, without overflow: logits [N, classes], integer labels [N] in 0 … classes − 1.
 * @throws GraphError when shapes or dtypes do not fit.
 */
export function crossEntropy(logits: Value, labels: Value): Value {
  return neg(atLabel(logSoftmax(logits), labels));
}

/** The number of each example at its label: values [N, classes], integer labels [N] → [N]. */
export function atLabel(values: Value, labels: Value): Value {
  const fits = values.shape.length === 2 && labels.shape.length === 1 && labels.shape[0] === values.shape[0];
  if (!fits || !(labels.dtype === "int32" || labels.dtype === "int64"))
    throw new GraphError(`labels are one integer per example: ${describe(labels)} does not fit ${describe(values)}`);
  return reshape(gatherElements(values, reshape(labels, [-1, 1]), 1), labels.shape);
}
