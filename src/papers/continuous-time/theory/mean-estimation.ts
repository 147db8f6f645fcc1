/**
 * E2, mean estimation: ℓ = ½|θ − x|². The inner steps push x away from θ geometrically, x_K − θ = (1+α)ᴷ(x − θ), hence
 * h = (1+α)ᴷ(θ − x): adversarial training is SGD with the larger rate η' = η(1+α)ᴷ. The root does not move; convergence
 * is faster and the stationary law wider. The example where the adversary changes the dynamics but not the minimizer.
 */
import type { Inner } from "./inner.ts";

/** (1+α)ᴷ, by which the adversary multiplies the learning rate. */
export const acceleration = ({ α, K }: Inner): number => (1 + α) ** K;

/** The adversarial direction h(θ; x). */
export const direction = (θ: number, x: number, inner: Inner): number => acceleration(inner) * (θ - x);

/** Stationary variance η' S / (B (2 − η')) of the iterates, S the variance of x. */
export function stationaryVariance({ η, S, B }: { η: number; S: number; B: number }, inner: Inner): number {
  const rate = η * acceleration(inner);
  return (rate * S) / (B * (2 - rate));
}
