/**
 * The adversary of 1.2 and what it costs to first order (1.3 c, f): K ascent steps of size α on the example, started at δ = 0,
 * then held fixed while the learner steps.
 */

/** The inner ascent: step size α and number of steps K. The learner's SGD is K = 0 or α = 0. */
export interface Inner {
  α: number;
  K: number;
}

/** β = Kα, the weight of the vulnerability G = ½ E|∇ₓℓ|² in the modified loss L + βG. */
export const βOf = ({ α, K }: Inner): number => K * α;

/**
 * First-order penalty per example that adversarial training with frozen δ adds to the loss (1.3 c, f), as a function of the
 * input gradient g. All are derivatives of the inner maximization along the path, hence without backpropagation through δ.
 *
 * - raw steps:             (Kα/2) |g|₂²
 * - l₂-normalized steps:    Kα |g|₂
 * - sign steps:             Kα |g|₁
 * - raw steps projected on |δ|₂ ≤ ε:  Kα |g|²/2 where Kα |g| ≤ ε, else ε |g| − ε²/(2Kα)   (a Huber function)
 */
export const penalty = {
  raw: (g: readonly number[], inner: Inner): number => (βOf(inner) / 2) * squares(g),
  normalized: (g: readonly number[], inner: Inner): number => βOf(inner) * Math.sqrt(squares(g)),
  sign: (g: readonly number[], inner: Inner): number => βOf(inner) * g.reduce((sum, v) => sum + Math.abs(v), 0),
  projected: (g: readonly number[], inner: Inner, ε: number): number => huber(Math.sqrt(squares(g)), βOf(inner), ε),
};

/** β u²/2 where β u ≤ ε, else ε u − ε²/(2β): continuous with its derivative. */
export function huber(u: number, β: number, ε: number): number {
  return β * u <= ε ? (β * u * u) / 2 : ε * u - (ε * ε) / (2 * β);
}

/**
 * One δ shared by a batch of B and driven by the mean input gradient (1.3 f): E|g|² becomes (1 − 1/B)|E g|² + (1/B) E|g|².
 * Where each example's step uses the gradient of the batch *mean* loss, α is to be replaced by α/B.
 */
export function sharedPenalty(gradients: readonly (readonly number[])[], batch: number, inner: Inner): number {
  const mean = gradients[0].map((_, j) => gradients.reduce((sum, g) => sum + g[j], 0) / gradients.length);
  const meanSquare = gradients.reduce((sum, g) => sum + squares(g), 0) / gradients.length;
  return (βOf(inner) / 2) * ((1 - 1 / batch) * squares(mean) + meanSquare / batch);
}

const squares = (g: readonly number[]): number => g.reduce((sum, v) => sum + v * v, 0);
