/**
 * How gradient ascent finds an adversarial perturbation: does it end at a local maximum on the ball |δ|₂ ≤ ε (KKT and second order), when does
 * it reach the sphere, how fast does it converge there, how straight is its path, how regular is the landscape.
 * The instruments take any `Objective`; the derivations are those of `papers/first-order-adversary`.
 */
import type { FloatDType, Key } from "../tensor/index.ts";
import { extremeEigenvalues } from "./lanczos.ts";
import type { Objective } from "./objective.ts";

/** What the precision of an objective lets one tell apart. */
export interface AscentTolerances {
  /** δ is on the sphere where | |δ| − ε | ≤ sphere·ε */
  sphere: number;
  /** KKT residual below which a point is stationary. An ascent stands still where a step, s|P∇F|, is lost in the rounding of δ. */
  residual: number;
  /** |δ_t − δ_T|/ε above which the errors of an ascent are not yet rounding */
  tail: number;
}

export const ascentTolerances: Readonly<Record<FloatDType, AscentTolerances>> = {
  float64: { sphere: 1e-9, residual: 1e-6, tail: 1e-10 },
  float32: { sphere: 1e-5, residual: 1e-4, tail: 1e-6 },
};

/** The tolerances that the precision of an objective asks for. */
export function tolerancesOf({ dtype = "float64" }: Pick<Objective, "dtype">): AscentTolerances {
  return ascentTolerances[dtype];
}

/** Whether a point is a local maximum of F on the ball |δ|₂ ≤ ε, with the evidence. */
export interface KktPoint {
  /** |δ| */
  norm: number;
  /** | |δ| − ε | ≤ 1e-9 ε (1e-5 ε in float32, see `ascentTolerances`) */
  onSphere: boolean;
  /** Λ = max(0, ∇F·u), u = δ/|δ|, on the sphere; 0 inside the ball. */
  multiplier: number;
  /** |∇F − Λu|, relative to |∇F| on the sphere and to |F|/ε inside: 0 at a KKT point. */
  residual: number;
  /** Largest eigenvalue μ of P∇²F P on the tangent space, P = I − uuᵀ; of ∇²F inside the ball. */
  curvature: number;
  /** ε·μ/Λ − 1 on the sphere: negative exactly where a KKT point is a strict local maximum. Inside, the sign of μ. */
  margin: number;
  /** residual < tolerance and margin < 0 */
  strictLocalMaximum: boolean;
  /** How far `curvature` can be from an eigenvalue (see `extremeEigenvalues`). */
  curvatureResidual: number;
}

/**
 * First- and second-order conditions at the rows of δ [batch, n], one ball of radius ε_b per row. `tolerance` is the residual of a KKT point, by default
 * what the precision of the objective allows.
 */
export async function checkKkt(
  objective: Objective,
  delta: Float64Array,
  radius: ArrayLike<number>,
  { key, tolerance = tolerancesOf(objective).residual, steps }: { key: Key; tolerance?: number; steps?: number },
): Promise<KktPoint[]> {
  const { batch, dimension: n } = objective;
  const { value, gradient } = await objective.gradient(delta);
  const norms = Array.from({ length: batch }, (_, b) => norm(row(delta, b, n)));
  const onSphere = norms.map((size, b) => Math.abs(size - radius[b]) <= tolerancesOf(objective).sphere * radius[b]);
  const normals = new Float64Array(batch * n); // a zero row restricts nothing
  for (let b = 0; b < batch; b++) if (onSphere[b]) for (let i = 0; i < n; i++) normals[b * n + i] = delta[b * n + i] / norms[b];
  const spectra = await extremeEigenvalues((v) => objective.curvature(delta, v), { key, batch, dimension: n, steps, normals });
  return spectra.map(({ largest, residual: curvatureResidual }, b) => {
    const [g, u] = [row(gradient, b, n), row(normals, b, n)];
    const multiplier = Math.max(0, dot(g, u));
    const reference = onSphere[b] ? norm(g) : Math.abs(value[b]) / radius[b];
    const defect = norm(g.map((x, i) => x - multiplier * u[i]));
    const residual = defect === 0 ? 0 : defect / reference;
    const margin = onSphere[b] ? (radius[b] * largest) / multiplier - 1 : Math.sign(largest);
    const strictLocalMaximum = residual < tolerance && margin < 0;
    return {
      norm: norms[b],
      onSphere: onSphere[b],
      multiplier,
      residual,
      curvature: largest,
      margin,
      strictLocalMaximum,
      curvatureResidual,
    };
  });
}

