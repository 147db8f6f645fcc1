/**
 * E3, linear regression: ℓ = ½(θ·x − y)², r = θ·x − y, s = |θ|².
 *
 * The inner steps stay on the line through θ: r_K = ρr with ρ = (1+αs)ᴷ and δ_K = c r θ with c = (ρ−1)/s. So the mean
 * direction m is known exactly for every α, K and data law, and its root is a self-consistent ridge solution.
 */
import { Matrix } from "ml-matrix";
import { type Inner, βOf } from "./inner.ts";
import { dot, minus, outer, plus, scale, solve, times, type Vector } from "./vectors.ts";

/** All that the mean direction needs of a data law: A = E xxᵀ, b = E xy, E y². */
export interface SecondMoments {
  A: Matrix;
  b: Vector;
  yy: number;
}

/** The model y = θ*·x + e with x ~ N(0, A), e ~ N(0, τ²), for which the covariance of h is known too. */
export interface GaussianModel {
  A: Matrix;
  θstar: Vector;
  τ: number;
}

/** Second moments of the Gaussian model: b = Aθ*, E y² = θ*ᵀAθ* + τ². */
export function momentsOf({ A, θstar, τ }: GaussianModel): SecondMoments {
  const b = times(A, θstar);
  return { A, b, yy: dot(θstar, b) + τ * τ };
}

/** L(θ) = ½ E(θ·x − y)². */
export const loss = ({ A, b, yy }: SecondMoments, θ: Vector): number => (dot(θ, times(A, θ)) - 2 * dot(b, θ) + yy) / 2;

/** ∇L = Aθ − b. */
export const lossGradient = ({ A, b }: SecondMoments, θ: Vector): number[] => minus(times(A, θ), b);

/** G = ½ E|∇ₓℓ|² = |θ|² L(θ). */
export const vulnerability = (law: SecondMoments, θ: Vector): number => dot(θ, θ) * loss(law, θ);

/** ∇G = 2Lθ + |θ|²(Aθ − b). */
export const vulnerabilityGradient = (law: SecondMoments, θ: Vector): number[] =>
  plus(scale(2 * loss(law, θ), θ), lossGradient(law, θ), dot(θ, θ));

/** ρ = (1+αs)ᴷ and c = (ρ−1)/s (c → Kα as s → 0), s = |θ|². */
export function amplification(θ: Vector, { α, K }: Inner): { ρ: number; c: number } {
  const s = dot(θ, θ);
  const ρ = (1 + α * s) ** K;
  return { ρ, c: s > 0 ? Math.expm1(K * Math.log1p(α * s)) / s : K * α };
}

/** The per-example direction h = ρr(x + c r θ). */
export function direction(θ: Vector, x: Vector, y: number, inner: Inner): number[] {
  const { ρ, c } = amplification(θ, inner);
  const r = dot(θ, x) - y;
  return scale(ρ * r, plus(x, θ, c * r));
}

/** The mean direction m = ρ[Aθ − b + 2cL(θ)θ]. Exact for every α, K and data law. */
export function meanDirection(law: SecondMoments, θ: Vector, inner: Inner): number[] {
  const { ρ, c } = amplification(θ, inner);
  return scale(ρ, plus(lossGradient(law, θ), θ, 2 * c * loss(law, θ)));
}

/** m'(θ) in one dimension: (ρ'/ρ)m + ρ[A + 2L(cθ)' + 2cθL'], with ρ' = 2Kαθ(1+αθ²)ᴷ⁻¹ and (cθ)' = ρ'/θ − c. */
export function meanSlope(law: SecondMoments, θ: number, inner: Inner): number {
  const { ρ, c } = amplification([θ], inner);
  const growth = 2 * inner.K * inner.α * (1 + inner.α * θ * θ) ** (inner.K - 1);
  const L = loss(law, [θ]);
  const m = meanDirection(law, [θ], inner)[0];
  return (growth * θ * m) / ρ + ρ * (law.A.get(0, 0) + 2 * L * (growth - c) + 2 * c * θ * lossGradient(law, [θ])[0]);
}

/** Loss at the adversarial point, ρ²L. */
export const adversarialLoss = (law: SecondMoments, θ: Vector, inner: Inner): number => amplification(θ, inner).ρ ** 2 * loss(law, θ);

