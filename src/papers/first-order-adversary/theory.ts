/**
 * What theory says about projected gradient ascent (PGA) on one input of a random two-layer network. Everything here is our derivation
 * (the paper's abstract claims local maxima in polynomially many steps and faster, more regular ascent at smaller input scale).
 *
 *     f(x) = m^{-1/2} Σ_r a_r φ(w_r·x),   w_r ~ N(0, I_d),   a_r = ±1,   |x| = c  (the input scale),   ε = ρc  (fixed perturbation ratio ρ)
 *     F(δ) = ½(f(x + δ) − y)²  on  |δ| ≤ ε,    r = f(x + δ) − y,    r₀ = r(0),    g = |∇f(x)|,    h = |∇²f|,    y = ±1
 *     PGA:  δ ← Π_{|δ| ≤ ε}(δ + s ∇F(δ)),   δ₀ = 0
 *
 * For another loss F = ℓ(f) the same holds with r replaced by ℓ′(f), as long as ℓ′ keeps its sign and ℓ″ ≥ 0.
 */
import { sphereRate } from "../../analysis/ascent-report.ts";
import { type Activation, gaussianMean, sigma } from "./moments.ts";

/* ---- random networks with m ≫ d (m = 20 d is enough) ---- */

/** The sizes that theory predicts from activation, input scale, dimension and perturbation ratio. */
export interface Prediction {
  /** g = |∇f(x)| ≈ √d σ₁(c) */
  g: number;
  /** h = |∇²f(x)| ≈ 2√d σ₂(c), the edge of a Gaussian orthogonal ensemble */
  h: number;
  /** regularity index κ = εh/g ≈ 2ρc σ₂(c)/σ₁(c): free of d and m, → 0 as c → 0 */
  kappa: number;
  /** standard deviation of f(x), σ₀(c) */
  deviation: number;
}

export function predict(activation: Activation, { c, d, rho }: { c: number; d: number; rho: number }): Prediction {
  const [s0, s1, s2] = [sigma(activation, 0, c), sigma(activation, 1, c), sigma(activation, 2, c)];
  return { g: Math.sqrt(d) * s1, h: 2 * Math.sqrt(d) * s2, kappa: (2 * rho * c * s2) / s1, deviation: s0 };
}

/**
 * Relative spread of g over random networks, √(1/(2d) + (k − 1)/(4m) + k/(2dm)) with k = E φ′⁴/(E φ′²)²: it falls with the width m to the floor 1/√(2d),
 * since ∇f(x) is nearly a Gaussian vector of d components (second-order delta method on |∇f|² = m^{-1} Σ_{rs} a_r a_s φ′_r φ′_s w_r·w_s).
 */
export function gradientSpread(activation: Activation, { c, d, m }: { c: number; d: number; m: number }): number {
  const slope = activation.derivatives[1];
  const panel = Math.min(0.1, 0.1 / c);
  const k = gaussianMean((z) => slope(c * z) ** 4, panel) / gaussianMean((z) => slope(c * z) ** 2, panel) ** 2;
  return Math.sqrt(1 / (2 * d) + (k - 1) / (4 * m) + k / (2 * d * m));
}

/** The mean adversarial loss before training, ≈ ½E(|r₀| + εg)² with r₀ ~ N(−y, σ₀²): it rises with c at fixed ρ. */
export function initialAdversarialLoss(activation: Activation, { c, d, rho }: { c: number; d: number; rho: number }): number {
  const { g, deviation } = predict(activation, { c, d, rho });
  return 0.5 * gaussianMean((z) => (Math.abs(1 + deviation * z) + rho * c * g) ** 2);
}

/** The input scale below which εg < 1 ≈ |r₀|, so that the valley {f = y} does not cut the ball: the root of ρc√d σ₁(c) = 1, by bisection. */
export function valleyFreeScale(activation: Activation, { d, rho }: { d: number; rho: number }): number {
  const excess = (c: number) => rho * c * Math.sqrt(d) * sigma(activation, 1, c) - 1;
  let [low, high] = [0, 1];
  while (excess(high) < 0) [low, high] = [high, 2 * high];
  while (high - low > 1e-12 * high) {
    const middle = (low + high) / 2;
    if (excess(middle) < 0) low = middle;
    else high = middle;
  }
  return low;
}

