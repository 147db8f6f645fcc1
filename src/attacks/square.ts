/**
 * Square attack (Andriushchenko et al. 2020): random search with square patches, by logits alone. A patch stays if it raises the margin
 * max_{j≠y} z_j − z_y.
 */
import { integers, type Key, uniform } from "../tensor/index.ts";
import { attack, type Example, type Steps } from "./attack.ts";
import { AttackError } from "./oracle.ts";
import { margin } from "./run.ts";
import { lengthOf } from "./steps.ts";
import { clip } from "./threat.ts";

/** Square attack in L∞ (algorithm 2) or L2 (algorithm 3); p is the share of the picture that the first patches take. */
export const square = attack(
  "square",
  { queries: 5000, p: 0.8 },
  function* (example, { queries, p }) {
    const search = { ...picture(example), queries, p };
    yield* example.set.norm === "linf" ? searchLinf(example, search) : searchL2(example, search);
  },
  { norms: ["linf", "l2"], needs: "scores" },
);

interface Search {
  channels: number;
  height: number;
  width: number;
  queries: number;
  p: number;
}

/** The share of the picture that a patch takes at a query: halved after 10, 50, 200, 500, 1000, 2000, 4000, 6000 and 8000 queries. */
export function patchShare(p: number, query: number): number {
  return p / 2 ** [10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000].filter((after) => query > after).length;
}

/** Starts from vertical stripes of ±ε; a patch adds ±2ε, one sign per channel, before clipping. */
function* searchLinf(example: Example, { channels, height, width, queries, p }: Search): Steps {
  const { set, key } = example;
  const { center, epsilon } = set;
  const plane = height * width;
  const stripes = signs(key.fold("stripes"), channels * width);
  const best = clip(
    set,
    center.map((v, i) => v + epsilon * stripes[Math.floor(i / plane) * width + (i % width)]),
  );
  let most = margin(example, (yield { point: best, want: "logits" }).logits);
  const x = new Float32Array(best.length);
  for (let query = 0; query < queries; query++) {
    const side = patchSide(patchShare(p, query), height, width, 1);
    const draw = uniform(key.fold("square", query), [2 + channels]).data;
    const [top, left] = [Math.floor(draw[0] * (height - side + 1)), Math.floor(draw[1] * (width - side + 1))];
    x.set(best);
    for (let channel = 0; channel < channels; channel++)
      paint(x, set, { start: channel * plane + top * width + left, side, width, change: (draw[2 + channel] < 0.5 ? -1 : 1) * epsilon });
    const gain = margin(example, (yield { point: x, want: "logits" }).logits);
    if (gain > most) {
      most = gain;
      best.set(x);
    }
  }
}

/** x ← center + change within the box, on a side × side patch of a plane whose first component is `start`. */
function paint(
  x: Float32Array,
  { center, low, high }: Example["set"],
  { start, side, width, change }: { start: number; side: number; width: number; change: number },
): void {
  for (let row = 0; row < side; row++)
    for (let i = start + row * width, end = i + side; i < end; i++) x[i] = Math.min(Math.max(center[i] + change, low[i]), high[i]);
}

/** Starts from a grid of 5 × 5 tiles; a step moves the norm of two windows, and what is left of ε, into a patch at the first. */
function* searchL2(example: Example, { channels, height, width, queries, p }: Search): Steps {
  if (height < 5 || width < 5) throw new AttackError(`Square in L2 needs pictures of at least 5 × 5, not ${height} × ${width}`);
  const { set, key } = example;
  const { center, epsilon } = set;
  const plane = height * width;
  const δ = tiles(key.fold("tiles"), channels, height, width);
  const place = (from: Float32Array) => {
    const length = lengthOf(from, "l2");
    const scale = length > 0 ? epsilon / length : 0;
    const point = new Float32Array(from.length);
    for (let i = 0; i < point.length; i++) point[i] = center[i] + scale * from[i];
    return clip(set, point);
  };
  const best = place(δ);
  let most = margin(example, (yield { point: best, want: "logits" }).logits);
  const pyramids = new Map<number, Float32Array>();
  for (let query = 0; query < queries; query++) {
    const side = patchSide(patchShare(p, query), height, width, 3);
    const draw = uniform(key.fold("square", query), [5 + channels]).data;
    const [top, top2] = [draw[0], draw[1]].map((u) => Math.floor(u * (height - side + 1)));
    const [left, left2] = [draw[2], draw[3]].map((u) => Math.floor(u * (width - side + 1)));
    for (let i = 0; i < δ.length; i++) δ[i] = best[i] - center[i];
    const spare = Math.max(epsilon ** 2 - lengthOf(δ, "l2") ** 2, 0) / channels;
    const turned = draw[4] < 0.5;
    const shape = pyramids.get(turned ? side : -side) ?? pyramid(side, turned);
    pyramids.set(turned ? side : -side, shape);
    for (let channel = 0; channel < channels; channel++) {
      const window = { δ, width, side, start: channel * plane + top * width + left };
      const sign = draw[5 + channel] < 0.5 ? -1 : 1;
      const first = energy(window);
      const patch = new Float32Array(side * side);
      for (let row = 0, i = 0; row < side; row++)
        for (let at = window.start + row * width, end = at + side; at < end; at++, i++)
          patch[i] = sign * shape[i] + δ[at] / (1e-12 + Math.sqrt(first));
      // What the second window has outside of the first is what is left there once the first is empty.
      fill(window);
      const second = { ...window, start: channel * plane + top2 * width + left2 };
      const both = first + energy(second);
      fill(second);
      fill(window, patch, Math.sqrt(spare + both) / (1e-12 + lengthOf(patch, "l2")));
    }
    const x = place(δ);
    const gain = margin(example, (yield { point: x, want: "logits" }).logits);
    if (gain > most) {
      most = gain;
      best.set(x);
    }
  }
}

