/**
 * The embedded data set: digits that the package draws itself, 28×28 grey, so that everything runs offline.
 *
 * A digit is written in one of several hands, its points jittered, its strokes bent by a smooth random field, scaled, slanted, rotated and
 * shifted, and inked with a round pen of random width, anti-aliased on a clean background; some images carry a stray mark.
 * Image i is a pure function of (key, i). Only + − × ÷ and √ are used, which IEEE 754 rounds exactly: the bytes are the same on every machine.
 */
import { type Key, key, uniform } from "../tensor/index.ts";
import { type Dataset, dataset } from "./dataset.ts";
import { glyphs, type Point, type Stroke } from "./glyphs.ts";

export const digitSide = 28;
const sizes = { train: 10_000, test: 2_000 };

/**
 * The drawn digits: 10,000 to train on or 2,000 to test with, unless `count` says otherwise; label of image i: i mod 10.
 * The two splits come from independent streams; another seed draws another data set.
 */
export function digits({
  split = "train",
  seed = 0,
  count = sizes[split],
}: {
  split?: "train" | "test";
  seed?: number;
  count?: number;
} = {}): Dataset {
  const source = key(seed).fold("digits", split);
  const area = digitSide * digitSide;
  const data = new Uint8Array(count * area);
  for (let i = 0; i < count; i++) data.set(drawDigit(source, i), i * area);
  return dataset({
    name: "digits",
    inputs: { dtype: "uint8", shape: [count, 1, digitSide, digitSide], data },
    labels: Int32Array.from({ length: count }, (_, i) => i % 10),
    classes: Array.from({ length: 10 }, (_, digit) => String(digit)),
  });
}

/** Image `index` of the stream `source`: 28×28 bytes of the digit index mod 10. */
export function drawDigit(source: Key, index: number): Uint8Array {
  const draw = drawer(source.fold(index));
  const hands = glyphs[index % 10];
  const hand = hands[Math.floor(draw(0, hands.length))];
  const place = placement(draw);
  const bend = bending(draw);
  const radius = draw(1.15, 2.1);
  const canvas = new Float32Array(digitSide * digitSide);
  for (const stroke of hand) {
    const jittered = stroke.map(([x, y]): Point => [x + draw(-0.045, 0.045), y + draw(-0.045, 0.045)]);
    ink(
      canvas,
      smooth(jittered).map((point) => bend(place(point))),
      radius,
    );
  }
  if (draw(0, 1) < 0.3) ink(canvas, strayMark(draw), draw(0.6, 1.1));
  return Uint8Array.from(canvas, (cover) => Math.round(255 * cover));
}

type Draw = (low: number, high: number) => number;

/** Uniform numbers from a key, one after the other. */
function drawer(source: Key): Draw {
  const numbers = uniform(source, [128]).data;
  let next = 0;
  return (low, high) => low + (high - low) * numbers[next++];
}

/** From glyph coordinates to pixels: scale, slant, rotation and shift. (1 − t²)/(1 + t²) and 2t/(1 + t²) are cosine and sine for t = tan θ/2. */
function placement(draw: Draw): (point: Point) => Point {
  const [width, height] = [draw(10.5, 16.5), draw(15.5, 20.5)];
  const slant = draw(-0.25, 0.25);
  const t = draw(-0.12, 0.12);
  const [cos, sin] = [(1 - t * t) / (1 + t * t), (2 * t) / (1 + t * t)];
  const [left, top] = [13.5 + draw(-1.8, 1.8), 13.5 + draw(-1.8, 1.8)];
  return ([x, y]) => {
    const v = height * (y - 0.5);
    const u = width * (x - 0.5) - slant * v;
    return [left + cos * u - sin * v, top + sin * u + cos * v];
  };
}

