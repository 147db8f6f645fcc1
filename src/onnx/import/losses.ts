/** Losses that training graphs end in. */
import {
  constant,
  div,
  equal,
  expand,
  gather,
  gatherElements,
  logSoftmax,
  mean,
  mul,
  neg,
  reshape,
  sum,
  unsqueeze,
  type Value,
  where,
} from "../../graph/index.ts";
import { scalar } from "../../tensor/index.ts";
import type { NodeReader } from "../reader.ts";
import type { ImportRules } from "./rule.ts";

export const losses: ImportRules = {
  NegativeLogLikelihoodLoss: (node) => likelihoodLoss(node, node.input(0)),
  /** Also gives the logarithms of the probabilities. */
  SoftmaxCrossEntropyLoss: (node) => {
    const logarithms = logSoftmax(node.input(0), 1);
    return [likelihoodLoss(node, logarithms), logarithms];
  },
};

/** −wₜ·xₜ for the class t of each place of x [N, C, …], as they are, summed, or averaged by weight; an ignored class counts nothing. */
function likelihoodLoss(node: NodeReader, x: Value): Value {
  const labels = node.input(1);
  const given = node.optional(2);
  const ignored = node.has("ignore_index") ? equal(labels, node.integer("ignore_index", 0)) : undefined;
  const safe = ignored ? where(ignored, 0, labels) : labels;
  const picked = neg(reshape(gatherElements(x, unsqueeze(safe, [1]), 1), labels.shape));
  const weights = given ? gather(given, safe) : expand(constant(scalar(1, x.dtype as "float32")), labels.shape);
  const counted = ignored ? where(ignored, 0, weights) : weights;
  const each = mul(picked, counted);
  switch (node.text("reduction", "mean")) {
    case "none":
      return each;
    case "sum":
      return sum(each);
    default:
      return given || ignored ? div(sum(each), sum(counted)) : mean(each);
  }
}
