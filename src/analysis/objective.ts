/**
 * A batch of scalar functions on vectors, F_b: ℝⁿ → ℝ, with their gradients and Hessian–vector products, compiled once from a symbolic
 * function: what the instruments of this floor look at. A loss as a function of the perturbation is one; so is a margin or one logit.
 */

/** F_b for b < batch, each at a point of its own: points δ are rows of [batch, dimension] in float64. */
export interface Objective {
  readonly batch: number;
  readonly dimension: number;
  /** F_b(δ_b), [batch] */
  value(delta: Float64Array): Promise<Float64Array>;
  /** F_b(δ_b), [batch], and ∇F_b(δ_b), [batch, dimension] */
  gradient(delta: Float64Array): Promise<{ value: Float64Array; gradient: Float64Array }>;
  /** ∇²F_b(δ_b)·v_b, [batch, dimension] */
  curvature(delta: Float64Array, v: Float64Array): Promise<Float64Array>;
}
