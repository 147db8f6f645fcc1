/**
 * Convolutions with many weights and few pixels, as matrix products over the whole batch: a blocked convolution reads all weights again for every
 * line of every image, which is slow once they do not fit into the processor's cache. Every window becomes a row of [taps, C]; weights come
 * as [C, taps], and whichever is cheaper is turned: settled weights, which are turned once, or else the rows, which are fewer.
 *
 * An image of fewer pixels than the kernel has taps (2×2 and 3×3) is a row itself: settled weights become one matrix from all numbers of an image to
 * all of its result, which windows would multiply with zeros around the image as well. Forwards and backwards take the same matrix.
 */
import { expand, inputsOf, reduceSum, reshape, transpose, type Value } from "../../graph/index.ts";
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
  const whole = imageMatrix(w, x.shape, value.shape, value.attributes as Window, layout);
  if (whole) {
    const product = imageProduct(asMatrix(layout.enter(x)), whole, bias && perNumber(bias, value.shape, layout));
    return layout.leave(reshape(product, value.shape), value.shape[1]);
  }
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
  const whole = imageMatrix(w, value.shape, dy.shape, value.attributes as Window, layout);
  if (whole) {
    const product = gemm(asMatrix(layout.enter(dy)), whole, undefined, { transA: false, transB: false });
    return layout.leave(reshape(product, value.shape), channels);
  }
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

/**
 * Settled weights as a matrix [numbers of y, numbers of x] of one image, both in the layout's order, where x has fewer pixels than there are taps and the
 * matrix is at most twice as large as the weights.
 */
function imageMatrix(w: Value, x: Shape, y: Shape, { strides, pads, dilations }: Window, { block, settled }: Layout): Value | undefined {
  const [outputs, inputs, ...kernel] = w.shape;
  const [from, to] = [x.slice(2), y.slice(2)];
  if (!settled(w) || size(from) >= size(kernel) || size(from) * size(to) > 2 * size(kernel)) return undefined;
  const [runs, all] = [inputs / block, turned(tapsLast(w))];
  const tapOf = (axis: number, pixel: number, window: number) => (pixel + pads[axis] - window * strides[axis]) / dilations[axis];
  const inside = (axis: number, tap: number) => Number.isInteger(tap) && tap >= 0 && tap < kernel[axis];
  const places = overGrid([outputs / block, ...to, block, runs, ...from], ([o, h, v, within, run, row, column]) => {
    const [i, j] = [tapOf(0, row, h), tapOf(1, column, v)];
    if (!inside(0, i) || !inside(1, j)) return size(w.shape) / block;
    return ((o * block + within) * size(kernel) + i * kernel[1] + j) * runs + run;
  });
  // Pixels that no tap joins get a run of zeros, behind all others.
  const zeros = size(w.shape) / block;
  const padded = places.includes(zeros) ? fillChannels(reshape(all, [zeros, block]), zeros + 1, 0) : all;
  return reshape(gatherRuns(padded, block, places), [outputs * size(to), inputs * size(from)]);
}

/**
 * images · wholeᵀ + offset. The engine packs the second factor anew in every run where it is no constant: then the smaller one comes second, and the
 * product is turned, by three axes, since a turn by two would be taken back into the product.
 */
function imageProduct(images: Value, whole: Value, offset: Value | undefined): Value {
  const second = { transA: false, transB: true };
  if (inputsOf([whole]).length === 0) return gemm(images, whole, offset, second);
  const columns = gemm(whole, images, offset && reshape(offset, [-1, 1]), second);
  return turned(reshape(columns, [1, ...columns.shape]));
}

/** A number per channel for every number of a result in the layout. */
function perNumber(bias: Value, [, channels, ...pixels]: Shape, { block }: Layout): Value {
  return reshape(expand(reshape(bias, [channels / block, 1, block]), [channels / block, size(pixels), block]), [-1]);
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
