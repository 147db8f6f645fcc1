/**
 * E1, the exactly solvable toy: ℓ = ½ θᵀAθ − θᵀx with x ~ (mean b, covariance S).
 *
 * ∇ₓℓ = −θ, so δ_K = −Kαθ and h = (A + βI)θ − x exactly, for every K and α: adversarial training *is* SGD on ridge,
 * and discrete chain, order-1 and order-2 SDE all have closed moments. One dimension, A = a, k = a + β.
 */
import { type Inner, βOf } from "./inner.ts";

/** A one-dimensional ridge problem trained with rate η, batch B, from θ0. `S` is the variance of x. */
export interface RidgeProblem {
  a: number;
  b: number;
  S: number;
  B: number;
  η: number;
  θ0: number;
}

/** Mean and variance of the iterate (or of the diffusion). */
export interface Moments {
  mean: number;
  variance: number;
}

/** The curvature a + β that the adversary leaves. */
export const curvature = ({ a }: Pick<RidgeProblem, "a">, inner: Inner): number => a + βOf(inner);

/** Moments of the n-th iterate of adversarial training: with r = 1 − ηk the mean relaxes as rⁿ, the variance is η²(S/B)(1 − r²ⁿ)/(1 − r²). */
export function discreteMoments(problem: RidgeProblem, inner: Inner, n: number): Moments {
  const { b, S, B, η, θ0 } = problem;
  const k = curvature(problem, inner);
  const r = 1 - η * k;
  return { mean: b / k + (θ0 - b / k) * r ** n, variance: (η * η * (S / B) * (1 - r ** (2 * n))) / (1 - r * r) };
}

/** Moments at time T of the SDE of order 1 (rate k) or 2 (rate k + ηk²/2); the diffusion coefficient is √(ηS/B) in both. */
export function diffusionMoments(problem: RidgeProblem, inner: Inner, T: number, order: 1 | 2): Moments {
  const { b, S, B, η, θ0 } = problem;
  const k = curvature(problem, inner);
  const rate = order === 1 ? k : k + (η * k * k) / 2;
  return {
    mean: b / k + (θ0 - b / k) * Math.exp(-rate * T),
    variance: (η * (S / B) * (1 - Math.exp(-2 * rate * T))) / (2 * rate),
  };
}
