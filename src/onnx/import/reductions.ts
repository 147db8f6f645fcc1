/** Reductions over axes, positions of extrema, the largest k. */
import {
  abs,
  argMax,
  argMin,
  cumSum,
  log,
  logSumExp,
  mul,
  reduceMax,
  reduceMean,
  reduceMin,
  reduceProd,
  reduceSum,
  reverse,
  sqrt,
  square,
  sub,
  topK,
  type Value,
} from "../../graph/index.ts";
import type { NodeReader } from "../reader.ts";
import type { ImportRule, ImportRules } from "./rule.ts";

type Reduce = (x: Value, axes: readonly number[], options: { keepDimensions: boolean }) => Value;

/** Axes are an attribute or (ReduceSum from opset 13, the others from 18) an input; without them all, or none with `noop_with_empty_axes`. */
const reduction =
  (reduce: Reduce): ImportRule =>
  (node) => {
    const x = node.input(0);
    const axes = node.knownEither("axes", 1);
    if (!axes?.length && node.flag("noop_with_empty_axes")) return x;
    return reduce(x, axes?.length ? axes : x.shape.map((_, axis) => axis), { keepDimensions: node.flag("keepdims", true) });
  };

export const reductions: ImportRules = {
  ReduceSum: reduction(reduceSum),
  ReduceMean: reduction(reduceMean),
  ReduceMax: reduction(reduceMax),
  ReduceMin: reduction(reduceMin),
  ReduceProd: reduction(reduceProd),
  ReduceL1: reduction((x, axes, options) => reduceSum(abs(x), axes, options)),
  ReduceL2: reduction((x, axes, options) => sqrt(reduceSum(square(x), axes, options))),
  ReduceLogSum: reduction((x, axes, options) => log(reduceSum(x, axes, options))),
  ReduceLogSumExp: reduction(logSumExp),
  ReduceSumSquare: reduction((x, axes, options) => reduceSum(square(x), axes, options)),
  ArgMax: (node) => position(node, argMax),
  ArgMin: (node) => position(node, argMin),
  CumSum: (node) => cumSum(node.input(0), node.scalar(1), { exclusive: node.flag("exclusive"), reverse: node.flag("reverse") }),
  /** Values (differentiable) and indices (not) of the k largest or smallest. */
  TopK: (node) => topK(node.input(0), node.scalar(1), { axis: node.integer("axis", -1), smallest: !node.flag("largest", true) }),
};

function position(node: NodeReader, find: typeof argMax): Value {
  const x = node.input(0);
  const axis = node.integer("axis", 0);
  const options = { keepDimensions: node.flag("keepdims", true) };
  if (!node.flag("select_last_index")) return find(x, axis, options);
  const positive = axis < 0 ? axis + x.shape.length : axis;
  const fromBehind = find(reverse(x, positive), positive, options);
  return sub(mul(fromBehind, -1), 1 - x.shape[positive]);
}
