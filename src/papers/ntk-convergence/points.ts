/** Data of the laboratory, points with labels ±1, and small helpers for rows of points. */
import { type Key, normal, type Tensor, tensor, uniform } from "../../tensor/index.ts";

/** Points [n, d] with a label +1 or −1 each. */
export interface Labelled {
  points: Tensor<"float64">;
  labels: Float64Array;
}

/** @throws RangeError when points and labels do not go together, or a label is neither +1 nor −1. */
export function checkLabelled({ points, labels }: Labelled): void {
  if (points.shape.length !== 2 || points.shape[0] !== labels.length) {
    throw new RangeError(`points [n, d] go with n labels; [${points.shape}] and ${labels.length} labels do not (flatten images)`);
  }
  const other = labels.find((y) => y !== 1 && y !== -1);
  if (other !== undefined) throw new RangeError(`labels are +1 or −1, not ${other}`);
}

/**
 * `n` uniform points of the sphere S^{d−1}, labels alternating, every two farther apart than `separation`, and farther than
 * that from each other's antipodes: the kernels of the ReLU and its square are not universal on sets with antipodal pairs.
 * @throws RangeError when that many points do not seem to fit.
 */
export function spherePoints(source: Key, { n, d, separation }: { n: number; d: number; separation: number }): Labelled {
  const chosen: Float64Array[] = [];
  for (let attempt = 0; chosen.length < n; attempt++) {
    if (attempt === 1000 * n)
      throw new RangeError(`${n} points of S^${d - 1} with separation ${separation} were not found: ask for fewer or closer ones`);
    const candidate = normalized(normal(source.fold("sphere", attempt), [d]).data);
    if (chosen.every((x) => 2 - 2 * Math.abs(dot(x, candidate)) > separation ** 2)) chosen.push(candidate);
  }
  return { points: stack(chosen), labels: Float64Array.from(chosen, (_, i) => (i % 2 === 0 ? 1 : -1)) };
}

/**
 * `n` Gaussian points of R^d with random labels (both occur), scaled so that the nearest two of opposite labels are 2 apart:
 * balls of radius δ < 1 around them are then disjoint, and a robust interpolator of radius δ exists.
 */
export function gaussianPoints(source: Key, { n, d }: { n: number; d: number }): Labelled {
  const points = normal(source.fold("points"), [n, d]);
  const labels = uniform(source.fold("labels"), [n]).data.map((u) => (u < 0.5 ? -1 : 1));
  if (labels.every((y) => y === labels[0])) labels[0] = -labels[0];
  const scale = 2 / oppositeSeparation({ points, labels });
  return {
    points: tensor(
      points.data.map((v) => scale * v),
      [n, d],
      "float64",
    ),
    labels,
  };
}

/** The least distance between two points of opposite labels (infinite when there is one label only). */
export function oppositeSeparation({ points, labels }: Labelled): number {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < labels.length; i++) {
    for (let j = 0; j < i; j++) if (labels[i] !== labels[j]) least = Math.min(least, distance(row(points, i), row(points, j)));
  }
  return least;
}

/** Row `i` of a tensor [n, d], as a view. */
export function row(points: Tensor<"float64">, i: number): Float64Array {
  const d = points.shape[1];
  return points.data.subarray(i * d, (i + 1) * d);
}

/** The rows of a tensor [n, d], as views. */
export function rowsOf(points: Tensor<"float64">): Float64Array[] {
  return Array.from({ length: points.shape[0] }, (_, i) => row(points, i));
}

/** Rows of equal length as a tensor [n, d]. */
export function stack(rows: readonly ArrayLike<number>[]): Tensor<"float64"> {
  return tensor(
    rows.flatMap((r) => Array.from(r)),
    [rows.length, rows[0]?.length ?? 0],
    "float64",
  );
}

/** Each row `count` times in a row: [n, d] → [n·count, d]. */
export function repeatRows(points: Tensor<"float64">, count: number): Tensor<"float64"> {
  return stack(Array.from({ length: points.shape[0] * count }, (_, s) => row(points, Math.floor(s / count))));
}

export function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let k = 0; k < a.length; k++) sum += a[k] * b[k];
  return sum;
}

export function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let k = 0; k < a.length; k++) sum += (a[k] - b[k]) ** 2;
  return Math.sqrt(sum);
}

/** x/‖x‖ */
export function normalized(x: Float64Array): Float64Array {
  const length = Math.hypot(...x);
  return x.map((v) => v / length);
}
