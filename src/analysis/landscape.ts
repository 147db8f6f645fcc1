/**
 * Loss landscapes around a point: the loss along a line, on a plane, and the paths of an ascent projected onto that plane
 * (after Li et al. 2018, "Visualizing the loss landscape of neural nets", in input space).
 *
 * An objective with `batch` rows serves `problems` examples at once; row p·(batch/problems) + j belongs to problem p.
 */
import { type Key, normal } from "../tensor/index.ts";
import { norm, row } from "./ascent-dynamics.ts";
import type { Objective } from "./objective.ts";

/** An affine plane in input space: points center + a·axes[0] + b·axes[1], the axes orthonormal. */
export interface Plane {
  center: Float64Array;
  axes: readonly [Float64Array, Float64Array];
}

/** A plane through `center` whose first axis is along `direction`, the second along what of `second` (default: a random vector of `key`) is orthogonal to it. */
export function planeAlong(direction: Float64Array, options: { center?: Float64Array } & ({ second: Float64Array } | { key: Key })): Plane {
  const n = direction.length;
  const first = unit(direction, "the first direction");
  const raw = "second" in options ? options.second : normal(options.key, [n]).data;
  const along = inner(raw, first);
  const rest = raw.map((x, i) => x - along * first[i]);
  if (norm(rest) <= 1e-12 * norm(raw)) throw new RangeError("the two directions of a plane are parallel");
  return { center: options.center ?? new Float64Array(n), axes: [first, unit(rest, "the second direction")] };
}

/** Coordinates of points in the plane (their orthogonal projections). */
export function projectPath(path: readonly Float64Array[], { center, axes }: Plane): { x: number[]; y: number[] } {
  const along = (axis: Float64Array) => path.map((point) => inner(point, axis) - inner(center, axis));
  return { x: along(axes[0]), y: along(axes[1]) };
}

/** F on a regular grid of a plane: values[i][j] at a = x[j], b = y[i]. */
export interface LandscapeSlice {
  x: number[];
  y: number[];
  values: number[][];
}

/** F on the square [−extent, extent]² of one plane per problem, `resolution`² points each. */
export async function sliceLandscape(
  objective: Objective,
  planes: readonly Plane[],
  { extent, resolution = 41 }: { extent: ArrayLike<number>; resolution?: number },
): Promise<LandscapeSlice[]> {
  const grids = planes.map((_, p) => grid(extent[p], resolution));
  const points = planes.map(({ center, axes }, p) =>
    grids[p].flatMap((b) => grids[p].map((a) => center.map((x, i) => x + a * axes[0][i] + b * axes[1][i]))),
  );
  const values = await valuesAt(objective, points);
  return planes.map((_, p) => ({
    x: grids[p],
    y: grids[p],
    values: grids[p].map((_, i) => [...values[p].subarray(i * resolution, (i + 1) * resolution)]),
  }));
}

/** F along the segment from `from` to `to` of each problem, at `resolution` equidistant points; t runs from 0 to 1. */
export async function sliceLine(
  objective: Objective,
  segments: readonly { from: Float64Array; to: Float64Array }[],
  { resolution = 41 }: { resolution?: number } = {},
): Promise<{ t: number[]; values: number[] }[]> {
  const t = Array.from({ length: resolution }, (_, j) => j / (resolution - 1));
  const points = segments.map(({ from, to }) => t.map((s) => from.map((x, i) => x + s * (to[i] - x))));
  return (await valuesAt(objective, points)).map((values) => ({ t, values: [...values] }));
}

/** F at any number of points per problem (the same number for each). */
export async function valuesAt(objective: Objective, points: readonly (readonly Float64Array[])[]): Promise<Float64Array[]> {
  const { batch, dimension: n } = objective;
  const slots = batch / points.length;
  if (!Number.isInteger(slots)) throw new RangeError(`an objective of ${batch} rows cannot serve ${points.length} problems evenly`);
  const count = points[0].length;
  const values = points.map(() => new Float64Array(count));
  const rows = new Float64Array(batch * n);
  for (let start = 0; start < count; start += slots) {
    for (const [p, list] of points.entries()) {
      for (let j = 0; j < slots; j++) row(rows, p * slots + j, n).set(list[Math.min(start + j, count - 1)]);
    }
    const found = await objective.value(rows);
    for (const [p, list] of values.entries()) list.set(found.subarray(p * slots, p * slots + Math.min(slots, count - start)), start);
  }
  return values;
}

function grid(extent: number, resolution: number): number[] {
  return Array.from({ length: resolution }, (_, i) => extent * ((2 * i) / (resolution - 1) - 1));
}

function unit(vector: Float64Array, what: string): Float64Array {
  const size = norm(vector);
  if (!(size > 0 && Number.isFinite(size))) throw new RangeError(`${what} has length ${size}, so it has no direction`);
  return vector.map((x) => x / size);
}

function inner(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}
