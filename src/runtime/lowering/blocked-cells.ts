/**
 * The input gradient of a convolution on images of few channels: a block of channels is far more than they have, so a block holds a cell of 4×4
 * pixels instead. Cells are the pixels of a convolution with stride 4/s whose output channels are (channel, row in the cell, column in the cell),
 * and lie in memory so that putting them in place moves whole rows of a cell.
 */
import { constant, gather, pad, reshape, slice, transpose, type Value } from "../../graph/index.ts";
import { tensor } from "../../tensor/index.ts";
import type { Layout } from "./blocked.ts";
import type { Window } from "./blocked-matrices.ts";
import { fillChannels, reorderWeights } from "./blocked-weights.ts";
import { blockedConv } from "./forms.ts";
import { alignGroups } from "./reach.ts";
import { overGrid } from "./runs.ts";

/** Pixels along each side of a cell. */
const cell = 4;
/** Images with more channels fill blocks better by themselves. */
const fewChannels = 4;

/** ConvTranspose onto few channels; undefined where cells do not fit. */
export function cellInputGradient(value: Value, [dy, w]: readonly Value[], layout: Layout): Value | undefined {
  const { strides, pads, dilations, groups } = value.attributes as Window;
  const { block } = layout;
  const [n, channels, ...spatial] = value.shape;
  const [outputs, , ...kernel] = w.shape;
  const few = channels <= fewChannels && outputs >= block && groups === 1 && (cell * cell) % block === 0 && block % cell === 0;
  const overlapping = kernel.length === 2 && kernel.every((k, axis) => k > strides[axis] && cell % strides[axis] === 0);
  if (!few || !overlapping || dilations.some((d) => d !== 1)) return undefined;
  // Pixel h + offset = 4I + r of cell I gets tap r + pad − offset − s·j of the window (4/s)I + j.
  const axes = spatial.map((h, axis) => alignGroups(h, kernel[axis], { stride: strides[axis], pad: pads[axis] }, cell));
  const [counts, taps, offsets] = [axes.map(({ groups }) => groups), axes.map(({ windows }) => windows), axes.map(({ offset }) => offset)];
  const [steps, begins] = [strides.map((s) => cell / s), axes.map(({ first }) => -first)];
  const ends = counts.map((count, axis) => steps[axis] * (count - 1) + taps[axis] - begins[axis] - dy.shape[axis + 2]);
  if ([...begins, ...ends].some((n) => n < 0)) return undefined;
  const firstTaps = axes.map(({ offset, first }, axis) => pads[axis] - offset - strides[axis] * first);
  const y = blockedConv(layout.enter(dy), cellWeights(w, { strides, firstTaps, taps }, block), undefined, undefined, {
    kernel: taps,
    strides: steps,
    pads: [...begins, ...ends],
    dilations,
    groups,
    activation: undefined,
    shape: [n, channels * cell * cell, ...counts],
  });
  // In memory: [N, C, rows of the cell by block, I, J, rows within a block, columns].
  const rows = block / cell;
  const split = reshape(y, [n, channels, cell / rows, counts[0], counts[1], rows, cell]);
  const placed = reshape(transpose(split, [0, 1, 3, 2, 5, 4, 6]), [n, channels, cell * counts[0], cell * counts[1]]);
  return slice(placed, { starts: [0, 0, ...offsets], steps: [1, 1, 1, 1], extents: value.shape });
}

/** [O, C, k, k] as the weights from O channels to (channel, row, column) of a cell, with zeros where a window has no tap, reordered. */
function cellWeights(
  w: Value,
  { strides, firstTaps, taps }: Record<"strides" | "firstTaps" | "taps", readonly number[]>,
  block: number,
): Value {
  const filled = fillChannels(w, block, 0);
  const [outputs, channels, ...kernel] = filled.shape;
  const numbers = channels * kernel[0] * kernel[1];
  const withZero = pad(reshape(filled, [outputs, numbers]), { before: [0, 0], after: [0, 1] });
  const places = overGrid([channels, cell, cell, taps[0], taps[1]], ([channel, row, column, j, l]) => {
    const [up, across] = [row + firstTaps[0] - strides[0] * j, column + firstTaps[1] - strides[1] * l];
    const inside = up >= 0 && up < kernel[0] && across >= 0 && across < kernel[1];
    return inside ? (channel * kernel[0] + up) * kernel[1] + across : numbers;
  });
  const spread = gather(withZero, constant(tensor(places, [places.length], "int32")), 1);
  const all = reshape(spread, [outputs, channels * cell * cell, taps[0] * taps[1]]);
  return reorderWeights(reshape(transpose(all, [1, 0, 2]), [channels * cell * cell, outputs, ...taps]), block);
}
