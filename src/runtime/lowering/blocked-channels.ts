/** What happens to each channel by itself, as convolutions with as many groups as channels: one pass over the images, on all threads. */
import { reshape, type Value } from "../../graph/index.ts";
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

/** slope·x + offset per channel of a blocked x, with `pads` (before offset is added) zeros around. */
export function scaleChannels(
  x: Value,
  slope: Value,
  offset: Value | undefined,
  { block }: Layout,
  pads: readonly number[] = [0, 0, 0, 0],
): Value {
  const weights = reshape(fillChannels(slope, block, 0), [x.shape[1], 1, 1, 1]);
  const [n, c, height, width] = x.shape;
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
