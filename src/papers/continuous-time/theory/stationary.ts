/** 1.4 (iv), the long run: covariance of the iterates near a stable root of the mean direction, and the tilted Gibbs law. */
import { Matrix, solve } from "ml-matrix";

/**
 * The covariance V of the stationary law near a stable root with Jacobian J = Dm and per-step noise Σ (already divided by B):
 * of the SDE, JV + VJᵀ = ηΣ; of the linear recursion θ ← θ − η(Jθ + noise), JV + VJᵀ − ηJVJᵀ = ηΣ.
 */
export function stationaryCovariance(J: Matrix, Σ: Matrix, η: number, { discrete = false }: { discrete?: boolean } = {}): Matrix {
  const p = J.rows;
  const I = Matrix.eye(p);
  // With row-major vec: vec(JV) = (J ⊗ I) vec V and vec(VJᵀ) = (I ⊗ J) vec V.
  const operator = J.kroneckerProduct(I).add(I.kroneckerProduct(J));
  if (discrete) operator.sub(J.kroneckerProduct(J).mul(η));
  const right = Matrix.columnVector(Matrix.mul(Σ, η).to1DArray());
  return Matrix.from1DArray(p, p, solve(operator, right).to1DArray());
}

/** The invariant density ∝ exp(−2B U/(ησ²)) of dΘ = −U' dt + √(ησ²/B) dW on a grid, normalized by the trapezoidal rule. */
export function gibbsDensity(
  U: (θ: number) => number,
  temperature: { η: number; σ2: number; B: number },
  grid: readonly number[],
): number[] {
  const { η, σ2, B } = temperature;
  const exponent = grid.map((θ) => (-2 * B * U(θ)) / (η * σ2));
  const top = Math.max(...exponent);
  const weight = exponent.map((e) => Math.exp(e - top));
  const mass = weight.slice(1).reduce((sum, w, i) => sum + ((w + weight[i]) / 2) * (grid[i + 1] - grid[i]), 0);
  return weight.map((w) => w / mass);
}
