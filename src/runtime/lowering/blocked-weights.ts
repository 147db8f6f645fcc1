/** Weights in the order that blocked convolutions take, made in the graph because weights are its inputs. */
import { pad, reshape, transpose, type Value } from "../../graph/index.ts";
import { gatherRuns, overGrid } from "./runs.ts";

/** Zeros behind an axis (default: the channels of [N, C, …]) up to a multiple. */
export function fillChannels(x: Value, multiple: number, axis = 1): Value {
  const missing = Math.ceil(x.shape[axis] / multiple) * multiple - x.shape[axis];
  return pad(x, { before: x.shape.map(() => 0), after: x.shape.map((_, a) => (a === axis ? missing : 0)) });
}

/** [O, I, k, k] → [O/b, I/b, k, k, b of I, b of O] in memory: first the numbers of O go last, then runs of them move. */
export function reorderWeights(w: Value, block: number): Value {
  const filled = fillChannels(fillChannels(w, block, 0), block, 1);
  const [outputs, inputs, height, width] = filled.shape;
  const [groups, taps] = [inputs / block, height * width];
  const last = transpose(reshape(filled, [outputs / block, block, inputs * taps]), [0, 2, 1]);
  const places = overGrid([outputs / block, groups, taps, block], ([o, i, tap, b]) => ((o * groups + i) * block + b) * taps + tap);
  return reshape(gatherRuns(last, block, places), filled.shape);
}

/** [O, I, k, k] with fewer than b input channels, which come in the plain layout: [O/b, I, k, k, b] in memory. */
export function reorderForPlainInput(w: Value, block: number): Value {
  const filled = fillChannels(w, block, 0);
  const [outputs, inputs, height, width] = filled.shape;
  const split = reshape(filled, [outputs / block, block, inputs, height, width]);
  return reshape(transpose(split, [0, 2, 3, 4, 1]), filled.shape);
}

/** The weights of the input gradient, kernels turned round and channels exchanged: [I/b, O/b, k, k, b of O, b of I] in memory. */
export function reorderForGradient(w: Value, block: number): Value {
  const filled = fillChannels(fillChannels(w, block, 0), block, 1);
  const [outputs, inputs, height, width] = filled.shape;
  const [groups, taps] = [inputs / block, height * width];
  // The channels of x go last first, since moving runs of them is much faster than moving numbers.
  const last = transpose(reshape(filled, [outputs, inputs, taps]), [0, 2, 1]);
  const places = overGrid(
    [groups, outputs / block, taps, block],
    ([i, o, tap, b]) => ((o * block + b) * taps + taps - 1 - tap) * groups + i,
  );
  return reshape(gatherRuns(last, block, places), [inputs, outputs, height, width]);
}