/* ---- the theorem (q = εh/g_min < 1 and r₀ ≠ 0 on the ball) ---- */

/** L_F = r_max h + g_max²: a Lipschitz constant of ∇F on the ball, where r_max = |r₀| + εg_max. PGA with s ≤ 1/L_F never lets F decrease. */
export function smoothness({ r0, eps, gMax, h }: { r0: number; eps: number; gMax: number; h: number }): number {
  return (Math.abs(r0) + eps * gMax) * h + gMax ** 2;
}

/** q = εh/g_min: contraction factor of δ ↦ εu(δ), u = sign(r₀)∇f/|∇f|. With q < 1 the ball has exactly one KKT point of sign(r₀)f (theorem, 1). */
export function contractionFactor({ eps, h, gMin }: { eps: number; h: number; gMin: number }): number {
  return (eps * h) / gMin;
}

/** √(2(F_max − F₀)/(sT)) ≥ min_{t ≤ T} |gradient mapping|, for any smooth F and s ≤ 1/L_F: stationarity in polynomial time (theorem, 3). */
export function gradientMappingBound({ rise, s, steps }: { rise: number; s: number; steps: number }): number {
  return Math.sqrt((2 * rise) / (s * steps));
}

/** Steps until PGA from 0 reaches the sphere, for locally linear f: ⌈log(1 + εg/|r₀|) / log(1 + sg²)⌉, from r ← (1 + sg²)r (theorem, 4). */
export function hittingTime({ eps, g, r0, s }: { eps: number; g: number; r0: number; s: number }): number {
  return Math.ceil(Math.log1p((eps * g) / Math.abs(r0)) / Math.log1p(s * g * g));
}

/** A rigorous upper bound of the hitting time when s·r_max·h ≤ 1: sg² becomes sg_min²/2, and g becomes g_max (theorem, 4). */
export function hittingTimeBound({ eps, gMin, gMax, r0, s }: { eps: number; gMin: number; gMax: number; r0: number; s: number }): number {
  return Math.ceil(Math.log1p((eps * gMax) / Math.abs(r0)) / Math.log1p((s * gMin * gMin) / 2));
}

/**
 * Rate of linear convergence on the sphere, ε(1 + s|r|μ)/(ε + sΛ) with Λ = |∇F(δ*)| and μ the largest eigenvalue of P sign(r)∇²f P,
 * P = I − uuᵀ. Below 1 exactly when εμ < |∇f|, the second-order condition (theorem, 5).
 */
export function tailRate({ eps, s, r, mu, lambda }: { eps: number; s: number; r: number; mu: number; lambda: number }): number {
  return sphereRate({ radius: eps, stepSize: s, curvature: Math.abs(r) * mu, multiplier: lambda });
}

/** Steps to relative accuracy τ: N_hit + (1 + ε/(s|r|g)) log(1/τ)/(1 − q), asymptotically; ∞ for q ≥ 1 (theorem, 5). */
export function iterationsTo(
  tau: number,
  { hit, eps, s, r, g, q }: { hit: number; eps: number; s: number; r: number; g: number; q: number },
): number {
  return q < 1 ? hit + ((1 + eps / (s * Math.abs(r) * g)) * Math.log(1 / tau)) / (1 - q) : Number.POSITIVE_INFINITY;
}

/** F at the maximum, ½(|r₀| + εg)², up to a factor 1 + O(κ) (theorem, 6). */
export function maximumOf({ r0, eps, g }: { r0: number; eps: number; g: number }): number {
  return 0.5 * (Math.abs(r0) + eps * g) ** 2;
}

/**
 * Bound on max over the ball of |F − ½(r₀ + ∇f(x)·δ)²| / ½(|r₀| + εg)²: with f = linear + R and |R| ≤ ½hε² = ½κεg,
 * it is κ + κ²/4, κ = ε max_B|∇²f| / g.
 */
export function nonlinearityBound(kappa: number): number {
  return kappa + kappa ** 2 / 4;
}
