/**
 * The convergence theorem (§2.4) on a problem where everything is known: f(θ, x) = θᵀBx − μ/2·‖x − x⁰‖² + ½ θᵀAθ over ‖x − x⁰‖∞ ≤ ε, strongly
 * concave in x. Its inner maximum is x* = x⁰ + clip(Bᵀθ/μ, ±ε), and L = ‖B‖²/μ + ‖A‖ (L_θx = L_xθ = ‖B‖, L_θθ = ‖A‖). The lemma
 * and the bound are our derivation; the paper's theorem has the same form with larger constants.
 */
import { EigenvalueDecomposition, Matrix, SingularValueDecomposition } from "ml-matrix";
import { foscOf } from "../../attacks/index.ts";
import { type Key, normal, uniform } from "../../tensor/index.ts";

export interface Toy {
  readonly A: Matrix;
  readonly B: Matrix;
  readonly mu: number;
  readonly epsilon: number;
  /** x⁰ */
  readonly center: number[];
  /** L_θx = ‖B‖₂ */
  readonly coupling: number;
  /** L = L_θx L_xθ/μ + L_θθ */
  readonly smoothness: number;
}

/** A random problem: B Gaussian, A = CCᵀ/d + 0.1·I. */
export function drawToy(key: Key, { d = 8, mu = 1, epsilon = 0.5 } = {}): Toy {
  const gaussian = (label: string) => Matrix.from1DArray(d, d, [...normal(key.fold(label), [d, d], 1 / Math.sqrt(d)).data]);
  const [B, C] = [gaussian("B"), gaussian("C")];
  const A = C.mmul(C.transpose()).add(Matrix.eye(d).mul(0.1));
  const coupling = new SingularValueDecomposition(B).norm2;
  const curvature = Math.max(...new EigenvalueDecomposition(A).realEigenvalues);
  return { A, B, mu, epsilon, center: [...normal(key.fold("x"), [d]).data], coupling, smoothness: coupling ** 2 / mu + curvature };
}

const apply = (M: Matrix, v: readonly number[]): number[] => M.mmul(Matrix.columnVector([...v])).to1DArray();
const squared = (v: readonly number[]): number => v.reduce((total, a) => total + a * a, 0);

/** ∇ₓ f(θ, x) = Bᵀθ − μ(x − x⁰) */
export function inputGradient({ B, mu, center }: Toy, theta: readonly number[], x: readonly number[]): number[] {
  return apply(B.transpose(), theta).map((pull, i) => pull - mu * (x[i] - center[i]));
}

/** ∇_θ f(θ, x) = Bx + Aθ */
export function weightGradient({ A, B }: Toy, theta: readonly number[], x: readonly number[]): number[] {
  const curved = apply(A, theta);
  return apply(B, x).map((v, i) => v + curved[i]);
}

/** argmax over the ball */
export function innerMaximum({ B, mu, epsilon, center }: Toy, theta: readonly number[]): number[] {
  return apply(B.transpose(), theta).map((pull, i) => center[i] + Math.min(Math.max(pull / mu, -epsilon), epsilon));
}

/** L(θ) = max over the ball of f(θ, ·) */
export function outerLoss(toy: Toy, theta: readonly number[]): number {
  const x = innerMaximum(toy, theta);
  const bilinear = apply(toy.B, x).reduce((total, v, i) => total + v * theta[i], 0);
  const quadratic = apply(toy.A, theta).reduce((total, v, i) => total + v * theta[i], 0) / 2;
  return bilinear - (toy.mu / 2) * squared(x.map((v, i) => v - toy.center[i])) + quadratic;
}

/** The first-order stationary condition at x. */
export function gap(toy: Toy, theta: readonly number[], x: readonly number[]): number {
  const { center, epsilon } = toy;
  return foscOf(
    { norm: "linf", center, epsilon, low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY },
    x,
    inputGradient(toy, theta, x),
  );
}