/** Regularity of f on a ball of radius ε around a point: κ = εh/g with g = |∇f|, h = |∇²f|. Small κ: f is nearly linear there. */
export interface Regularity {
  g: number;
  h: number;
  kappa: number;
}

/** The regularity index at the rows of δ [batch, n]. */
export async function regularityIndex(
  objective: Objective,
  delta: Float64Array,
  radius: ArrayLike<number>,
  { key, steps }: { key: Key; steps?: number },
): Promise<Regularity[]> {
  const { batch, dimension: n } = objective;
  const { gradient } = await objective.gradient(delta);
  const spectra = await extremeEigenvalues((v) => objective.curvature(delta, v), { key, batch, dimension: n, steps });
  return spectra.map(({ largest, smallest }, b) => {
    const g = norm(row(gradient, b, n));
    const h = Math.max(largest, -smallest);
    return { g, h, kappa: (radius[b] * h) / g };
  });
}

/** The first step whose point lies on the sphere of radius ε (to `tolerance`·ε), from the norms |δ_t|; undefined when none does. */
export function hittingStep(norms: ArrayLike<number>, radius: number, tolerance = ascentTolerances.float64.sphere): number | undefined {
  for (let t = 0; t < norms.length; t++) if (norms[t] >= radius * (1 - tolerance)) return t;
  return undefined;
}

/** A line through log e_t. */
export interface TailFit {
  /** e_{t+1}/e_t of the fitted line: the rate of linear convergence. */
  rate: number;
  /** R² of the fit of log e_t on t; 1 for an exactly geometric sequence. */
  rSquared: number;
  /** Number of errors between `low` and `high`. */
  points: number;
}

/** Fits log e_t ≈ a + t log(rate) where low < e_t < high; undefined with fewer than three such errors. */
export function fitTail(errors: ArrayLike<number>, { low = ascentTolerances.float64.tail, high = 1e-4 } = {}): TailFit | undefined {
  const steps: number[] = [];
  for (let t = 0; t < errors.length; t++) if (errors[t] > low && errors[t] < high) steps.push(t);
  if (steps.length < 3) return undefined;
  const logs = steps.map((t) => Math.log(errors[t]));
  const [meanT, meanLog] = [mean(steps), mean(logs)];
  let [tt, tl, ll] = [0, 0, 0];
  for (const [i, t] of steps.entries()) {
    tt += (t - meanT) ** 2;
    tl += (t - meanT) * (logs[i] - meanLog);
    ll += (logs[i] - meanLog) ** 2;
  }
  return { rate: Math.exp(tl / tt), rSquared: ll === 0 ? 1 : tl ** 2 / (tt * ll), points: steps.length };
}

/** |δ_T − δ₀| / Σ|δ_{t+1} − δ_t| of a path [T + 1][n]: 1 for a straight line; undefined for a path that does not move. */
export function straightness(path: readonly Float64Array[]): number | undefined {
  let travelled = 0;
  for (let t = 1; t < path.length; t++) travelled += distance(path[t], path[t - 1]);
  return travelled > 0 ? distance(path[path.length - 1], path[0]) / travelled : undefined;
}

/** cos ∠(a, b) */
export function cosine(a: Float64Array, b: Float64Array): number {
  return dot(a, b) / (norm(a) * norm(b));
}

/** |a − b|₂ */
export function distance(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] - b[i]) ** 2;
  return Math.sqrt(sum);
}

/** |a|₂ */
export function norm(a: Float64Array): number {
  return Math.sqrt(dot(a, a));
}

/** Row b of rows [batch, n], as a view. */
export function row(rows: Float64Array, b: number, n: number): Float64Array {
  return rows.subarray(b * n, (b + 1) * n);
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
