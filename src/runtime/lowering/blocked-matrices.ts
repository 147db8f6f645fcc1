/**
 * Convolutions with many weights and few pixels, as matrix products over the whole batch: a blocked convolution reads all weights again for every
 * line of every image, which is slow once they do not fit into the processor's cache. Every window becomes a row of [taps, C]; weights come
 * as [C, taps], and whichever is cheaper is turned: settled weights, which are turned once, or else the rows, which are fewer.
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
  const rows = windowRows(x, w.shape, value.shape, value.attributes as Window, layout);
  const fixed = layout.settled(w);
  const product = gemm(asMatrix(fixed ? rows : turned(rows)), asMatrix(fixed ? turned(tapsLast(w)) : w), bias, {
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
  const fixed = layout.settled(w);
  const product = gemm(rows, asMatrix(fixed ? turned(tapsLast(w)) : w), undefined, { transA: false, transB: false });
  const handed = fixed ? product : turned(reshape(product, [rows.shape[0], channels, size(kernel)]));
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
  return reshape(gemm(toRows(dy, layout), asMatrix(turned(rows)), undefined, { transA: true, transB: false }), value.shape);
}

/** Every window of x as a row: [N · pixels, taps, C]. */
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
  return reshape(gatherRuns(padded, layout.block, places), [examples * size(pixels), size(kernel), channels]);
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

/** [O, C, k, k] as [O, C, taps]. */
function tapsLast(w: Value): Value {
  return reshape(w, [w.shape[0], w.shape[1], size(w.shape.slice(2))]);
}

/** The last two of three axes exchanged. */
function turned(x: Value): Value {
  return transpose(x, [0, 2, 1]);
}

/** All axes but the first as one. */
function asMatrix(x: Value): Value {
  return reshape(x, [x.shape[0], size(x.shape.slice(1))]);
}