/** A bad inner solution that is still allowed: the point with c ≤ δ farthest from x* on the way to a corner of the ball. */
export function approximateMaximum(toy: Toy, theta: readonly number[], delta: number, key: Key): number[] {
  const best = innerMaximum(toy, theta);
  const signs = uniform(key, [best.length]).data;
  const corner = toy.center.map((v, i) => v + (signs[i] < 0.5 ? -toy.epsilon : toy.epsilon));
  const at = (share: number) => best.map((v, i) => v + share * (corner[i] - v));
  let [low, high] = [0, 1];
  if (gap(toy, theta, at(1)) <= delta) return at(1);
  for (let i = 0; i < 40; i++) {
    const middle = (low + high) / 2;
    if (gap(toy, theta, at(middle)) <= delta) low = middle;
    else high = middle;
  }
  return at(low);
}

/** Largest ‖x̂ − x*‖²·μ/c(x̂) over random θ and x̂: the lemma says ≤ 1. */
export function lemmaRatio(toy: Toy, points: number, key: Key): number {
  let worst = 0;
  for (let i = 0; i < points; i++) {
    const source = key.fold("lemma", i);
    const theta = [...normal(source.fold("theta"), [toy.center.length]).data];
    const offsets = uniform(source.fold("x"), [toy.center.length], -toy.epsilon, toy.epsilon).data;
    const x = toy.center.map((v, j) => v + offsets[j]);
    const distance = squared(innerMaximum(toy, theta).map((v, j) => v - x[j]));
    worst = Math.max(worst, (toy.mu * distance) / gap(toy, theta, x));
  }
  return worst;
}

export interface DescentRecord {
  delta: number;
  sigma: number;
  /** (1/T) Σ ‖∇L(θᵗ)‖², averaged over `repeats` where there is noise. */
  average: number;
  /** 2Δ/(ηT) + L_θx² δ/μ + Lησ² */
  bound: number;
  /** ‖∇L‖² after the last step */
  final: number;
}

/** Descent θ ← θ − η(∇_θ f(θ, x̂) + noise) with inner solutions of FOSC ≤ δ, η = min(1/L, √(2Δ/(LTσ²))). */
export function descend(
  toy: Toy,
  { delta, sigma, steps = 400, repeats = 1, key }: { delta: number; sigma: number; steps?: number; repeats?: number; key: Key },
): DescentRecord {
  const d = toy.center.length;
  const L = toy.smoothness;
  const start = new Array<number>(d).fill(1);
  const Delta = outerLoss(toy, start) - leastLoss(toy, start);
  const eta = sigma > 0 ? Math.min(1 / L, Math.sqrt((2 * Delta) / (L * steps * sigma ** 2))) : 1 / L;
  let [total, final] = [0, 0];
  for (let repeat = 0; repeat < repeats; repeat++) {
    let theta = start;
    for (let t = 0; t < steps; t++) {
      const source = key.fold(repeat, t);
      total += squared(weightGradient(toy, theta, innerMaximum(toy, theta)));
      const g = weightGradient(toy, theta, approximateMaximum(toy, theta, delta, source.fold("corner")));
      const noise = normal(source.fold("noise"), [d], sigma / Math.sqrt(d)).data;
      theta = theta.map((v, i) => v - eta * (g[i] + noise[i]));
    }
    final += squared(weightGradient(toy, theta, innerMaximum(toy, theta))) / repeats;
  }
  const bound = (2 * Delta) / (eta * steps) + (toy.coupling ** 2 * delta) / toy.mu + L * eta * sigma ** 2;
  return { delta, sigma, average: total / (steps * repeats), bound, final };
}

/** min L, by exact descent to convergence. */
function leastLoss(toy: Toy, start: readonly number[]): number {
  let theta = [...start];
  for (let t = 0; t < 5000; t++) {
    const g = weightGradient(toy, theta, innerMaximum(toy, theta));
    if (squared(g) < 1e-26) break;
    theta = theta.map((v, i) => v - g[i] / toy.smoothness);
  }
  return outerLoss(toy, theta);
}