/** The modified loss L_AT = L + βG = L(1 + Kα|θ|²). */
export const modifiedLoss = (law: SecondMoments, θ: Vector, inner: Inner): number => loss(law, θ) * (1 + βOf(inner) * dot(θ, θ));

/** Exact l₂-ball adversarial risk of the Gaussian model: L + ε|θ|√(2q/π) + ε²|θ|²/2, q = 2L. */
export function ballRisk(model: GaussianModel, θ: Vector, ε: number): number {
  const L = loss(momentsOf(model), θ);
  const s = dot(θ, θ);
  return L + ε * Math.sqrt(s) * Math.sqrt((4 * L) / Math.PI) + (ε * ε * s) / 2;
}

/** Cov(h) = ρ²[qA − (Au)(Au)ᵀ + 2vvᵀ], u = θ − θ*, q = 2L, v = Au + cqθ (Gaussian model; divide by B for Σ). */
export function directionCovariance(model: GaussianModel, θ: Vector, inner: Inner): Matrix {
  const { ρ, c } = amplification(θ, inner);
  const q = 2 * loss(momentsOf(model), θ);
  const Au = times(model.A, minus(θ, model.θstar));
  const v = plus(Au, θ, c * q);
  return Matrix.mul(model.A, q)
    .sub(outer(Au, Au))
    .add(outer(v, v).mul(2))
    .mul(ρ * ρ);
}

/** A solution of θ = (A + λI)⁻¹b with λ = λ(θ), its λ, and how well it satisfies the equation. */
export interface RidgeSolution {
  θ: number[];
  λ: number;
  /** |θ − (A + λ(θ)I)⁻¹b| at the returned θ. */
  residual: number;
  iterations: number;
}

/** The root of m: ridge with λ = 2c(|θ|²)L(θ), by the damped iteration θ ← ½θ + ½(A + λ(θ)I)⁻¹b from (A⁻¹b). */
export function adversarialRoot(law: SecondMoments, inner: Inner): RidgeSolution {
  return selfConsistentRidge(law, (θ) => 2 * amplification(θ, inner).c * loss(law, θ));
}

/**
 * The stationary point of the modified loss next to ridge(0) = A⁻¹b: ridge with λ = 2KαL/(1 + Kα|θ|²). It is the minimizer unless Kα|θ*|²
 * is large: then the modified loss has several minima, all of them ridge solutions, and the lowest may be another.
 */
export function modifiedRoot(law: SecondMoments, inner: Inner): RidgeSolution {
  const β = βOf(inner);
  return selfConsistentRidge(law, (θ) => (2 * β * loss(law, θ)) / (1 + β * dot(θ, θ)));
}

/** First order in Kα (Gaussian model): θ* − Kατ²A⁻¹θ*. */
export const firstOrderRoot = ({ A, θstar, τ }: GaussianModel, inner: Inner): number[] => plus(θstar, solve(A, θstar), -βOf(inner) * τ * τ);

/** The one-dimensional stationary law near the root, B = 1: variance per unit of η = Cov(h)/(2m'). */
export interface StationaryLaw {
  root: number;
  /** m' at the root. */
  slope: number;
  covariance: number;
  variance: number;
}

/** Root, m', Cov(h) and Cov(h)/(2m') of the one-dimensional Gaussian model (the specification's reference table). */
export function stationaryLaw(model: GaussianModel, inner: Inner): StationaryLaw {
  const law = momentsOf(model);
  const [root] = adversarialRoot(law, inner).θ;
  const slope = meanSlope(law, root, inner);
  const covariance = directionCovariance(model, [root], inner).get(0, 0);
  return { root, slope, covariance, variance: covariance / (2 * slope) };
}

function selfConsistentRidge({ A, b }: SecondMoments, λOf: (θ: Vector) => number): RidgeSolution {
  const ridge = (λ: number) => solve(Matrix.add(A, Matrix.eye(b.length).mul(λ)), b);
  let θ = ridge(0);
  for (let iterations = 1; iterations <= 10_000; iterations++) {
    const λ = λOf(θ);
    const next = ridge(λ);
    const residual = Math.sqrt(dot(minus(next, θ), minus(next, θ)));
    if (residual < 1e-14 * (1 + Math.sqrt(dot(θ, θ)))) return { θ, λ, residual, iterations };
    θ = scale(0.5, plus(θ, next));
  }
  throw new Error("the self-consistent ridge iteration did not settle in 10,000 steps: take a smaller Kα");
}
