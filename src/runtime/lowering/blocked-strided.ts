/**
 * The input gradient of a strided convolution as one convolution with stride 1: pixels of the input fall into s·s classes by their position
 * modulo the stride, each class sees its own part of the kernel, and the classes are channels of the result until they are put in place.
 * A kernel of one pixel reaches the first class only: the others are zeros.
 */
import { concat, constant, pad, reshape, slice, transpose, type Value } from "../../graph/index.ts";
import { full } from "../../tensor/index.ts";
import type { Layout } from "./blocked.ts";
import type { Window } from "./blocked-matrices.ts";
import { fillChannels, reorderForGradient } from "./blocked-weights.ts";
import { blockedConv } from "./forms.ts";
import { alignGroups } from "./reach.ts";
import { gatherRuns, overGrid } from "./runs.ts";

/**
 * ConvTranspose with strides above 1; undefined where its form does not fit, or would be slower than the plain one: with few channels of dy, or a
 * kernel that has no taps for some class.
 */
export function stridedInputGradient(value: Value, [dy, w]: readonly Value[], layout: Layout): Value | undefined {
  const { strides, pads, dilations, groups } = value.attributes as Window;
  const { block } = layout;
  const [n, channels, ...spatial] = value.shape;
  const [outputs, , ...kernel] = w.shape;
  if (kernel.every((k) => k === 1) && pads.every((p) => p === 0)) return onePixelGradient(value, [dy, w], layout);
  // Pixel h is number q of its class r where h + offset = s·q + r.
  const axes = spatial.map((h, axis) => alignGroups(h, kernel[axis], { stride: strides[axis], pad: pads[axis] }, strides[axis]));
  const [taps, counts] = [axes.map(({ windows }) => windows), axes.map(({ groups }) => groups)];
  const begins = axes.map(({ first }) => -first);
  const ends = counts.map((count, axis) => count - 1 + taps[axis] - begins[axis] - dy.shape[axis + 2]);
  const worthwhile = kernel.length === 2 && kernel.every((k, axis) => k > strides[axis]) && outputs >= block;
  const fits = groups === 1 && dilations.every((d) => d === 1) && [...begins, ...ends].every((n) => n >= 0);
  if (!worthwhile || !fits) return undefined;
  const filled = ceilDivide(channels, block) * block;
  const before = axes.map(({ offset, first, windows }, axis) => strides[axis] * (first + windows - 1) + offset - pads[axis]);
  const y = blockedConv(layout.enter(dy), classWeights(w, { strides, taps, before }, filled, block), undefined, undefined, {
    kernel: taps,
    strides: [1, 1],
    pads: [...begins, ...ends],
    dilations,
    groups,
    activation: undefined,
    shape: [n, strides[0] * strides[1] * filled, ...counts],
  });
  const planes = filled / block;
  const places = overGrid([n, planes, ...spatial], ([example, plane, h, v]) => {
    const [row, column] = [h + axes[0].offset, v + axes[1].offset];
    const inClass = ((row % strides[0]) * strides[1] + (column % strides[1])) * planes + plane;
    const run = (example * strides[0] * strides[1] * planes + inClass) * counts[0] + Math.floor(row / strides[0]);
    return run * counts[1] + Math.floor(column / strides[1]);
  });
  return layout.leave(reshape(gatherRuns(y, block, places), [n, filled, ...spatial]), channels);
}

/** With a kernel of one pixel: computed where the stride falls, with zeros between. */
function onePixelGradient(value: Value, [dy, w]: readonly Value[], layout: Layout): Value | undefined {
  const { strides, groups } = value.attributes as Window;
  const { block } = layout;
  const [n, channels, ...spatial] = value.shape;
  const [outputs] = w.shape;
  if (spatial.length !== 2 || groups !== 1 || channels < block || outputs < block) return undefined;
  const filled = ceilDivide(channels, block) * block;
  const [height, width] = dy.shape.slice(2);
  const y = blockedConv(layout.enter(dy), reorderForGradient(w, block), undefined, undefined, {
    kernel: [1, 1],
    strides: [1, 1],
    pads: [0, 0, 0, 0],
    dilations: [1, 1],
    groups,
    activation: undefined,
    shape: [n, filled, height, width],
  });
  const planes = filled / block;
  const zeros = n * planes * height * width;
  const places = overGrid([n * planes, ...spatial], ([plane, h, v]) =>
    h % strides[0] || v % strides[1] ? zeros : (plane * height + h / strides[0]) * width + v / strides[1],
  );
  const runs = concat([reshape(y, [zeros, block]), constant(full([1, block], 0))], 0);
  return layout.leave(reshape(gatherRuns(runs, block, places), [n, filled, ...spatial]), channels);
}

/**
 * The weights of all classes as those of one convolution from the channels of dy to (class, channel of x), turned round and reordered. With `before`
 * zeros before the kernel, class r has its numbers r, r + s, ….
 */
function classWeights(
  w: Value,
  { strides, taps, before }: Record<"strides" | "taps" | "before", readonly number[]>,
  filled: number,
  block: number,
): Value {
  const filledUp = pad(fillChannels(w, block, 0), {
    before: [0, 0, ...before],
    after: [0, filled - w.shape[1], ...taps.map((count, axis) => count * strides[axis] - w.shape[axis + 2] - before[axis])],
  });
  const [outputs, , height, width] = filledUp.shape;
  const last = transpose(reshape(filledUp, [outputs, filled, height * width]), [0, 2, 1]);
  const split = reshape(last, [outputs, taps[0], strides[0], taps[1], strides[1], filled]);
  const turned = slice(split, {
    starts: [0, taps[0] - 1, 0, taps[1] - 1, 0, 0],
    steps: [1, -1, 1, -1, 1, 1],
    extents: split.shape,
  });
  const blocks = reshape(turned, [outputs / block, block, taps[0], strides[0], taps[1], strides[1], filled / block, block]);
  return reshape(transpose(blocks, [3, 5, 6, 0, 2, 4, 1, 7]), [strides[0] * strides[1] * filled, outputs, ...taps]);
}

function ceilDivide(a: number, b: number): number {
  return Math.ceil(a / b);
}
