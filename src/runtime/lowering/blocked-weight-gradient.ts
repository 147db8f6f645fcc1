/**
 * The weight gradient as a blocked convolution in which examples and channels have exchanged roles: the examples are input channels, and dy is
 * the weights. Blocked images are taken as they lie, a block of channels being pixels side by side, [C/b, N, H, W·b]: each tap of the kernel is
 * then a run of b results, and both operands only move whole planes. An x of few channels comes as [C, N, H, W].
 */
import { pad, reduceSum, reshape, sliceAxis, transpose, type Value } from "../../graph/index.ts";
import type { BlockedRule, Layout } from "./blocked.ts";
import { scaleChannels } from "./blocked-channels.ts";
import { matrixWeightGradient, type Window, worthMatrices } from "./blocked-matrices.ts";
import { fillChannels } from "./blocked-weights.ts";
import { blockedConv } from "./forms.ts";
import { gatherRuns, overGrid } from "./runs.ts";

export const weightGradient: BlockedRule = (value, [x, dy], layout) => {
  const { strides, pads, dilations, groups } = value.attributes as Window;
  const { block } = layout;
  const [channels, ...spatial] = x.shape.slice(1);
  if (spatial.length !== 2 || groups !== 1 || dy.shape[1] < block) return undefined;
  if (worthMatrices(value.shape, dy.shape.slice(2), value.attributes as Window, block)) return matrixWeightGradient(value, [x, dy], layout);
  // The engine takes fewer channels than a block in the plain layout, or several groups that fill blocks together.
  const given = x.shape[0];
  const examples = given < block ? given : Math.ceil(given / block) * block;
  if (largestDivisor(examples, block - 1) < 4) return undefined;

  // How far the kernel reaches beyond its taps: where the padding allows, it is left away.
  const reach = (axis: number) => spatial[axis] + pads[axis] + pads[axis + 2] - strides[axis] * (dy.shape[axis + 2] - 1) - 1;
  const excess = [0, 1].map((axis) => Math.min(pads[axis + 2], reach(axis) - dilations[axis] * (value.shape[axis + 2] - 1)));
  const images = padded(x, [pads[0], pads[1], pads[2] - excess[0], pads[3] - excess[1]], layout);
  const [, planes, height, width] = images.value.shape;
  const rowStep = dilations[0];
  const columnStep = images.unit === 1 ? dilations[1] : 1;
  const resultHeight = Math.floor((reach(0) - excess[0]) / rowStep) + 1;
  const resultWidth = Math.floor((reach(1) - excess[1]) / columnStep + 1) * images.unit;

  const gradient = given === examples ? layout.enter(dy) : withZeroExample(layout.enter(dy));
  const [, filled, rows, columns] = gradient.shape;
  const outputs = filled / block;
  const perGroup = largestDivisor(examples, Math.max(1, Math.min(block - 1, Math.floor(groupLimit / (filled * rows * columns)))));
  const parts = groupsPerStep(examples / perGroup, perGroup, filled * rows * columns, planes * images.unit, block);
  let all: Value | undefined;
  for (let start = 0; start < examples; start += parts * perGroup) {
    const weightPlaces = overGrid([parts, outputs, perGroup], ([part, o, n]) => Math.min(start + part * perGroup + n, given) * outputs + o);
    const imagePlaces = overGrid([planes, parts * perGroup], ([c, n]) => Math.min(start + n, given - 1) * planes + c);
    const weights = gatherRuns(gradient, rows * columns * block, weightPlaces);
    const step = gatherRuns(images.value, height * width, imagePlaces);
    all = blockedConv(
      reshape(step, [planes, parts * perGroup, height, width]),
      reshape(weights, [parts * filled, perGroup, rows, columns]),
      undefined,
      all,
      {
        kernel: [rows, columns],
        strides: [rowStep, columnStep],
        pads: [0, 0, 0, 0],
        dilations: [strides[0], strides[1] * images.unit],
        groups: parts,
        activation: undefined,
        shape: [planes, parts * filled, resultHeight, resultWidth],
      },
    );
  }

  const blocks = reshape(all as Value, [planes, parts, outputs * resultHeight * resultWidth * block]);
  const summed = parts === 1 ? blocks : reduceSum(blocks, [1]);
  const [, , kernelHeight, kernelWidth] = value.shape;
  const places = overGrid([outputs, channels, kernelHeight, kernelWidth], ([o, c, i, j]) => {
    const plane = Math.floor(c / images.unit) * outputs + o;
    const column = (j * dilations[1]) / columnStep;
    return (plane * resultHeight + i) * resultWidth + column * images.unit + (c % images.unit);
  });
  const perBlock = reshape(gatherRuns(summed, block, places), [outputs, places.length / outputs, block]);
  const plain = reshape(transpose(perBlock, [0, 2, 1]), [filled, ...value.shape.slice(1)]);
  return sliceAxis(plain, 0, 0, value.shape[0]);
};

/** Numbers of dy in one group, and in the groups of one step: every few results read them again, so they stay in the processor's cache. */
const groupLimit = 2 ** 17;
const stepLimit = 2 ** 18;

/** x with zeros around, as planes [N, planes, H, W·unit]; one that is in the layout gets them by a convolution with ones, on all threads. */
function padded(x: Value, pads: readonly number[], layout: Layout): { value: Value; unit: number } {
  const blocked = layout.known(x);
  if (!blocked) return { value: pad(x, { before: [0, 0, pads[0], pads[1]], after: [0, 0, pads[2], pads[3]] }), unit: 1 };
  const value = pads.every((p) => p === 0) ? blocked : scaleChannels(blocked, undefined, undefined, layout, pads);
  const [n, c, h, w] = value.shape;
  return { value: reshape(value, [n, c / layout.block, h, w * layout.block]), unit: layout.block };
}

function withZeroExample(gradient: Value): Value {
  return fillChannels(gradient, gradient.shape[0] + 1, 0);
}

/** Groups that are computed in one step: they divide all, fill blocks together, and stay in the cache if many planes read them. */
function groupsPerStep(groups: number, perGroup: number, size: number, readers: number, block: number): number {
  const limit = readers < 4 ? groups : Math.max(1, Math.floor(stepLimit / (perGroup * size)));
  for (let parts = Math.min(groups, limit); parts > 1; parts--) if (groups % parts === 0 && (parts * perGroup) % block === 0) return parts;
  return 1;
}

/** The largest divisor of n that is at most `limit`. */
function largestDivisor(n: number, limit: number): number {
  for (let divisor = Math.min(n, limit); divisor > 1; divisor--) if (n % divisor === 0) return divisor;
  return 1;
}
