/** Pooling in the blocked layout: windows of [N·C/b, 1, H, W, b] that do not reach across the block. */
import { apply, concat, hardSigmoid, mul, type Operator, operators, reshape, slice, sub, type Value } from "../../graph/index.ts";
import type { PoolAttributes } from "../../onnx/pooling.ts";
import { sameShape } from "../../tensor/index.ts";
import { type BlockedRule, type Layout, reapply } from "./blocked.ts";
import { overlappingGradient } from "./blocked-overlaps.ts";

export const poolingRules: readonly (readonly [string, BlockedRule])[] = [
  ["MaxPool", pooling],
  [
    "MaxPoolGrad",
    (value, inputs, layout) =>
      disjointGradient(value, inputs, layout) ??
      overlappingGradient(value, inputs, () => maximaOf(value, inputs[0], layout), layout) ??
      pooling(value, inputs, layout),
  ],
  ["MaxPoolGather", pooling],
];

/**
 * The gradient where disjoint windows fill the image, without positions (which the engine finds slowly): place by place of the window, what is
 * left of dy goes to x where it equals the maximum, so that the first maximum takes it.
 */
function disjointGradient(value: Value, [x, dy]: readonly Value[], layout: Layout): Value | undefined {
  const { kernel, strides, pads, dilations } = value.attributes as PoolAttributes;
  const [n, , height, width] = value.shape;
  const [rows, columns] = kernel;
  const fills = height % rows === 0 && width % columns === 0 && pads.every((p) => p === 0) && dilations.every((d) => d === 1);
  if (!layout.known(x) || kernel.length !== 2 || !sameShape(kernel, strides) || !fills || rows * columns > 9) return undefined;
  const { block } = layout;
  const blocked = layout.enter(x);
  const filled = blocked.shape[1];
  const quotient = [(n * filled * height) / (block * rows), 1, width / columns, block];
  const places = reshape(blocked, [quotient[0], rows, quotient[2], columns * block]);
  const maxima = reshape(layout.enter(maximaOf(value, x, layout)), quotient);
  let left = reshape(layout.enter(dy), quotient);
  const parts = Array.from({ length: rows * columns }, (_, k) => {
    if (k === rows * columns - 1) return left;
    const starts = [0, Math.floor(k / columns), 0, (k % columns) * block];
    const place = slice(places, { starts, steps: [1, 1, 1, 1], extents: quotient });
    const part = mul(hardSigmoid(sub(place, maxima), { alpha: 1e38, beta: 1 }), left);
    left = sub(left, part);
    return part;
  });
  const lines = Array.from({ length: rows }, (_, row) => concat(parts.slice(row * columns, (row + 1) * columns), 3));
  return layout.leave(reshape(concat(lines, 1), blocked.shape), value.shape[1]);
}

/** The maxima that belong to a gradient, as the forward pass computes them. */
function maximaOf(value: Value, x: Value, layout: Layout): Value {
  const forward = operators.get("MaxPool") as Operator;
  return pooling(apply(forward, [x], value.attributes), [x], layout) as Value;
}

/** All results and operands but the pooled x go with it into the layout. */
function pooling(value: Value, inputs: readonly Value[], layout: Layout): Value | undefined {
  if (!layout.known(inputs[0]) || value.shape.length !== 4) return undefined;
  const [n, channels, height, width] = value.shape;
  const { block } = layout;
  const planes = (x: Value) => {
    const blocked = layout.enter(x);
    return reshape(blocked, [(blocked.shape[0] * blocked.shape[1]) / block, 1, ...blocked.shape.slice(2), block]);
  };
  const { kernel, strides, pads, dilations, ceil } = value.attributes as PoolAttributes;
  const attributes: PoolAttributes = {
    kernel: [...kernel, 1],
    strides: [...strides, 1],
    pads: [pads[0], pads[1], 0, pads[2], pads[3], 0],
    dilations: [...dilations, 1],
    ceil,
  };
  const pooled = reapply({ ...value, attributes }, inputs.map(planes));
  return layout.leave(reshape(pooled, [n, Math.ceil(channels / block) * block, height, width]), channels);
}
