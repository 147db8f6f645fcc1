/**
 * The adversary of 1.2, its perturbation (1.3 a) and what it costs to first order (1.3 c, f): K ascent steps of size α on the example,
 * started at δ = 0, then held fixed while the learner steps.
 */
import type { Matrix } from "ml-matrix";
import { plus, scale, times, type Vector } from "./vectors.ts";

/** The inner ascent: step size α and number of steps K. The learner's SGD is K = 0 or α = 0. */
export interface Inner {
  α: number;
  K: number;
}

/** β = Kα, the weight of the vulnerability G = ½ E|∇ₓℓ|² in the modified loss L + βG. */
export const βOf = ({ α, K }: Inner): number => K * α;

/** δ_K = Kαg + (K(K−1)/2)α²Hg + O(α³) [d], with g = ∇ₓℓ [d] and H = ∇ₓₓℓ [d, d] at the example (specification 1.3 a). */
export const perturbation = (g: Vector, H: Matrix, { α, K }: Inner): number[] =>
  plus(scale(K * α, g), times(H, g), ((K * (K - 1)) / 2) * α * α);

/**
 * δ_K = Σ_{j<K} (I + αH)ʲ αg [d], exactly, for a loss that is quadratic in x (specification 1.3 a). A soft penalty (λ/2)|δ|² on the
 * perturbation makes H − λI of H.
 */
export function quadraticPerturbation(g: Vector, H: Matrix, { α, K }: Inner): number[] {
  let term = scale(α, g);
  let δ = scale(0, g);
  for (let j = 0; j < K; j++) {
    δ = plus(δ, term);
    term = plus(term, times(H, term), α);
  }
  return δ;
}

/**
 * First-order penalty per example that adversarial training with frozen δ adds to the loss (1.3 c, f), as a function of the
 * input gradient g. δ is held fixed, not maximized over: the loss *seen* at x + δ rises by twice the penalty for raw steps, by once the
 * penalty for normalized and sign steps, and by ε|g| where the projection holds them back.
 *
 * - raw steps:             (Kα/2) |g|₂²
 * - l₂-normalized steps:    Kα |g|₂
 * - sign steps:             Kα |g|₁
 * - raw steps projected on |δ|₂ ≤ ε:  Kα |g|²/2 where Kα |g| ≤ ε, else ε |g| − ε²/(2Kα)   (a Huber function)
 *
 * A soft penalty, ascent on ℓ − λR(δ) with R(0) = 0 and ∇R(0) = 0, changes none of them: it is first felt in the second step, at O(α²).
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
 * One δ shared by a batch of B and driven by the mean input gradient (1.3 f): E|g|² becomes (1 − 1/B)|E g|² + (1/B) E|g|², in the mean
 * over batches drawn with replacement. (A δ for each example, driven by the batch's mean loss, is another thing: `batchMeanInner`.)
 */
export function sharedPenalty(gradients: readonly (readonly number[])[], batch: number, inner: Inner): number {
  const mean = gradients[0].map((_, j) => gradients.reduce((sum, g) => sum + g[j], 0) / gradients.length);
  const meanSquare = gradients.reduce((sum, g) => sum + squares(g), 0) / gradients.length;
  return (βOf(inner) / 2) * ((1 - 1 / batch) * squares(mean) + meanSquare / batch);
}

const squares = (g: readonly number[]): number => g.reduce((sum, v) => sum + v * v, 0);
