/**
 * 1.4, robustness seen from the gradient flow: SGD follows θ' = −∇L, adversarial training θ' = −∇L − β∇G.
 *
 * At a common point the adversary lowers dG/dt by β|∇G|²; at the end G is smaller and L larger. In between, "G_AT ≤ G_SGD
 * for all t" is false: `counterExample` is linear regression where G_AT exceeds G_SGD on the way.
 *
 * G = ½ E|∇ₓℓ|² is the first-order vulnerability: it says what a raw step gains (`rawRise`) and bounds what a ball allows (`ballRise`).
 */
import { Matrix } from "ml-matrix";
import {
  type GaussianModel,
  lossGradient,
  momentsOf,
  type SecondMoments,
  vulnerability,
  vulnerabilityGradient,
} from "./linear-regression.ts";
import { plus, scale, type Vector } from "./vectors.ts";

/** 2sG: by how much one raw ascent step of size s, δ = s∇ₓℓ, raises the mean loss, up to O(s²) (specification 1.4). */
export const rawRise = (G: number, s: number): number => 2 * s * G;

/** ε√(2G) ≥ ε E|∇ₓℓ|: a bound of the rise of the mean loss in the l₂ ball |δ| ≤ ε, up to O(ε²) (specification 1.4); attained where all |∇ₓℓ| are equal. */
export const ballRise = (G: number, ε: number): number => ε * Math.sqrt(2 * G);

/** The points of θ' = field(θ) at times 0, T/n, …, T, by the classical Runge–Kutta method with `substeps` steps in between. */
export function flow(field: (θ: Vector) => Vector, θ0: Vector, T: number, n: number, substeps = 10): number[][] {
  const h = T / n / substeps;
  const path = [[...θ0]];
  let θ: Vector = θ0;
  for (let step = 1; step <= n * substeps; step++) {
    const k1 = field(θ);
    const k2 = field(plus(θ, k1, h / 2));
    const k3 = field(plus(θ, k2, h / 2));
    const k4 = field(plus(θ, k3, h));
    θ = plus(θ, plus(plus(k1, k4), plus(k2, k3), 2), h / 6);
    if (step % substeps === 0) path.push([...θ]);
  }
  return path;
}

/** −∇L − β∇G for linear regression (β = 0: SGD's flow). */
export const regressionField =
  (law: SecondMoments, β: number) =>
  (θ: Vector): number[] =>
    scale(-1, plus(lossGradient(law, θ), vulnerabilityGradient(law, θ), β));

/** G along both flows from the same start. */
export interface FlowComparison {
  t: number[];
  sgd: number[];
  at: number[];
  /** max over t of G_AT/G_SGD − 1: positive means that "for all t" fails. */
  worstExcess: number;
}

/** G along the flows of SGD and of adversarial training for linear regression. */
export function compareFlows(law: SecondMoments, θ0: Vector, β: number, T: number, n: number): FlowComparison {
  const along = (weight: number) => flow(regressionField(law, weight), θ0, T, n).map((θ) => vulnerability(law, θ));
  const [sgd, at] = [along(0), along(β)];
  return {
    t: sgd.map((_, i) => (T * i) / n),
    sgd,
    at,
    worstExcess: Math.max(...at.map((G, i) => (sgd[i] > 0 ? G / sgd[i] - 1 : 0))),
  };
}

/** The counter-example of 1.4 (iii): d = 5, A = diag(linspace(.3, 2, 5)), τ = .5, to be started at 0. The specification's θ* is random; this is ours. */
export const counterExample: GaussianModel = {
  A: Matrix.diag([0.3, 0.725, 1.15, 1.575, 2]),
  θstar: [1.5, -1, 1, 2, -1],
  τ: 0.5,
};

/** (G_AT(t) − G_SGD(t)) / (−β|∇G(θ₀)|²t), which tends to 1 as t → 0 (1.4 i). */
export function shortTimeRatio(model: GaussianModel, θ0: Vector, β: number, t: number): number {
  const law = momentsOf(model);
  const { sgd, at } = compareFlows(law, θ0, β, t, 1);
  const gradient = vulnerabilityGradient(law, θ0);
  return (at[1] - sgd[1]) / (-β * gradient.reduce((sum, v) => sum + v * v, 0) * t);
}
