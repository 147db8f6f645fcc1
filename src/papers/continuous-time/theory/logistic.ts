/**
 * E4, logistic regression with labels y = ±1: ℓ = log(1 + e⁻ᶻ), z = y θ·x, P = σ(−z).
 *
 * The inner steps stay on the line through θ and reduce to a scalar: z ← z − α|θ|²σ(−z). In continuous inner time
 * z + eᶻ decreases linearly, which Lambert's W solves.
 */
import { type Inner, βOf } from "./inner.ts";
import { dot, plus, scale, type Vector, zeroOf } from "./vectors.ts";

/** Labelled points: x[i] with y[i] = ±1. */
export interface BinaryData {
  x: readonly Vector[];
  y: readonly number[];
}

/** σ(t) = 1/(1 + e⁻ᵗ). */
export const sigmoid = (t: number): number => 1 / (1 + Math.exp(-t));

/** log(1 + e⁻ᶻ) without overflow. */
const logistic = (z: number): number => (z > 0 ? Math.log1p(Math.exp(-z)) : Math.log1p(Math.exp(z)) - z);

/** The margin after K inner steps, z_{k+1} = z_k − αsσ(−z_k), s = |θ|². */
export function innerMargin(z: number, s: number, { α, K }: Inner): number {
  let margin = z;
  for (let k = 0; k < K; k++) margin -= α * s * sigmoid(-margin);
  return margin;
}

/** The margin after inner time t in the limit α → 0, Kα = t: z_t = C − W(e^C), C = z₀ + e^{z₀} − st. */
export function innerFlow(z0: number, s: number, t: number): number {
  const C = z0 + Math.exp(z0) - s * t;
  return C - lambertOfExponential(C);
}

/** W(e^C), the solution of w + log w = C (w e^w = e^C), by Newton's method; does not overflow for large C. */
export function lambertOfExponential(C: number): number {
  if (C < -30) return Math.exp(C);
  let w = C > 1 ? C - Math.log(C) : Math.exp(Math.min(C, 0)) / 2;
  for (let i = 0; i < 60; i++) {
    const next = (w * (1 + C - Math.log(w))) / (1 + w);
    if (Math.abs(next - w) <= 1e-16 * next) return next;
    w = next;
  }
  return w;
}

/** h = −σ(−z_K)(yx + θ(z_K − z)/s). */
export function direction(θ: Vector, x: Vector, y: number, inner: Inner): number[] {
  const s = dot(θ, θ);
  const z = y * dot(θ, x);
  const zK = innerMargin(z, s, inner);
  return scale(-sigmoid(-zK), plus(scale(y, x), θ, s > 0 ? (zK - z) / s : -inner.α * inner.K * sigmoid(-z)));
}

/** m = mean of h over the data. */
export const meanDirection = (data: BinaryData, θ: Vector, inner: Inner): number[] => meanVector(data, (x, y) => direction(θ, x, y, inner));

/** L = mean log(1 + e⁻ᶻ). */
export const loss = (data: BinaryData, θ: Vector): number => mean(data, (x, y) => logistic(y * dot(θ, x)));

/** G = ½|θ|² E P². */
export const vulnerability = (data: BinaryData, θ: Vector): number => (dot(θ, θ) / 2) * mean(data, (x, y) => sigmoid(-y * dot(θ, x)) ** 2);

/** ∇L_AT = E[−P y x] + Kα E[P²θ − |θ|²P²(1 − P) y x]. */
export function modifiedGradient(data: BinaryData, θ: Vector, inner: Inner): number[] {
  const s = dot(θ, θ);
  const β = βOf(inner);
  return meanVector(data, (x, y) => {
    const P = sigmoid(-y * dot(θ, x));
    return plus(scale(-y * (P + β * s * P * P * (1 - P)), x), θ, β * P * P);
  });
}

/** Exact l₂-ball adversarial loss of one example: log(1 + exp(−(z − ε|θ|))). */
export const ballLoss = (θ: Vector, x: Vector, y: number, ε: number): number => logistic(y * dot(θ, x) - ε * Math.sqrt(dot(θ, θ)));

/** Where adversarial training settles: m(θ) = 0. The data must not be separable, or plain training (K = 0) has no root. */
export const adversarialRoot = (data: BinaryData, inner: Inner): number[] => zeroOf((θ) => meanDirection(data, θ, inner), origin(data));

/** The stationary point of the modified loss L + βG. */
export const modifiedRoot = (data: BinaryData, inner: Inner): number[] => zeroOf((θ) => modifiedGradient(data, θ, inner), origin(data));

const origin = (data: BinaryData): number[] => data.x[0].map(() => 0);

const mean = (data: BinaryData, f: (x: Vector, y: number) => number): number =>
  data.x.reduce((sum, x, i) => sum + f(x, data.y[i]), 0) / data.x.length;

const meanVector = (data: BinaryData, f: (x: Vector, y: number) => Vector): number[] =>
  scale(
    1 / data.x.length,
    data.x.reduce<Vector>((sum, x, i) => plus(sum, f(x, data.y[i])), origin(data)),
  );
