/**
 * Convolution as a matrix product: every window of the input becomes a column. Its two gradients follow by differentiation, since they are
 * linear and do not look at the operand that they are the gradient of.
 */
import { add, concat, input, matMul, pad, reshape, slice, unsqueeze, type Value, vjp } from "../../graph/index.ts";
import { type Shape, size } from "../../tensor/index.ts";

type Window = { strides: readonly number[]; pads: readonly number[]; dilations: readonly number[]; groups: number };

/** Conv of x [N, C, …] and w [O, C/groups, …]. */
export function convOf(x: Value, w: Value, bias: Value | undefined, attributes: Window, spatial: Shape): Value {
  const { groups } = attributes;
  const [examples, channels] = x.shape;
  const columns = reshape(windowsOf(x, w.shape.slice(2), attributes, spatial), [examples, groups, -1, size(spatial)]);
  const rows = reshape(w, [1, groups, w.shape[0] / groups, (channels / groups) * size(w.shape.slice(2))]);
  const y = reshape(matMul(rows, columns), [examples, w.shape[0], ...spatial]);
  return bias ? add(y, reshape(bias, [-1, ...spatial.map(() => 1)])) : y;
}

/** ConvTranspose of dy and w, onto the shape of x. */
export function inputGradientOf(dy: Value, w: Value, attributes: Window, shape: Shape): Value {
  const x = input("any input", shape, dy.dtype as "float64");
  return vjp([convOf(x, w, undefined, attributes, dy.shape.slice(2))], [x], [dy])[0];
}

/** ConvWeightGradient of x and dy, onto the shape of w. */
export function weightGradientOf(x: Value, dy: Value, attributes: Window, shape: Shape): Value {
  const w = input("any weights", shape, dy.dtype as "float64");
  return vjp([convOf(x, w, undefined, attributes, dy.shape.slice(2))], [w], [dy])[0];
}

/** [N, C, …] → [N, C, K, …spatial]: for each of the K places of the window, the input under it, or `padding` outside. */
export function windowsOf(
  x: Value,
  kernel: Shape,
  { strides, pads, dilations }: Omit<Window, "groups">,
  spatial: Shape,
  padding = 0,
): Value {
  const rank = kernel.length;
  const padded = pad(x, { before: [0, 0, ...pads.slice(0, rank)], after: [0, 0, ...pads.slice(rank)], value: padding });
  const offsets = kernel.reduce<number[][]>((all, extent) => all.flatMap((o) => Array.from({ length: extent }, (_, k) => [...o, k])), [[]]);
  const taps = offsets.map((offset) =>
    slice(padded, {
      starts: [0, 0, ...offset.map((k, axis) => k * dilations[axis])],
      steps: [1, 1, ...strides],
      extents: [...x.shape.slice(0, 2), ...spatial],
    }),
  );
  return concat(
    taps.map((tap) => unsqueeze(tap, [2])),
    2,
  );
}
