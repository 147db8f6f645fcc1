/**
 * Expectations of smooth functions of one or two Gaussian variables by the trapezoidal rule, which converges geometrically on
 * the whole line (Trefethen and Weideman 2014): with nodes `step` apart and the nearest pole of f(s·) at distance a/s from the
 * real axis the error is of the order exp(−2πa/(s·step)). For the softplus, a = π: below 1e-13 for standard deviations up to 2.
 * Kinks (ReLU) reduce it to order step²; use closed forms there.
 */

const STEP = 1 / 3;
/** Nodes on either side of zero: 26/3 standard deviations, where the density is below 1e-16. */
const REACH = 26;

/** The nodes z and weights φ(z)·step of E f(z), z ~ N(0, 1). */
const nodes = Float64Array.from({ length: 2 * REACH + 1 }, (_, i) => (i - REACH) * STEP);
const weights = nodes.map((z) => (STEP * Math.exp((-z * z) / 2)) / Math.sqrt(2 * Math.PI));

/** E f(u) for u ~ N(0, `variance`) and f analytic near the real line. */
export function gaussianExpectation(f: (u: number) => number, variance = 1): number {
  const deviation = Math.sqrt(variance);
  let sum = 0;
  for (let i = 0; i < nodes.length; i++) sum += weights[i] * f(deviation * nodes[i]);
  return sum;
}

/** E f(u) f(v) for centred Gaussian (u, v) with Var u = `p`, Var v = `q` and covariance `c` (|c| ≤ √(pq)), f analytic near the real line. */
export function gaussianProduct(f: (u: number) => number, p: number, q: number, c: number): number {
  const [deviationU, deviationV] = [Math.sqrt(p), Math.sqrt(q)];
  const ρ = p > 0 && q > 0 ? Math.max(-1, Math.min(1, c / (deviationU * deviationV))) : 0;
  const rest = Math.sqrt(1 - ρ * ρ);
  let sum = 0;
  for (let i = 0; i < nodes.length; i++) {
    let inner = 0;
    for (let j = 0; j < nodes.length; j++) inner += weights[j] * f(deviationV * (ρ * nodes[i] + rest * nodes[j]));
    sum += weights[i] * f(deviationU * nodes[i]) * inner;
  }
  return sum;
}
