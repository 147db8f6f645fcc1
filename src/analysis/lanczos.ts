/**
 * Extreme eigenvalues of symmetric operators that are only known by their products with vectors (Lanczos 1950), for a whole batch at once:
 * one call of `multiply` serves every problem, as a compiled Hessian–vector product wants it.
 */
import { type Key, normal } from "../tensor/index.ts";

/** One problem's extreme eigenvalues with the evidence for them. */
export interface ExtremeEigenvalues {
  largest: number;
  smallest: number;
  /** |Av − θv| of the two Ritz pairs (the larger one): each value lies within it of a true eigenvalue. */
  residual: number;
  /** Size of the Krylov space; the dimension itself where the answer is exact. */
  steps: number;
}

export interface LanczosOptions {
  key: Key;
  /** Problems in the batch. */
  batch: number;
  /** Dimension n of every problem. */
  dimension: number;
  /** Largest Krylov space, default the smaller of n and 100. */
  steps?: number;
  /** Rows [batch, n] of unit length or zero: problem b is restricted to the orthogonal complement of its row (a sphere's tangent space). */
  normals?: Float64Array;
}

/**
 * The largest and smallest eigenvalue of each of `batch` symmetric operators on ℝⁿ, by Lanczos with full reorthogonalization.
 * @param multiply maps rows v [batch, n] to rows A_b v_b [batch, n].
 */
export async function extremeEigenvalues(
  multiply: (v: Float64Array) => Promise<Float64Array>,
  { key, batch, dimension: n, steps = Math.min(n, 100), normals }: LanczosOptions,
): Promise<ExtremeEigenvalues[]> {
  const limit = Math.min(steps, n);
  if (!(limit >= 1) || (normals && n < 2))
    throw new RangeError(`Lanczos needs at least one step in a space of at least one dimension, not ${steps} steps in ${n}`);
  const v = normal(key, [batch, n]).data;
  const rows = Array.from({ length: batch }, (_, b) => {
    const constraints = normals ? [normals.subarray(b * n, (b + 1) * n)] : [];
    const first = v.subarray(b * n, (b + 1) * n);
    orthogonalize(first, constraints);
    scale(first, 1 / length(first));
    return { constraints, basis: [first.slice()], diagonal: [] as number[], offDiagonal: [] as number[], done: false };
  });
  for (let step = 0; step < limit && rows.some((row) => !row.done); step++) {
    const product = await multiply(v);
    for (const [b, row] of rows.entries()) {
      if (row.done) continue;
      const w = product.slice(b * n, (b + 1) * n);
      orthogonalize(w, row.constraints);
      const size = length(w);
      row.diagonal.push(dot(w, row.basis[step]));
      orthogonalize(w, [...row.constraints, ...row.basis]);
      const beta = length(w);
      const exhausted = beta <= 1e-12 * (size || 1); // the Krylov space is invariant: the values are exact
      row.offDiagonal.push(exhausted ? 0 : beta);
      row.done = exhausted || step + 1 === limit;
      if (row.done) continue;
      scale(w, 1 / beta);
      row.basis.push(w);
      v.set(w, b * n);
    }
  }
  return rows.map(({ diagonal, offDiagonal }) => {
    const largest = topOfTridiagonal(diagonal, offDiagonal);
    const mirrored = topOfTridiagonal(
      diagonal.map((a) => -a),
      offDiagonal,
    );
    return {
      largest: largest.value,
      smallest: 0 - mirrored.value,
      residual: Math.max(largest.last, mirrored.last) * (offDiagonal.at(-1) ?? 0),
      steps: diagonal.length,
    };
  });
}

/**
 * The largest eigenvalue of the symmetric tridiagonal matrix with this diagonal and off-diagonal (an off-diagonal entry beyond the matrix is
 * not read), by bisection on Sturm counts, and |last component| of its unit eigenvector, by inverse iteration.
 */
function topOfTridiagonal(diagonal: readonly number[], offDiagonal: readonly number[]): { value: number; last: number } {
  const k = diagonal.length;
  const off = (i: number) => (i >= 0 && i < k - 1 ? offDiagonal[i] : 0);
  const reach = diagonal.map((a, i) => Math.abs(off(i - 1)) + Math.abs(off(i)) + Math.abs(a));
  let [low, high] = [-Math.max(...reach), Math.max(...reach)];
  const spread = high - low;
  if (spread === 0) return { value: 0, last: 1 };
  // All pivots of T − θI are negative exactly when θ lies above the spectrum.
  const above = (theta: number) => {
    let pivot = 0;
    for (let i = 0; i < k; i++) {
      pivot = diagonal[i] - theta - (i > 0 ? off(i - 1) ** 2 / pivot : 0);
      if (pivot >= 0) return false;
    }
    return true;
  };
  high += 1e-15 * spread;
  while (high - low > 4e-16 * spread) {
    const middle = (low + high) / 2;
    if (middle === low || middle === high) break;
    if (above(middle)) high = middle;
    else low = middle;
  }
  const shift = high + 1e-14 * spread; // keeps T − shift·I definite, so that elimination needs no pivoting
  let x = new Float64Array(k).fill(1 / Math.sqrt(k));
  for (let round = 0; round < 3; round++) {
    const pivots = new Float64Array(k);
    for (let i = 0; i < k; i++) {
      pivots[i] = diagonal[i] - shift - (i > 0 ? off(i - 1) ** 2 / pivots[i - 1] : 0);
      if (i > 0) x[i] -= (off(i - 1) / pivots[i - 1]) * x[i - 1];
    }
    for (let i = k - 1; i >= 0; i--) x[i] = (x[i] - (i < k - 1 ? off(i) * x[i + 1] : 0)) / pivots[i];
    const size = length(x);
    x = x.map((value) => value / size);
  }
  return { value: high, last: Math.abs(x[k - 1]) };
}

/** Removes from `w` its components along orthonormal vectors, twice, since once leaves rounding errors that grow. */
function orthogonalize(w: Float64Array, basis: readonly Float64Array[]): void {
  for (let pass = 0; pass < 2; pass++) {
    for (const q of basis) {
      const along = dot(w, q);
      for (let i = 0; i < w.length; i++) w[i] -= along * q[i];
    }
  }
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

const length = (a: Float64Array): number => Math.sqrt(dot(a, a));

function scale(a: Float64Array, factor: number): void {
  for (let i = 0; i < a.length; i++) a[i] *= factor;
}
