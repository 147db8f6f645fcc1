/**
 * The function of least norm in a kernel's Hilbert space that meets targets within a tolerance at given points:
 *
 *     min ‖g‖_H   subject to   |g(x_j) − y_j| ≤ ε  for every j.
 *
 * By the representer theorem g = Σ_j β_j K(·, x_j), and β solves the dual  max_β  yᵀβ − ½ βᵀKβ − ε‖β‖₁  =: D(β), whose value
 * at any β is a certificate: every feasible g has ‖g‖² ≥ 2 D(β). With points sampled from perturbation sets this is the norm
 * that a robust interpolator needs.
 */
import { CholeskyDecomposition, Matrix } from "ml-matrix";
import type { Tensor } from "../tensor/index.ts";
import type { Kernel } from "./ntk-kernels.ts";

/** A function Σ_j β_j K(·, x_j) with the evidence that it is what was asked for. */
export interface KernelFit {
  kernel: Kernel;
  points: Tensor<"float64">;
  coefficients: Float64Array;
  /** ‖g‖_H = √(βᵀKβ). */
  norm: number;
  /** A lower bound on the norm of every function that meets the targets within the tolerance: √(2 D(β)). */
  lowerBound: number;
  /** max_j |g(x_j) − y_j|. */
  worstResidual: number;
  /** Coordinate steps taken (0 where the fit is a linear solve). */
  steps: number;
}

/** The targets were not met: the kernel matrix is singular, or the steps ran out. */
export class FitError extends Error {
  override name = "FitError";
}

/**
 * The least-norm function within `tolerance` ε > 0 of the targets [n], found by exact ascent of the dual on the coordinate that
 * violates its optimality most, until no residual exceeds ε(1 + `slack`).
 * @throws FitError after `maximumSteps`; RangeError for targets that do not match the points or a tolerance that is not positive.
 */
export function leastNormFit(
  kernel: Kernel,
  points: Tensor<"float64">,
  targets: ArrayLike<number>,
  { tolerance, slack = 1e-3, maximumSteps = 1_000_000 }: { tolerance: number; slack?: number; maximumSteps?: number },
): KernelFit {
  const n = points.shape[0];
  if (targets.length !== n) throw new RangeError(`${targets.length} targets do not go with ${n} points`);
  if (!(tolerance > 0)) throw new RangeError(`the tolerance is a positive number, not ${tolerance}; use interpolate for exact targets`);
  const K = kernel(points, points).to1DArray();
  const β = new Float64Array(n);
  const residual = Float64Array.from(targets);
  for (let steps = 0; steps <= maximumSteps; steps++) {
    const { coordinate, gain } = steepest(K, β, residual, tolerance);
    const worst = residual.reduce((largest, r) => Math.max(largest, Math.abs(r)), 0);
    if (worst <= tolerance * (1 + slack)) return evidence(kernel, points, targets, β, residual, tolerance, steps);
    if (!(gain > 0)) break;
    const step = optimum(K, β, residual, tolerance, coordinate) - β[coordinate];
    β[coordinate] += step;
    const row = coordinate * n;
    for (let i = 0; i < n; i++) residual[i] -= step * K[row + i];
  }
  throw new FitError(
    `no function within ${tolerance} of the ${n} targets was found in ${maximumSteps} steps: allow more of them or a larger tolerance, and drop points where the kernel vanishes`,
  );
}

/**
 * The least-norm function through the targets exactly (β = K⁻¹y), or with `ridge` λ > 0 the one that minimizes
 * Σ_j (g(x_j) − y_j)² + λ‖g‖² (β = (K + λI)⁻¹y).
 * @throws FitError when the matrix is not positive definite (repeated or antipodal points, a kernel of finite rank).
 */
export function interpolate(kernel: Kernel, points: Tensor<"float64">, targets: ArrayLike<number>, { ridge = 0 } = {}): KernelFit {
  const K = kernel(points, points);
  const y = Matrix.columnVector(Array.from(targets));
  const cholesky = new CholeskyDecomposition(Matrix.add(K, Matrix.eye(K.rows).mul(ridge)));
  if (!cholesky.isPositiveDefinite()) {
    throw new FitError(
      `the kernel matrix of these ${K.rows} points is not positive definite: drop repeated or antipodal points, or add a ridge`,
    );
  }
  const β = cholesky.solve(y);
  const residual = Matrix.sub(y, K.mmul(β)).to1DArray();
  return evidence(kernel, points, targets, Float64Array.from(β.to1DArray()), Float64Array.from(residual), 0, 0);
}

/** The values [n'] of a fit at other points [n', d]. */
export function predict({ kernel, points, coefficients }: KernelFit, x: Tensor<"float64">): Float64Array {
  const support = [...coefficients.keys()].filter((j) => coefficients[j] !== 0);
  const values = kernel(x, points);
  return Float64Array.from({ length: x.shape[0] }, (_, i) => support.reduce((sum, j) => sum + coefficients[j] * values.get(i, j), 0));
}

/** The coordinate whose exact maximization raises the dual most, by its gain (Δβ)² K_jj. */
function steepest(K: readonly number[], β: Float64Array, residual: Float64Array, ε: number): { coordinate: number; gain: number } {
  let [coordinate, gain] = [0, 0];
  for (let j = 0; j < β.length; j++) {
    const candidate = (optimum(K, β, residual, ε, j) - β[j]) ** 2 * K[j * β.length + j];
    if (candidate > gain) [coordinate, gain] = [j, candidate];
  }
  return { coordinate, gain };
}

/** The β_j that maximizes the dual with the others fixed: soft thresholding of (r_j + K_jj β_j)/K_jj at ε/K_jj. */
function optimum(K: readonly number[], β: Float64Array, residual: Float64Array, ε: number, j: number): number {
  const diagonal = K[j * β.length + j];
  const pull = residual[j] + diagonal * β[j];
  return (Math.sign(pull) * Math.max(Math.abs(pull) - ε, 0)) / diagonal;
}

/** With Kβ = y − r:  βᵀKβ = βᵀ(y − r)  and  2D(β) = 2yᵀβ − βᵀKβ − 2ε‖β‖₁. */
function evidence(
  kernel: Kernel,
  points: Tensor<"float64">,
  targets: ArrayLike<number>,
  coefficients: Float64Array,
  residual: Float64Array,
  ε: number,
  steps: number,
): KernelFit {
  let [squaredNorm, twiceDual, worstResidual] = [0, 0, 0];
  coefficients.forEach((β, j) => {
    squaredNorm += β * (targets[j] - residual[j]);
    twiceDual += β * (targets[j] + residual[j]) - 2 * ε * Math.abs(β);
    worstResidual = Math.max(worstResidual, Math.abs(residual[j]));
  });
  const [norm, lowerBound] = [Math.sqrt(Math.max(squaredNorm, 0)), Math.sqrt(Math.max(twiceDual, 0))];
  return { kernel, points, coefficients, norm, lowerBound, worstResidual, steps };
}