/** A smooth random displacement of the plane: random vectors on a grid of 4×4 nodes, blended with weights 3s² − 2s³. */
function bending(draw: Draw): (point: Point) => Point {
  const cells = 3;
  const reach = 1.6;
  const field = Array.from({ length: 2 * (cells + 1) ** 2 }, () => draw(-reach, reach));
  const cell = digitSide / cells;
  return ([x, y]) => {
    const [column, a] = cellOf(x / cell, cells);
    const [row, b] = cellOf(y / cell, cells);
    const at = (axis: number, dx: number, dy: number) => field[2 * ((row + dy) * (cells + 1) + column + dx) + axis];
    const blend = (axis: number) =>
      (1 - b) * ((1 - a) * at(axis, 0, 0) + a * at(axis, 1, 0)) + b * ((1 - a) * at(axis, 0, 1) + a * at(axis, 1, 1));
    return [x + blend(0), y + blend(1)];
  };
}

function cellOf(position: number, cells: number): [cell: number, weight: number] {
  const inside = Math.min(Math.max(position, 0), cells);
  const cell = Math.min(Math.floor(inside), cells - 1);
  const s = inside - cell;
  return [cell, s * s * (3 - 2 * s)];
}

/** The Catmull–Rom curve through the points, five pieces to an interval; two points give a straight line. */
function smooth(points: Stroke): Point[] {
  const pieces = 5;
  const at = (i: number) => points[Math.min(Math.max(i, 0), points.length - 1)];
  const curve: Point[] = [points[0]];
  for (let i = 0; i + 1 < points.length; i++) {
    const [p, q, r, s] = [at(i - 1), at(i), at(i + 1), at(i + 2)];
    for (let piece = 1; piece <= pieces; piece++) {
      const t = piece / pieces;
      const along = (axis: 0 | 1) =>
        q[axis] +
        0.5 *
          t *
          (r[axis] - p[axis] + t * (2 * p[axis] - 5 * q[axis] + 4 * r[axis] - s[axis] + t * (3 * (q[axis] - r[axis]) + s[axis] - p[axis])));
      curve.push([along(0), along(1)]);
    }
  }
  return curve;
}

/** A short mark near one of the borders. */
function strayMark(draw: Draw): Stroke {
  const [along, depth] = [draw(2, 25), draw(1, 3.5)];
  const [dx, dy] = [draw(-2.5, 2.5), draw(-2.5, 2.5)];
  const side = Math.floor(draw(0, 4));
  const across = side % 2 === 0 ? depth : digitSide - 1 - depth;
  const [x, y] = side < 2 ? [along, across] : [across, along];
  return [
    [x, y],
    [x + dx, y + dy],
  ];
}

/** Draws a polyline with a round pen: a pixel's cover is 1 within radius − ½ of the line, 0 beyond radius + ½, and falls linearly between. */
function ink(canvas: Float32Array, line: Stroke, radius: number): void {
  const reach = radius + 0.5;
  const clip = (v: number) => Math.min(Math.max(v, 0), digitSide - 1);
  for (let i = 0; i + 1 < line.length; i++) {
    const [[x0, y0], [x1, y1]] = [line[i], line[i + 1]];
    const [dx, dy] = [x1 - x0, y1 - y0];
    const squared = dx * dx + dy * dy;
    const [left, right] = [clip(Math.ceil(Math.min(x0, x1) - reach)), clip(Math.floor(Math.max(x0, x1) + reach))];
    const [top, bottom] = [clip(Math.ceil(Math.min(y0, y1) - reach)), clip(Math.floor(Math.max(y0, y1) + reach))];
    for (let y = top; y <= bottom; y++) {
      for (let x = left; x <= right; x++) {
        const t = squared === 0 ? 0 : Math.min(Math.max(((x - x0) * dx + (y - y0) * dy) / squared, 0), 1);
        const [ex, ey] = [x - x0 - t * dx, y - y0 - t * dy];
        const cover = Math.min(reach - Math.sqrt(ex * ex + ey * ey), 1);
        const pixel = y * digitSide + x;
        if (cover > canvas[pixel]) canvas[pixel] = cover;
      }
    }
  }
}
