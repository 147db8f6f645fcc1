/** Convolutions and their input gradients in the blocked layout, with weights reordered in the graph. */
import { constant, pad, reduceSum, reshape, slice, transpose, type Value } from "../../graph/index.ts";
import { full } from "../../tensor/index.ts";
import type { BlockedRule, Layout } from "./blocked.ts";
import { stridedInputGradient } from "./blocked-strided.ts";
import { fillChannels, reorderForGradient, reorderForPlainInput, reorderWeights } from "./blocked-weights.ts";
import { blockedConv, reorderOutput } from "./forms.ts";
import { gatherRuns, overGrid } from "./runs.ts";
import { slopeAndOffset } from "./scales.ts";

type Window = { strides: readonly number[]; pads: readonly number[]; dilations: readonly number[]; groups: number };

export const convolutionRules: readonly (readonly [string, BlockedRule])[] = [
  ["Conv", (value, inputs, layout) => convolution(value, inputs, layout)],
  ["ConvTranspose", (value, inputs, layout) => inputGradient(value, inputs, layout)],
  ["BatchNormalization", (value, inputs, layout) => normalization(value, inputs, layout)],
  ["ConvWeightGradient", (value, inputs, layout) => weightGradient(value, inputs, layout)],
];

function convolution(value: Value, [x, w, bias]: readonly Value[], layout: Layout): Value | undefined {
  const { strides, pads, dilations, groups } = value.attributes as Window;
  const [outputs, inputs] = w.shape;
  if (w.shape.length !== 4 || groups !== 1 || outputs < layout.block) return undefined;
  const { block } = layout;
  const plain = inputs < block;
  const weights = plain ? reorderForPlainInput(w, block) : reorderWeights(w, block);
  const filled = Math.ceil(outputs / block) * block;
  const blocked = blockedConv(plain ? x : layout.enter(x), weights, bias && fillChannels(bias, block, 0), undefined, {
    kernel: w.shape.slice(2),
    strides,
    pads,
    dilations,
    groups,
    activation: undefined,
    shape: [value.shape[0], filled, ...value.shape.slice(2)],
  });
  return layout.leave(blocked, outputs);
}

/** With stride 1 the input gradient is a convolution with the weights turned round, input and output channels exchanged. */
function inputGradient(value: Value, [dy, w]: readonly Value[], layout: Layout): Value | undefined {
  const { strides, pads, dilations, groups } = value.attributes as Window;
  const { block } = layout;
  const [outputs, inputs, ...kernel] = w.shape;
  if (strides.some((s) => s !== 1)) return stridedInputGradient(value, [dy, w], layout);
  const complement = kernel.flatMap((extent, axis) => dilations[axis] * (extent - 1) - pads[axis]);
  const ends = kernel.map((extent, axis) => dilations[axis] * (extent - 1) - pads[axis + kernel.length]);
  const fits = kernel.length === 2 && groups === 1 && [...complement, ...ends].every((n) => n >= 0);
  if (!fits || outputs < block || inputs < 3) return undefined;
  const blocked = blockedConv(layout.enter(dy), reorderForGradient(w, block), undefined, undefined, {
    kernel,
    strides,
    pads: [...complement, ...ends],
    dilations,
    groups,
    activation: undefined,
    shape: [value.shape[0], Math.ceil(inputs / block) * block, ...value.shape.slice(2)],
  });
  return layout.leave(blocked, inputs);
}

/** Batch normalization is a convolution of each channel with one weight. */
function normalization(value: Value, inputs: readonly Value[], layout: Layout): Value | undefined {
  const x = layout.known(inputs[0]);
  if (!x) return undefined;
  const { slope, offset } = slopeAndOffset(value, inputs);
  return layout.leave(scaleChannels(x, slope, offset, layout), value.shape[1]);
}

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

/**
 * The weight gradient as a convolution in which examples and channels have exchanged roles: input x [C, N, H, W], weights dy [O, N, H', W'].
 * The examples are input channels, few at a time (in as many groups as that takes), because fewer channels than a block are taken in the
 * plain layout: then both operands only move whole planes, and no numbers within them. The groups' results are summed.
 */
