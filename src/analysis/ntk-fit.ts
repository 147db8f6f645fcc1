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
  /** Points that joined the support on the way (0 where the fit is one linear solve). */
  steps: number;
}

/** The targets were not met: the kernel matrix is singular, or the steps ran out. */
export class FitError extends Error {
  override name = "FitError";
}

/**
 * The least-norm function within `tolerance` ε > 0 of the targets [n], until no residual exceeds ε(1 + `slack`): an active-set method after
 * Lawson and Hanson. Points whose residual is held at ±ε are the support; the point of largest residual joins it, and points whose β would change
 * sign leave. Each step solves one positive definite system of the size of the support.
 * @throws FitError when the targets cannot be met (a singular system, or `maximumSteps`); RangeError for targets that do not match the points or a
 * tolerance that is not positive.
 */
export function leastNormFit(
  kernel: Kernel,
  points: Tensor<"float64">,
  targets: ArrayLike<number>,
  { tolerance, slack = 1e-6, maximumSteps = 10_000 }: { tolerance: number; slack?: number; maximumSteps?: number },
): KernelFit {
  const n = points.shape[0];
  if (targets.length !== n) throw new RangeError(`${targets.length} targets do not go with ${n} points`);
  if (!(tolerance > 0)) throw new RangeError(`the tolerance is a positive number, not ${tolerance}; use interpolate for exact targets`);
  const K = kernel(points, points);
  let support: Supporter[] = [];
  for (let steps = 0; steps < maximumSteps; steps++) {
    const residual = residuals(K, targets, support);
    const worst = residual.reduce((largest, r, j) => (Math.abs(r) > Math.abs(residual[largest]) ? j : largest), 0);
    if (Math.abs(residual[worst]) <= tolerance * (1 + slack)) {
      const β = new Float64Array(n);
      for (const { point, coefficient } of support) β[point] = coefficient;
      return evidence(kernel, points, targets, β, residual, tolerance, steps);
    }
    support = settled(K, targets, [...support, { point: worst, sign: Math.sign(residual[worst]), coefficient: 0 }], tolerance);
  }
  throw new FitError(
    `no function within ${tolerance} of the ${n} targets was found in ${maximumSteps} steps: try a larger tolerance or slack`,
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

/** A point with β_j ≠ 0, where y_j − g(x_j) = sign·ε. */
interface Supporter {
  point: number;
  sign: number;
  coefficient: number;
}

/** y − Kβ. */
function residuals(K: Matrix, targets: ArrayLike<number>, support: readonly Supporter[]): Float64Array {
  const residual = Float64Array.from(targets);
  for (const { point, coefficient } of support) {
    for (let i = 0; i < residual.length; i++) residual[i] -= K.get(point, i) * coefficient;
  }
  return residual;
}

/** Moves β towards the solution of K_SS z = y_S − ε·sign as far as no coefficient changes sign, drops those that reach zero, and repeats. */
function settled(K: Matrix, targets: ArrayLike<number>, joined: Supporter[], ε: number): Supporter[] {
  for (let support = joined; ; ) {
    const z = solveOn(K, targets, support, ε);
    const lengths = support.map(({ sign, coefficient }, i) => (sign * z[i] > 0 ? 1 : coefficient / (coefficient - z[i])));
    const length = Math.min(...lengths);
    const moved = support.map((s, i) => ({ ...s, coefficient: s.coefficient + length * (z[i] - s.coefficient) }));
    if (length === 1) return moved;
    support = moved.filter((_, i) => lengths[i] > length);
  }
}

function solveOn(K: Matrix, targets: ArrayLike<number>, support: readonly Supporter[], ε: number): number[] {
  const chosen = support.map(({ point }) => point);
  const cholesky = new CholeskyDecomposition(K.selection(chosen, chosen));
  if (!cholesky.isPositiveDefinite()) {
    throw new FitError(
      `the targets cannot be met within ${ε}: the kernel matrix of the ${chosen.length} points that decide is singular (points repeated with other targets, or a kernel without a constant coordinate?)`,
    );
  }
  return cholesky.solve(Matrix.columnVector(support.map(({ point, sign }) => targets[point] - sign * ε))).to1DArray();
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
