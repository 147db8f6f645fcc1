/**
 * E1, the exactly solvable toy: ℓ = ½ θᵀAθ − θᵀx with x ~ (mean b, covariance S).
 *
 * ∇ₓℓ = −θ, so δ_K = −Kαθ and h = (A + βI)θ − x exactly, for every K and α: adversarial training *is* SGD on ridge,
 * and discrete chain, order-1 and order-2 SDE all have closed moments. In the eigenvectors of A the coordinates relax on their own, and
 * one dimension says it all; `RidgeProblem` is that case, A = a, k = a + β.
 */
import { EigenvalueDecomposition, type Matrix } from "ml-matrix";
import { type Inner, βOf } from "./inner.ts";
import { minus, plus, times, type Vector } from "./vectors.ts";

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

/** The same in p dimensions: A and S are symmetric [p, p], b and θ0 [p]. */
export interface RidgeSystem {
  A: Matrix;
  b: Vector;
  S: Matrix;
  B: number;
  η: number;
  θ0: Vector;
}

/** Mean [p] and covariance [p, p]. */
export interface JointMoments {
  mean: number[];
  covariance: Matrix;
}

/** The direction h = (A + βI)θ − x [p]. Exact for every α and K. */
export const direction = (A: Matrix, θ: Vector, x: Vector, inner: Inner): number[] => minus(plus(times(A, θ), θ, βOf(inner)), x);

/** The curvature a + β that the adversary leaves. */
export const curvature = ({ a }: Pick<RidgeProblem, "a">, inner: Inner): number => a + βOf(inner);

/** Moments of the n-th iterate of adversarial training: with r = 1 − ηk the mean relaxes as rⁿ, the variance is η²(S/B)(1 − r²ⁿ)/(1 − r²). */
export const discreteMoments = (problem: RidgeProblem, inner: Inner, n: number): Moments =>
  moments(problem, inner, discreteRelaxation(problem.η, n));

/** Moments at time T of the SDE of order 1 (rate κ = k) or 2 (κ = k + ηk²/2): e^{−κT} for rⁿ, variance η(S/B)(1 − e^{−2κT})/(2κ). */
export const diffusionMoments = (problem: RidgeProblem, inner: Inner, T: number, order: 1 | 2): Moments =>
  moments(problem, inner, diffusionRelaxation(problem.η, T, order));

/**
 * Mean and covariance of the n-th iterate in p dimensions. With kᵢ the eigenvalues of A + βI and rᵢ = 1 − ηkᵢ, in its eigenvectors: the mean
 * relaxes as rᵢⁿ, the covariance is η²(Sᵢⱼ/B)(1 − (rᵢrⱼ)ⁿ)/(1 − rᵢrⱼ). @throws RangeError when A is not symmetric.
 */
export const discreteJointMoments = (system: RidgeSystem, inner: Inner, n: number): JointMoments =>
  jointMoments(system, inner, discreteRelaxation(system.η, n));

/**
 * Mean and covariance at time T of the SDE in p dimensions: rates κᵢ = kᵢ (order 1) or kᵢ + ηkᵢ²/2 (order 2), covariance
 * η(Sᵢⱼ/B)(1 − e^{−(κᵢ+κⱼ)T})/(κᵢ + κⱼ) in the eigenvectors of A. @throws RangeError when A is not symmetric.
 */
export const diffusionJointMoments = (system: RidgeSystem, inner: Inner, T: number, order: 1 | 2): JointMoments =>
  jointMoments(system, inner, diffusionRelaxation(system.η, T, order));

/** How a coordinate of curvature k forgets its start, and what covariance two of them have by then, for Sᵢⱼ/B = 1. */
interface Relaxation {
  decay(k: number): number;
  spread(k: number, l: number): number;
}

function discreteRelaxation(η: number, n: number): Relaxation {
  const r = (k: number) => 1 - η * k;
  // (1 − qⁿ)/(1 − q), the geometric sum of n terms.
  const sum = (q: number) => (q === 1 ? n : (1 - q ** n) / (1 - q));
  return { decay: (k) => r(k) ** n, spread: (k, l) => η * η * sum(r(k) * r(l)) };
}

function diffusionRelaxation(η: number, T: number, order: 1 | 2): Relaxation {
  const κ = (k: number) => (order === 1 ? k : k + (η * k * k) / 2);
  // (1 − e^{−κT})/κ, the integral of e^{−κt} from 0 to T.
  const integral = (κ: number) => (κ === 0 ? T : -Math.expm1(-κ * T) / κ);
  return { decay: (k) => Math.exp(-κ(k) * T), spread: (k, l) => η * integral(κ(k) + κ(l)) };
}

function moments(problem: RidgeProblem, inner: Inner, { decay, spread }: Relaxation): Moments {
  const { b, S, B, θ0 } = problem;
  const k = curvature(problem, inner);
  return { mean: b / k + (θ0 - b / k) * decay(k), variance: (S / B) * spread(k, k) };
}

function jointMoments({ A, b, S, B, θ0 }: RidgeSystem, inner: Inner, { decay, spread }: Relaxation): JointMoments {
  if (!A.isSymmetric()) throw new RangeError("A is not symmetric: give (A + Aᵀ)/2, which has the same loss");
  const { eigenvectorMatrix: Q, realEigenvalues } = new EigenvalueDecomposition(A, { assumeSymmetric: true });
  const k = realEigenvalues.map((a) => a + βOf(inner));
  const [start, target] = [θ0, b].map((v) => times(Q.transpose(), v));
  const mean = k.map((ki, i) => target[i] / ki + (start[i] - target[i] / ki) * decay(ki));
  const covariance = Q.transpose().mmul(S).mmul(Q).div(B);
  k.forEach((ki, i) => {
    k.forEach((kj, j) => void covariance.set(i, j, covariance.get(i, j) * spread(ki, kj)));
  });
  return { mean: times(Q, mean), covariance: Q.mmul(covariance).mmul(Q.transpose()) };
}
