/** The few vector operations in which the formulas are written; matrices are ml-matrix's. */
import { Matrix, solve as solveMatrix } from "ml-matrix";

export type Vector = readonly number[];

/** u · v */
export const dot = (u: Vector, v: Vector): number => u.reduce((sum, ui, i) => sum + ui * v[i], 0);

/** a u */
export const scale = (a: number, u: Vector): number[] => u.map((ui) => a * ui);

/** u + a v */
export const plus = (u: Vector, v: Vector, a = 1): number[] => u.map((ui, i) => ui + a * v[i]);

/** u − v */
export const minus = (u: Vector, v: Vector): number[] => plus(u, v, -1);

/** |u|₂ */
export const norm = (u: Vector): number => Math.sqrt(dot(u, u));

/** A u */
export const times = (A: Matrix, u: Vector): number[] => A.mmul(Matrix.columnVector([...u])).to1DArray();

/** A⁻¹ u */
export const solve = (A: Matrix, u: Vector): number[] => solveMatrix(A, Matrix.columnVector([...u])).to1DArray();

/** u vᵀ */
export const outer = (u: Vector, v: Vector): Matrix => Matrix.columnVector([...u]).mmul(Matrix.rowVector([...v]));

/** The matrix of partial derivatives of a vector field by central differences. */
export function jacobian(field: (θ: Vector) => Vector, θ: Vector, step = 1e-5): Matrix {
  const columns = θ.map((_, j) => {
    const shifted = (sign: number) => field(θ.map((v, i) => (i === j ? v + sign * step : v)));
    return scale(0.5 / step, minus(shifted(1), shifted(-1)));
  });
  return new Matrix(columns).transpose();
}

/** A zero of a vector field by Newton's method with halved steps. @throws Error when 100 steps do not reach `tolerance`. */
export function zeroOf(field: (θ: Vector) => Vector, start: Vector, tolerance = 1e-12): number[] {
  let θ = [...start];
  for (let iteration = 0; iteration < 100; iteration++) {
    const value = field(θ);
    if (norm(value) <= tolerance) return θ;
    const direction = solve(jacobian(field, θ), value);
    let step = 1;
    while (step > 1e-6 && !(norm(field(plus(θ, direction, -step))) < norm(value))) step /= 2;
    θ = plus(θ, direction, -step);
    if (step <= 1e-6 && norm(value) < 1e3 * tolerance) return θ;
  }
  throw new Error(`Newton's method did not find a zero from [${start}]: |field| = ${norm(field(θ))} at [${θ}]`);
}