/** A side × side window of a plane whose rows are `width` long. */
interface Window {
  readonly δ: Float32Array;
  readonly width: number;
  readonly side: number;
  /** Its first component. */
  readonly start: number;
}

/** Σδ² in a window. */
function energy({ δ, width, side, start }: Window): number {
  let total = 0;
  for (let row = start; row < start + side * width; row += width) for (let i = row; i < row + side; i++) total += δ[i] * δ[i];
  return total;
}

/** δ ← scale · patch in a window, or 0. */
function fill({ δ, width, side, start }: Window, patch?: Float32Array, scale = 0): void {
  for (let row = 0; row < side; row++)
    for (let i = 0; i < side; i++) δ[start + row * width + i] = patch ? scale * patch[row * side + i] : 0;
}

/** The picture that an example is; inputs that are no pictures count as one row. */
function picture({ shape }: Example): { channels: number; height: number; width: number } {
  if (shape.length === 3) return { channels: shape[0], height: shape[1], width: shape[2] };
  if (shape.length === 2) return { channels: 1, height: shape[0], width: shape[1] };
  return { channels: 1, height: 1, width: shape.reduce((product, extent) => product * extent, 1) };
}

function patchSide(share: number, height: number, width: number, least: number): number {
  const side = Math.max(Math.round(Math.sqrt(share * height * width)), least);
  return Math.min(least > 1 && side % 2 === 0 ? side + 1 : side, height, width);
}

function tiles(key: Key, channels: number, height: number, width: number): Float32Array {
  const δ = new Float32Array(channels * height * width);
  const side = Math.floor(height / 5);
  const start = Math.floor((height - 5 * side) / 2);
  let tile = 0;
  for (let top = start; top + side <= height; top += side)
    for (let left = start; left + side <= width; left += side) {
      const draw = uniform(key.fold(tile++), [1 + channels]).data;
      const shape = pyramid(side, draw[0] < 0.5);
      for (let channel = 0; channel < channels; channel++)
        for (let i = 0; i < shape.length; i++) {
          const at = (channel * height + top + Math.floor(i / side)) * width + left + (i % side);
          δ[at] += (draw[1 + channel] < 0.5 ? -1 : 1) * shape[i];
        }
    }
  return δ;
}

/** Two stacks of centred rectangles (§3.4, eq. 2), one positive and one negative, of unit norm; side × side. */
function pyramid(side: number, turned: boolean): Float32Array {
  const result = new Float32Array(side * side);
  const half = Math.floor(side / 2);
  for (const [from, rows, sign] of [
    [0, half, 1],
    [half, side - half, -1],
  ]) {
    const stack = rectangles(rows, side);
    const length = lengthOf(stack, "l2");
    if (length > 0) for (let i = 0; i < stack.length; i++) result[from * side + i] = (sign * stack[i]) / length;
  }
  const length = lengthOf(result, "l2");
  return result.map((_, i) => (turned ? result[(i % side) * side + Math.floor(i / side)] : result[i]) / length);
}

/** Σ_k 1/(k+1)² on rectangles that grow by one row and column at each side, rows × columns. */
function rectangles(rows: number, columns: number): Float32Array {
  const result = new Float32Array(rows * columns);
  const [middleRow, middleColumn] = [Math.floor(rows / 2), Math.floor(columns / 2)];
  for (let k = 0; k < Math.max(middleRow, middleColumn) + 1; k++)
    for (let row = Math.max(middleRow - k, 0); row < Math.min(middleRow + k + 1, rows); row++)
      for (let column = Math.max(middleColumn - k, 0); column < Math.min(middleColumn + k + 1, columns); column++)
        result[row * columns + column] += 1 / (k + 1) ** 2;
  return result;
}

function signs(key: Key, count: number): Int32Array {
  return integers(key, count, 2).map((bit) => 2 * bit - 1);
}
