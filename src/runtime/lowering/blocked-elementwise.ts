/** Element-wise operators and reductions over pixels in the blocked layout. */
import { mul, reduceMean, reduceSum, reshape, sliceAxis, type Value } from "../../graph/index.ts";
import { sameShape, size } from "../../tensor/index.ts";
import { type BlockedRule, channelBlocks, type Layout, reapply, withBlockAxis, withoutBlockAxis } from "./blocked.ts";
import { scaleChannels, sumsOfProducts } from "./blocked-channels.ts";

const unary = ["Relu", "HardSigmoid", "LeakyRelu", "Neg", "Abs", "Tanh", "Sigmoid", "Clip"];
const binary = ["Add", "Sub", "Mul", "Max", "Min"];

export const elementwiseRules: readonly (readonly [string, BlockedRule])[] = [
  ...unary.map((name): readonly [string, BlockedRule] => [name, pointwise]),
  ...binary.map((name): readonly [string, BlockedRule] => [name, pointwise]),
  ["ReduceSum", reduction],
  ["ReduceMean", reduction],
  ["Reshape", (value, [x], layout) => (layout.known(x) && sameShape(value.shape, x.shape) ? x : undefined)],
];

/** Stays in the layout if an input is in it and the others are in it, plain of the same shape, scalars, or one number per channel. */
function pointwise(value: Value, inputs: readonly Value[], layout: Layout): Value | undefined {
  const { shape } = value;
  if (shape.length !== 4 || !inputs.some((x) => layout.known(x) && sameShape(x.shape, shape))) return undefined;
  const { block } = layout;
  const scale =
    value.operator.name === "Mul" ? inputs.find((x) => size(x.shape) === shape[1] && channelBlocks(x, shape[1], block)) : undefined;
  const scaled = inputs.find((x) => x !== scale && layout.known(x));
  if (scale && scaled) return layout.leave(scaleChannels(layout.enter(scaled), reshape(scale, [-1]), undefined, layout), shape[1]);
  let perChannel = false;
  const operands: Value[] = [];
  for (const x of inputs) {
    if (sameShape(x.shape, shape)) operands.push(layout.enter(x));
    else if (size(x.shape) === 1) operands.push(reshape(x, []));
    else {
      const channels = channelBlocks(x, shape[1], block);
      if (!channels) return undefined;
      perChannel = true;
      operands.push(channels);
    }
  }
  const split = (x: Value) => (x.shape.length === 4 ? withBlockAxis(x, block) : x);
  const result = perChannel ? withoutBlockAxis(reapply(value, operands.map(split))) : reapply(value, operands);
  return layout.leave(result, shape[1]);
}

/** Sums and means over all pixels, and over all examples too. */
function reduction(value: Value, [x]: readonly Value[], layout: Layout): Value | undefined {
  const blocked = layout.known(x);
  const { axes } = value.attributes as { axes: readonly number[] };
  const overExamples = sameShape(axes, [0, 2, 3]);
  if (!blocked || !(overExamples || sameShape(axes, [2, 3]))) return undefined;
  const [n, c, h, w] = blocked.shape;
  const [first, second] = blocked.inputs;
  const product = blocked.operator.name === "Mul" && sameShape(first.shape, blocked.shape) && sameShape(second.shape, blocked.shape);
  const mean = value.operator.name === "ReduceMean";
  const sums = product ? sumsOfProducts(first, second) : undefined;
  const pixels = () => (mean ? reduceMean : reduceSum)(reshape(blocked, [n, c / layout.block, h * w, layout.block]), [2]);
  const perExample = reshape(sums ? (mean ? mul(sums, 1 / (h * w)) : sums) : pixels(), [n, c]);
  const total = overExamples ? (mean ? reduceMean : reduceSum)(perExample, [0]) : perExample;
  return reshape(sliceAxis(total, -1, 0, x.shape[1]), value.shape);
}
