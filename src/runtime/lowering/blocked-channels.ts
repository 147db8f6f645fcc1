/** What happens to each channel by itself, as convolutions with as many groups as channels: one pass over the images, on all threads. */
import { constant, reshape, type Value } from "../../graph/index.ts";
import { full } from "../../tensor/index.ts";
import type { BlockedRule, Layout } from "./blocked.ts";
import { fillChannels } from "./blocked-weights.ts";
import { blockedConv } from "./forms.ts";
import { slopeAndOffset } from "./scales.ts";

/** Batch normalization is a convolution of each channel with one weight. */
export const normalization: BlockedRule = (value, inputs, layout) => {
  const x = layout.known(inputs[0]);
  if (!x) return undefined;
  const { slope, offset } = slopeAndOffset(value, inputs);
  return layout.leave(scaleChannels(x, slope, offset, layout), value.shape[1]);
};

/** slope·x + offset per channel of a blocked x (slope 1 where none is given), with `pads` zeros around, which the offset is added to as well. */
export function scaleChannels(
  x: Value,
  slope: Value | undefined,
  offset: Value | undefined,
  { block }: Layout,
  pads: readonly number[] = [0, 0, 0, 0],
): Value {
  const [n, c, height, width] = x.shape;
  const weights = reshape(slope ? fillChannels(slope, block, 0) : constant(full([c], 1)), [c, 1, 1, 1]);
  return blockedConv(x, weights, offset && fillChannels(offset, block, 0), undefined, {
    kernel: [1, 1],
    strides: [1, 1],
    pads,
    dilations: [1, 1],
    groups: x.shape[1],
    activation: undefined,
    shape: [n, c, height + pads[0] + pads[2], width + pads[1] + pads[3]],
  });
}

/** Σ a·b over the pixels of blocked images, in one pass: each channel of a is convolved with that of b. */
export function sumsOfProducts(a: Value, b: Value): Value {
  const [n, c, h, w] = a.shape;
  return blockedConv(reshape(a, [1, n * c, h, w]), reshape(b, [n * c, 1, h, w]), undefined, undefined, {
    kernel: [h, w],
    strides: [1, 1],
    pads: [0, 0, 0, 0],
    dilations: [1, 1],
    groups: n * c,
    activation: undefined,
    shape: [1, n * c, 1, 1],
  });
}
