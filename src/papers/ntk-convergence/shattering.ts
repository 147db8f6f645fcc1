/**
 * Why robust interpolation needs more capacity: from few points that a class of functions can fit on whole balls, many points that
 * it shatters (from memory, the capacity theorem of Gao et al. 2019: n-robust-interpolating ⇒ VC dimension Ω(nd)). What follows is derived, from the
 * construction of Kim, Moon and Yun (2025). To label e_1 … e_d by y ∈ {±1}^d put two data points, c₊ = y labelled +1 and c₋ = −y labelled −1:
 *
 *     ‖e_j − c_{y_j}‖ = √(d − 1) for every j,      ‖c₊ − c₋‖ = 2√d,
 *
 * so for any δ in [√(d − 1), √d) the closed balls of radius δ are disjoint, each e_j lies in the ball of its own label, and
 * whatever is right on the balls labels e_1 … e_d by y. ⌊n/2⌋ such pairs far apart give d⌊n/2⌋ shattered points from n data points.
 */
import { distance, type Labelled, row, stack } from "./points.ts";

/** The data set that forces a labelling: its points with labels, and the shattered points with the labels that they receive. */
export interface Shattering {
  centres: Labelled;
  shattered: Labelled;
  /** √(d − 1): balls of any radius from here … */
  leastRadius: number;
  /** … up to, and without, √d carry the argument. */
  radiusLimit: number;
}

/**
 * The construction for p = labels.length/d pairs: pair q, with its d points e_j, is moved by 8√d·q along the first axis.
 * @throws RangeError when the labels are not ±1 or their number is no multiple of d ≥ 2.
 */
export function shattering(labels: ArrayLike<number>, d: number): Shattering {
  if (!(Number.isInteger(d) && d >= 2 && labels.length > 0 && labels.length % d === 0)) {
    throw new RangeError(`labels come in groups of d ≥ 2; ${labels.length} labels with d = ${d} do not`);
  }
  if (Array.from(labels).some((y) => y !== 1 && y !== -1)) throw new RangeError("labels are +1 or −1");
  const pairs = labels.length / d;
  const axes = Array.from({ length: d }, (_, k) => k);
  const moved = (q: number, k: number) => (k === 0 ? 8 * Math.sqrt(d) * q : 0);
  const centres = Array.from({ length: 2 * pairs }, (_, c) => {
    const [q, sign] = [Math.floor(c / 2), c % 2 === 0 ? 1 : -1];
    return axes.map((k) => sign * labels[q * d + k] + moved(q, k));
  });
  const shattered = Array.from({ length: pairs * d }, (_, j) => axes.map((k) => (k === j % d ? 1 : 0) + moved(Math.floor(j / d), k)));
  return {
    centres: { points: stack(centres), labels: Float64Array.from(centres, (_, c) => (c % 2 === 0 ? 1 : -1)) },
    shattered: { points: stack(shattered), labels: Float64Array.from(labels) },
    leastRadius: Math.sqrt(d - 1),
    radiusLimit: Math.sqrt(d),
  };
}

/** The largest deviation of the two identities above over all pairs: |‖e_j − c_{y_j}‖ − √(d−1)| and |‖c₊ − c₋‖ − 2√d|. */
export function geometryError({ centres, shattered, leastRadius, radiusLimit }: Shattering): number {
  const d = shattered.points.shape[1];
  let worst = 0;
  shattered.labels.forEach((y, j) => {
    const pair = 2 * Math.floor(j / d);
    worst = Math.max(worst, Math.abs(distance(row(shattered.points, j), row(centres.points, y === 1 ? pair : pair + 1)) - leastRadius));
    worst = Math.max(worst, Math.abs(distance(row(centres.points, pair), row(centres.points, pair + 1)) - 2 * radiusLimit));
  });
  return worst;
}

/** An affine classifier sign(⟨w, x⟩ + b). */
export interface Affine {
  w: Float64Array;
  b: number;
}

/** The certified margin of an affine classifier on balls: min_i ( y_i(⟨w, x_i⟩ + b) − δ‖w‖ ), positive exactly when it is right on every closed ball. */
export function robustMargin({ w, b }: Affine, { points, labels }: Labelled, δ: number): number {
  const reach = δ * Math.hypot(...w);
  return labels.reduce((least, y, i) => Math.min(least, y * value({ w, b }, row(points, i)) - reach), Number.POSITIVE_INFINITY);
}

/**
 * Trains an affine classifier from (w, b) by gradient descent on the robust logistic loss mean_i log(1 + exp(δ‖w‖ − y_i(⟨w, x_i⟩ + b))), whose
 * inner maximum over balls is in closed form, until it is right on every ball.
 * @throws RangeError when it is not after `steps`: the balls may not be separable by a hyperplane.
 */
export function trainRobustAffine(start: Affine, data: Labelled, δ: number, { steps = 10_000, learningRate = 0.1 } = {}): Affine {
  const n = data.labels.length;
  const w = start.w.slice();
  let b = start.b;
  for (let step = 0; step < steps; step++) {
    if (robustMargin({ w, b }, data, δ) > 0) return { w, b };
    const length = Math.hypot(...w);
    const [gradient, pull] = [new Float64Array(w.length), { b: 0 }];
    data.labels.forEach((y, i) => {
      const x = row(data.points, i);
      const weight = 1 / (n * (1 + Math.exp(y * value({ w, b }, x) - δ * length)));
      x.forEach((v, k) => {
        gradient[k] += weight * ((δ * w[k]) / length - y * v);
      });
      pull.b -= weight * y;
    });
    for (let k = 0; k < w.length; k++) w[k] -= learningRate * gradient[k];
    b -= learningRate * pull.b;
  }
  throw new RangeError(
    `no affine classifier was right on all balls of radius ${δ} after ${steps} steps: they may not be separable by a hyperplane`,
  );
}

/** How many of the points a classifier (any function whose sign is the label) labels otherwise. */
export function disagreements(classify: (x: Float64Array) => number, { points, labels }: Labelled): number {
  return labels.reduce((count, y, j) => count + (Math.sign(classify(row(points, j))) === y ? 0 : 1), 0);
}

/** ⟨w, x⟩ + b. */
export function value({ w, b }: Affine, x: Float64Array): number {
  return x.reduce((sum, v, k) => sum + w[k] * v, b);
}

/** The label of the nearest centre: right on balls of any radius at which those of opposite labels are disjoint. */
export function nearestCentre({ points, labels }: Labelled): (x: Float64Array) => number {
  return (x) => {
    let [nearest, label] = [Number.POSITIVE_INFINITY, 0];
    labels.forEach((y, i) => {
      const away = distance(x, row(points, i));
      if (away < nearest) [nearest, label] = [away, y];
    });
    return label;
  };
}
