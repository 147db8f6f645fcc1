/** Canonical operators that ONNX does not have, written in ones that it has. */
import {
  add,
  cast,
  conv,
  div,
  expand,
  floor,
  greater,
  isFloat,
  less,
  lift,
  mul,
  rebuild,
  reshape,
  scatterElements,
  slice,
  sub,
  transpose,
  type Value,
  where,
} from "../graph/index.ts";
import { size } from "../tensor/index.ts";
import {
  averagePoolGradOf,
  averagePoolOf,
  maxPoolGatherOf,
  maxPoolGradOf,
  maxPoolWithPositions,
  type PoolAttributes,
  positionsOf,
} from "./pooling.ts";

/** What takes the place of a value whose operator is not in ONNX, in terms of its inputs; by operator. */
export const compositions: Readonly<Record<string, (value: Value, inputs: readonly Value[]) => Value | undefined>> = {
  Step: (value, [x]) => cast(greater(x, 0), value.dtype),
  /** ONNX's floating Mod has the sign of the dividend, ours that of the divisor. */
  Mod: (value, [a, b]) => (isFloat(value.dtype) ? sub(a, mul(b, floor(div(a, b)))) : undefined),
  ConvWeightGradient: (value, [x, dy]) => weightGradientOf(value, x, dy),
  MaxPoolGrad: (value, [x, dy]) => maxPoolGradOf(x, dy, maxPositions(value, x)),
  MaxPoolGather: (value, [x, v]) => maxPoolGatherOf(v, maxPositions(value, x)),
  AveragePoolGrad: (value, [dy]) => averagePoolGradOf(value, dy),
  /** Opset 18 has no dilated average pooling. */
  AveragePool: (value, [x]) =>
    (value.attributes.dilations as readonly number[]).every((d) => d === 1) ? undefined : averagePoolOf(value, x),
  ScatterRows: (value, [x, indices]) => scatterRowsOf(value, x, indices),
};

/** The outputs in operators that ONNX has. */
export function inOnnxTerms(outputs: readonly Value[]): Value[] {
  return rebuild(outputs, (value, inputs) => compositions[value.operator.name]?.(value, inputs));
}

function maxPositions({ attributes }: Value, x: Value): Value {
  return positionsOf(maxPoolWithPositions(x, attributes as PoolAttributes), x);
}

function scatterRowsOf(value: Value, x: Value, indices: Value): Value {
  const { axis, extent } = value.attributes as { axis: number; extent: number };
  const [outer, inner, count] = [size(value.shape.slice(0, axis)), size(value.shape.slice(axis + 1)), size(indices.shape)];
  const wide = cast(indices, "int64");
  const positive = where(less(wide, 0), add(wide, extent), wide);
  const places = expand(reshape(positive, [1, count, 1]), [outer, count, inner]);
  const sums = scatterElements(expand(lift(0, x), [outer, extent, inner]), places, reshape(x, [outer, count, inner]), 1);
  return reshape(sums, value.shape);
}

/**
 * The weight gradient as one convolution with the roles of examples and channels exchanged, and of strides and dilations:
 * input x [C/G, G·N, …], weights dy [O, N, …], in G groups.
 */
function weightGradientOf(value: Value, x: Value, dy: Value): Value {
  const { strides, pads, dilations, groups, kernel } = value.attributes as Record<
    "strides" | "pads" | "dilations" | "kernel",
    readonly number[]
  > & {
    groups: number;
  };
  const [examples, channels, ...spatial] = x.shape;
  const spatialAxes = spatial.map((_, axis) => axis);
  const split = reshape(x, [examples, groups, channels / groups, ...spatial]);
  const swapped = transpose(split, [2, 1, 0, ...spatialAxes.map((axis) => axis + 3)]);
  const input = reshape(swapped, [channels / groups, groups * examples, ...spatial]);
  const weights = transpose(dy, [1, 0, ...spatialAxes.map((axis) => axis + 2)]);
  const all = conv(input, weights, undefined, { strides: dilations, dilations: strides, pads, groups });
  const taps = slice(all, {
    starts: all.shape.map(() => 0),
    steps: all.shape.map(() => 1),
    extents: [...all.shape.slice(0, 2), ...kernel],
  });
  return transpose(taps, [1, 0, ...spatialAxes.map((axis) => axis + 2)]);
}
