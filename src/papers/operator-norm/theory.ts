/** Closed forms of Roth, Kilcher, Hofmann 2020, and what follows from them. */

/** λ̃ = λε²: the weight of ½(u·Jv)² that the sum-of-squares form λ/2 ‖f(x + εv) − f(x)‖² has within the cell. */
export function jacobianWeight(lambda: number, epsilon: number): number {
  return lambda * epsilon ** 2;
}

/**
 * The factor by which an ascent step of length α in the ball of radius ε shrinks the tangent of the angle between δ and the first right singular vector
 * (p = q = 2, within the cell): (1 + (α/ε)r²)/(1 + α/ε) with r = σ₂/σ₁, and r² for α = ∞, which is the power method. Derived by us.
 */
export function contraction(stepRatio: number, ratio: number): number {
  return stepRatio === Number.POSITIVE_INFINITY ? ratio ** 2 : (1 + stepRatio * ratio ** 2) / (1 + stepRatio);
}