function weightGradient(value: Value, [x, dy]: readonly Value[], layout: Layout): Value | undefined {
  const { strides, pads, dilations, groups } = value.attributes as Window;
  const { block } = layout;
  const [given, channels, ...spatial] = x.shape;
  if (spatial.length !== 2 || groups !== 1 || dy.shape[1] < block) return undefined;
  // The runtime takes fewer channels than a block, or whole blocks: examples of zeros fill the last.
  const examples = given < block ? given : Math.ceil(given / block) * block;
  if (largestDivisor(examples, block - 1) < 4) return undefined;
  const gradient = fillChannels(layout.enter(dy), examples === given ? 1 : given + 1, 0);
  const [, outputs, rows, columns] = gradient.shape;
  const planes = outputs / block;
  const perGroup = largestDivisor(examples, Math.max(1, Math.min(block - 1, Math.floor(2 ** 17 / (outputs * rows * columns)))));
  const parts = groupsPerStep(examples / perGroup, perGroup, outputs * rows * columns, channels, block);
  const taps = spatial.map((extent, axis) => {
    const room = extent + pads[axis] + pads[axis + 2] - strides[axis] * (dy.shape[axis + 2] - 1) - 1;
    return Math.floor(room / dilations[axis]) + 1;
  });
  // Padding inside the convolution would compute the few taps of a line one by one.
  const padded = padded2d(x, pads, layout);
  const [height, width] = padded.shape.slice(2);
  let all: Value | undefined;
  for (let start = 0; start < examples; start += parts * perGroup) {
    const weightPlaces = overGrid([parts, planes, perGroup], ([part, o, n]) => Math.min(start + part * perGroup + n, given) * planes + o);
    const inputPlaces = overGrid([channels, parts * perGroup], ([c, n]) => Math.min(start + n, given - 1) * channels + c);
    const weights = reshape(gatherRuns(gradient, rows * columns * block, weightPlaces), [parts * outputs, perGroup, rows, columns]);
    const images = reshape(gatherRuns(padded, height * width, inputPlaces), [channels, parts * perGroup, height, width]);
    all = blockedConv(images, weights, undefined, all, {
      kernel: [rows, columns],
      strides: dilations,
      pads: [0, 0, 0, 0],
      dilations: strides,
      groups: parts,
      activation: undefined,
      shape: [channels, parts * outputs, ...taps],
    });
  }
  const blocks = reshape(all as Value, [channels, parts, planes * taps[0] * taps[1] * block]);
  const summed = parts === 1 ? blocks : reduceSum(blocks, [1]);
  const perBlock = gatherRuns(
    summed,
    taps[0] * taps[1] * block,
    overGrid([planes, channels], ([o, c]) => c * planes + o),
  );
  const plain = reshape(transpose(reshape(perBlock, [planes, channels * taps[0] * taps[1], block]), [0, 2, 1]), [
    outputs,
    channels,
    ...taps,
  ]);
  return slice(plain, { starts: [0, 0, 0, 0], steps: [1, 1, 1, 1], extents: value.shape });
}

/** The plain x with zeros around; one that is in the layout gets them there, by a convolution with ones, which takes all threads. */
function padded2d(x: Value, pads: readonly number[], layout: Layout): Value {
  const blocked = layout.known(x);
  if (!blocked || pads.every((p) => p === 0)) return pad(x, { before: [0, 0, pads[0], pads[1]], after: [0, 0, pads[2], pads[3]] });
  const ones = constant(full([blocked.shape[1]], 1));
  return reorderOutput(scaleChannels(blocked, ones, undefined, layout, pads), x.shape[1]);
}

/**
 * Every channel of x reads all weights again, so they should stay in the processor's cache: a quarter of a megabyte at a time. Several groups
 * together must fill blocks.
 */
function groupsPerStep(groups: number, perGroup: number, size: number, readers: number, block: number): number {
  const limit = readers < 4 ? groups : Math.max(1, Math.floor(2 ** 16 / (perGroup * size)));
  for (let parts = Math.min(groups, limit); parts > 1; parts--) if (groups % parts === 0 && (parts * perGroup) % block === 0) return parts;
  return 1;
}

/** The largest divisor of n that is at most `limit`. */
function largestDivisor(n: number, limit: number): number {
  for (let divisor = Math.min(n, limit); divisor > 1; divisor--) if (n % divisor === 0) return divisor;
  return 1;
}
