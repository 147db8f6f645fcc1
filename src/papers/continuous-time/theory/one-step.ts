/**
 * 1.3 (e), where the order-2 SDE comes from: the moments of one training step Δ = θ' − θ, and of the SDE over the step's time η, agree up
 * to O(η³). Li, Tai and E's theorem makes of that a weak error O(η²) over a fixed time (its assumptions: `weak-order.ts`).
 *
 * With α = cη:  E Δ = −η∇L − η²(Kc/2)∇E|∇ₓℓ|² + O(η³),  E ΔΔᵀ = η²(∇L∇Lᵀ + Σ) + O(η³), Σ the noise of the clean gradients: the
 * adversary enters the first moment only.
 */
import type { Matrix } from "ml-matrix";
import { jacobian, outer, plus, scale, times, type Vector } from "./vectors.ts";

/** E Δ [p] and E ΔΔᵀ [p, p]. */
export interface StepMoments {
  mean: number[];
  second: Matrix;
}

/** −ηm and η²(mmᵀ + Σ): a training step whose direction has mean m and covariance Σ, that of the batch (specification 1.2). Exact. */
export const trainingStep = (m: Vector, Σ: Matrix, η: number): StepMoments => ({
  mean: scale(-η, m),
  second: outer(m, m)
    .add(Σ)
    .mul(η * η),
});

/** The drift b₀ + ηb₁ of an SDE dΘ = (b₀ + ηb₁) dt + √η Σ^{1/2} dW. */
export interface Drift {
  b0(θ: Vector): Vector;
  b1(θ: Vector): Vector;
}

/** ηb₀ + η²(b₁ + ½(Db₀)b₀) and η²(b₀b₀ᵀ + Σ): the SDE from θ over time η, up to O(η³) (specification 1.3 e). */
export function diffusionStep({ b0, b1 }: Drift, Σ: Matrix, θ: Vector, η: number): StepMoments {
  const b = b0(θ);
  const second = plus(b1(θ), times(jacobian(b0, θ), b), 0.5);
  return {
    mean: plus(scale(η, b), second, η * η),
    second: outer(b, b)
      .add(Σ)
      .mul(η * η),
  };
}

/**
 * How many terms α, α², … of the expansion of m an order-2 SDE keeps when α = cη^p (specification 1.3 e): those α^j with jp < 2, since what
 * is left out must be O(η²). p = 1 keeps one, p = ½ three, p ≥ 2 none: such an adversary is too weak to be seen.
 * @throws RangeError for p ≤ 0: a fixed or growing α has no expansion in η; take the equations for fixed α (1.3 d).
 */
export function keptTerms(p: number): number {
  if (!(p > 0)) throw new RangeError(`α = cη^p with p = ${p} does not vanish with η: take the equations for fixed α (1.3 d)`);
  // The margin is for p = 2/n, whose rounding must not add a term.
  return Math.ceil(2 / p - 1e-9) - 1;
}
