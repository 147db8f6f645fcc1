/**
 * Convolutions with many weights and few pixels, as matrix products over the whole batch: a blocked convolution reads all weights again for every
 * line of every image, which is slow once they do not fit into the processor's cache. Every window becomes a row of [C, taps], as the weights
 * have them: the rows are turned, and not the weights, which are more.
 */
import { reduceSum, reshape, transpose, type Value } from "../../graph/index.ts";
import { type Shape, size } from "../../tensor/index.ts";
import type { Layout } from "./blocked.ts";
import { scaleChannels } from "./blocked-channels.ts";
import { fillChannels } from "./blocked-weights.ts";
import { gemm } from "./forms.ts";
import { mostReached, reachOf } from "./reach.ts";
import { gatherRuns, overGrid } from "./runs.ts";

export type Window = { strides: readonly number[]; pads: readonly number[]; dilations: readonly number[]; groups: number };

/** Whether the weights of a convolution onto `pixels` are worth it. */
export function worthMatrices(weights: Shape, pixels: Shape, { groups }: Window, block: number): boolean {
  const [outputs, inputs] = weights;
  const fits = groups === 1 && weights.length === 4 && outputs % block === 0 && inputs % block === 0;
  return fits && size(weights) >= 2 ** 20 && pixels[1] <= 4;
}

/** Conv: rows · weightsᵀ + bias. */
export function matrixConvolution(value: Value, [x, w, bias]: readonly Value[], layout: Layout): Value {
  const product = gemm(windowRows(x, w.shape, value.shape, value.attributes as Window, layout), asMatrix(w), bias, {
    transA: false,
    transB: true,
  });
  return fromRows(product, value.shape, layout);
}

/** ConvTranspose: dy · weights gives what every window hands back to its pixels, and a pixel adds up what it gets. */
export function matrixInputGradient(value: Value, [dy, w]: readonly Value[], layout: Layout): Value {
  const { strides, pads, dilations } = value.attributes as Window;
  const [, channels, ...kernel] = w.shape;
  const [examples, , ...pixels] = dy.shape;
  const extents = value.shape.slice(2);
  const [runs, { block }] = [channels / layout.block, layout];
  // One more row, of zeros, for windows that do not reach a pixel.
  const rows = fillChannels(toRows(dy, layout), examples * size(pixels) + 1, 0);
  const product = gemm(rows, asMatrix(w), undefined, { transA: false, transB: false });
  const handed = transpose(reshape(product, [rows.shape[0], channels, size(kernel)]), [0, 2, 1]);
  const [vertical, horizontal] = [0, 1].map((axis) =>
    reachOf(extents[axis], pixels[axis], kernel[axis], ({ window, tap }) => window * strides[axis] + tap * dilations[axis] - pads[axis]),
  );
  const places = overGrid([mostReached(vertical), mostReached(horizontal), examples, runs, ...extents], ([i, j, n, run, h, v]) => {
    const [up, across] = [vertical[h][i], horizontal[v][j]];
    if (!up || !across) return examples * size(pixels) * size(kernel) * runs;
    const row = (n * pixels[0] + up.window) * pixels[1] + across.window;
    return (row * size(kernel) + up.tap * kernel[1] + across.tap) * runs + run;
  });
  const parts = reshape(gatherRuns(handed, block, places), [-1, size(value.shape)]);
  return layout.leave(reshape(reduceSum(parts, [0]), value.shape), channels);
}

/** ConvWeightGradient: dyᵀ · rows. */
export function matrixWeightGradient(value: Value, [x, dy]: readonly Value[], layout: Layout): Value {
  const rows = windowRows(x, value.shape, dy.shape, value.attributes as Window, layout);
  return reshape(gemm(toRows(dy, layout), rows, undefined, { transA: true, transB: false }), value.shape);
}

/** Every window of x as a row: [N · pixels, C · taps]. */
function windowRows(x: Value, weights: Shape, y: Shape, { strides, pads, dilations }: Window, layout: Layout): Value {
  const [, , ...kernel] = weights;
  const [examples, , ...pixels] = y;
  const blocked = layout.enter(x);
  const padded = pads.every((p) => p === 0) ? blocked : scaleChannels(blocked, undefined, undefined, layout, pads);
  const [, channels, height, width] = padded.shape;
  const runs = channels / layout.block;
  const places = overGrid([examples, ...pixels, ...kernel, runs], ([n, h, v, i, j, run]) => {
    const [row, column] = [h * strides[0] + i * dilations[0], v * strides[1] + j * dilations[1]];
    return ((n * runs + run) * height + row) * width + column;
  });
  const windows = reshape(gatherRuns(padded, layout.block, places), [examples * size(pixels), size(kernel), channels]);
  return reshape(transpose(windows, [0, 2, 1]), [examples * size(pixels), channels * size(kernel)]);
}

/** A plain value as rows [N · pixels, C]. */
function toRows(x: Value, layout: Layout): Value {
  const [examples, channels, ...pixels] = x.shape;
  const [runs, count] = [channels / layout.block, size(pixels)];
  const places = overGrid([examples, count, runs], ([n, p, run]) => (n * runs + run) * count + p);
  return reshape(gatherRuns(layout.enter(x), layout.block, places), [examples * count, channels]);
}

/** The inverse of `toRows`. */
function fromRows(rows: Value, shape: Shape, layout: Layout): Value {
  const [examples, channels, ...pixels] = shape;
  const [runs, count] = [channels / layout.block, size(pixels)];
  const places = overGrid([examples, runs, count], ([n, run, p]) => (n * count + p) * runs + run);
  return layout.leave(reshape(gatherRuns(rows, layout.block, places), shape), channels);
}

/** [O, C, k, k] as a matrix [O, C · taps]. */
function asMatrix(w: Value): Value {
  return reshape(w, [w.shape[0], size(w.shape.slice(1))]);
}
