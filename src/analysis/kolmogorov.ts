/**
 * Expectations of a one-dimensional diffusion without Monte-Carlo noise: the backward Kolmogorov equation by Chebyshev
 * collocation in space and a matrix exponential in time.
 *
 * For dΘ = b(Θ) dt + √v(Θ) dW the function u(t, θ) = E[φ(Θ_t) | Θ_0 = θ] solves ∂u/∂t = b u' + ½ v u'', u(0, ·) = φ.
 * No boundary condition is imposed: the operator acts on the interpolating polynomial, which is accurate as long as the
 * paths hardly leave the interval. Compare two numbers of nodes before trusting a value.
 */
import { inverse, Matrix } from "ml-matrix";

/** A scalar diffusion dΘ = drift dt + √variance dW. */
export interface ScalarDiffusion {
  drift(θ: number): number;
  /** The squared diffusion coefficient, variance per unit of time. */
  variance(θ: number): number;
}

/** A polynomial through values at Chebyshev points. */
export interface Interpolant {
  nodes: readonly number[];
  values: readonly number[];
  /** Its value at θ (barycentric formula). */
  at(θ: number): number;
}

/**
 * θ ↦ E[φ(Θ_T) | Θ_0 = θ] for every θ of the interval at once.
 * @param nodes N: the interpolating polynomial has degree N (N + 1 points).
 * @throws RangeError for an empty interval, a negative horizon, fewer than 2 nodes, or when the exponential overflows.
 */
export function expectation(
  diffusion: ScalarDiffusion,
  φ: (θ: number) => number,
  horizon: number,
  { interval, nodes = 22 }: { interval: readonly [number, number]; nodes?: number },
): Interpolant {
  if (!(horizon >= 0)) throw new RangeError(`the horizon must be a non-negative time, not ${horizon}`);
  const { points, differentiation: D } = chebyshev(nodes, interval);
  const drift = Matrix.diag(points.map((θ) => diffusion.drift(θ)));
  const halfVariance = Matrix.diag(points.map((θ) => diffusion.variance(θ) / 2));
  const generator = drift.mmul(D).add(halfVariance.mmul(D).mmul(D));
  const initial = Matrix.columnVector(points.map(φ));
  const values = exponential(generator.mul(horizon)).mmul(initial).to1DArray();
  if (!values.every(Number.isFinite)) {
    throw new RangeError(`the collocation blew up on [${interval}] with ${nodes} nodes: take a narrower interval or fewer nodes`);
  }
  return { nodes: points, values, at: (θ) => barycentric(points, values, θ) };
}

/**
 * The N + 1 Chebyshev points of an interval (from right to left) and the matrix that differentiates the interpolating
 * polynomial there (Trefethen, Spectral Methods in MATLAB, chapter 6).
 */
export function chebyshev(N: number, [low, high]: readonly [number, number]): { points: number[]; differentiation: Matrix } {
  if (!Number.isInteger(N) || N < 2) throw new RangeError(`collocation needs an integer of at least 2 nodes, not ${N}`);
  if (!(high > low)) throw new RangeError(`the interval [${low}, ${high}] is empty`);
  const x = Array.from({ length: N + 1 }, (_, j) => Math.cos((Math.PI * j) / N));
  const weight = x.map((_, j) => (j === 0 || j === N ? 2 : 1) * (j % 2 === 0 ? 1 : -1));
  const D = Matrix.zeros(N + 1, N + 1);
  for (let i = 0; i <= N; i++) {
    for (let j = 0; j <= N; j++) if (i !== j) D.set(i, j, weight[i] / weight[j] / (x[i] - x[j]));
    D.set(i, i, -D.getRow(i).reduce((sum, v) => sum + v, 0));
  }
  return { points: x.map((v) => (low + high) / 2 + (v * (high - low)) / 2), differentiation: D.mul(2 / (high - low)) };
}

/** e^M by scaling and squaring with the [8/8] Padé approximant (Higham 2005; the scaled matrix has norm at most 1/2). */
export function exponential(M: Matrix): Matrix {
  const norm = Math.max(...M.to2DArray().map((row) => row.reduce((sum, v) => sum + Math.abs(v), 0)));
  const squarings = Math.max(0, Math.ceil(Math.log2(norm / 0.5)));
  const A = Matrix.mul(M, 2 ** -squarings);
  const degree = 8;
  let coefficient = 1;
  let power = Matrix.eye(A.rows);
  const numerator = power.clone();
  const denominator = power.clone();
  for (let k = 1; k <= degree; k++) {
    coefficient *= (degree - k + 1) / (k * (2 * degree - k + 1));
    power = power.mmul(A);
    numerator.add(Matrix.mul(power, coefficient));
    denominator.add(Matrix.mul(power, k % 2 === 0 ? coefficient : -coefficient));
  }
  let result = inverse(denominator).mmul(numerator);
  for (let i = 0; i < squarings; i++) result = result.mmul(result);
  return result;
}

function barycentric(points: readonly number[], values: readonly number[], θ: number): number {
  let [above, below] = [0, 0];
  for (let j = 0; j < points.length; j++) {
    if (θ === points[j]) return values[j];
    const weight = ((j === 0 || j === points.length - 1 ? 0.5 : 1) * (j % 2 === 0 ? 1 : -1)) / (θ - points[j]);
    above += weight * values[j];
    below += weight;
  }
  return above / below;
}
