/** Losses that compare two predictions, per example, as symbolic functions of logits [N, classes]. */
import { logSoftmax, mul, reduceSum, softmax, sub, type Value } from "../graph/index.ts";

/** KL(p‖q) = Σⱼ pⱼ (log pⱼ − log qⱼ) of p = softmax(from) and q = softmax(to), [N]. */
export function divergence(from: Value, to: Value): Value {
  return reduceSum(mul(softmax(from), sub(logSoftmax(from), logSoftmax(to))), [1]);
}
