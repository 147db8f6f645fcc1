/**
 * The direction in which adversarial training moves the weights, symbolically: K ascent steps on every example, then the weight gradient with
 * the perturbation held fixed; and the first-order picture of it, the loss plus a penalty on the input gradient.
 * Derivations: papers/continuous-time.
 */
import { ascend, ballProjection, type Direction } from "../attacks/ascent.ts";
import {
  abs,
  add,
  concat,
  div,
  expand,
  grad,
  jvp,
  lessOrEqual,
  max,
  min,
  mul,
  reduceMean,
  reduceSum,
  reshape,
  sign,
  sqrt,
  square,
  sub,
  sum,
  type Value,
  where,
} from "../graph/index.ts";
import { type Learner, unflatten } from "./learner.ts";

/** The inner ascent of adversarial training. SGD is K = 0 or α = 0. */
export interface Adversary {
  /** Inner step size, in input units. */
  α: number;
  /** Number of steps, from δ = 0. */
  K: number;
  /** Steps along the raw gradient (default), normalized in l₂, or its sign. */
  direction?: Direction;
  /** Every step is projected on |δ| ≤ ε. Default: not projected. */
  ε?: number;
  /** The norm of that: l₂ (default) or the largest component. */
  ball?: "l2" | "linf";
  /** One δ for the whole batch, driven by the mean input gradient. */
  shared?: boolean;
}

/** No adversary: stochastic gradient descent. */
export const SGD: Adversary = { α: 0, K: 0 };

/** x + δ_K: K steps up the losses [N] of a batch x [N, …]. */
export function adversarialInputs(losses: (x: Value) => Value, x: Value, adversary: Adversary): Value {
  const { α, K, direction = "raw", ε, ball = "l2", shared = false } = adversary;
  const own = (at: Value) => grad(sum(losses(at)), at);
  const common = (at: Value) => expand(reduceMean(own(at), [0], { keepDimensions: true }), at.shape);
  const projection = ε === undefined ? undefined : ballProjection(x, ball, ε);
  return α === 0 ? x : ascend(x, K, shared ? common : own, { direction, stepSize: α, projection });
}

/** Σᵢ wᵢhᵢ(θ) ∈ ℝᵖ: the weighted sum of the per-example directions hᵢ = ∇_θ ℓ(θ, xᵢ + δᵢ), δᵢ held fixed. w = 1/N gives the mean direction m. */
export function weightedDirection(learner: Learner, θ: Value, x: Value, y: Value, w: Value, adversary: Adversary): Value {
  const ascending = unflatten(learner, θ);
  const attacked = adversarialInputs((at) => learner.losses(ascending, at, y), x, adversary);
  // Weights of their own: the gradient does not see that δ depends on θ, and a derivative of the direction still does.
  const descending = unflatten(learner, θ);
  return flat(grad(sum(mul(learner.losses(descending, attacked, y), w)), Object.values(descending)));
}

/** (Dm)m: the derivative of the mean direction along itself, through the adversary as well. Without one it is ½∇|∇L|². */
export function selfDerivative(mean: Value, θ: Value): Value {
  return jvp([mean], [θ], [mean])[0];
}

/** ∇_θ of a scalar function of the weights. */
export function weightGradient(learner: Learner, θ: Value, f: (weights: Readonly<Record<string, Value>>) => Value): Value {
  const weights = unflatten(learner, θ);
  return flat(grad(f(weights), Object.values(weights)));
}

/** G = ½ mean |∇ₓℓ|², a scalar: the first-order vulnerability. */
export function vulnerability(losses: (x: Value) => Value, x: Value): Value {
  const g = grad(sum(losses(x)), x);
  return mul(reduceMean(perExampleSum(square(g))), 0.5);
}

/**
 * The losses [N] whose mean adversarial training descends to first order in α: ℓ plus the penalty of its kind of step on g = ∇ₓℓ (`penalties`).
 * The half of raw steps is missing in the loss *seen* at the adversarial point, since the perturbation is held fixed, not maximized over
 * (specification 1.3 c, f).
 */
export function modifiedLosses(losses: (x: Value) => Value, x: Value, adversary: Adversary): Value {
  const clean = losses(x);
  return adversary.α * adversary.K === 0 ? clean : add(clean, penalty(grad(sum(clean), x), adversary));
}

/**
 * What modified losses add to the losses [N] of x: P(g) with ∇P = δ(g), the perturbation to first order in α. With β = Kα and g = ∇ₓℓ, or its mean
 * over the batch where the perturbation is shared ([1] then):
 *
 * raw: (β/2)|g|₂² · raw in a ball: H(|g|₂) in l₂, Σ H(|gᵢ|) in l∞, with H(u) = βu²/2 where βu ≤ ε, else εu − ε²/(2β) · l₂-normalized: β|g|₂, in an
 * l₂ ball min(β, ε)|g|₂ · sign: β|g|₁, in an l∞ ball min(β, ε)|g|₁, in an l₂ ball min(β, ε/√n)|g|₁ for n components that are not 0.
 * Those in balls but H(|g|₂) are ours. @throws RangeError for normalized steps in an l∞ ball, whose δ(g) is no gradient.
 */
export const penalties = (losses: (x: Value) => Value, x: Value, adversary: Adversary): Value =>
  penalty(grad(sum(losses(x)), x), adversary);

/** The mean of the modified losses, a scalar: L_AT = L + KαG for raw steps. */
export const modifiedLoss = (losses: (x: Value) => Value, x: Value, adversary: Adversary): Value =>
  reduceMean(modifiedLosses(losses, x, adversary));

/** A learner of the modified losses: trained without an adversary, it does what adversarial training does to first order. */
export function penalized(learner: Learner, adversary: Adversary): Learner {
  return { ...learner, losses: (weights, x, y) => modifiedLosses((at) => learner.losses(weights, at, y), x, adversary) };
}

function penalty(g: Value, { α, K, direction = "raw", ε = Number.POSITIVE_INFINITY, ball = "l2", shared }: Adversary): Value {
  const β = K * α;
  const driving = shared ? reduceMean(g, [0], { keepDimensions: true }) : g;
  const bounded = Number.isFinite(ε);
  switch (direction) {
    case "raw":
      if (!bounded) return mul(perExampleSum(square(driving)), β / 2);
      return ball === "l2" ? huber(length(driving), β, ε) : perExampleSum(huber(abs(driving), β, ε));
    case "l2":
      if (bounded && ball === "linf")
        throw new RangeError("normalized steps in an l∞ ball descend no modified loss: take an l2 ball, or sign steps");
      return mul(length(driving), Math.min(β, ε));
    case "sign": {
      const size = perExampleSum(abs(driving));
      if (!bounded || ball === "linf") return mul(size, Math.min(β, ε));
      const directions = max(perExampleSum(abs(sign(driving))), 1);
      return mul(size, min(div(ε, sqrt(directions)), β));
    }
  }
}

/** βu²/2 where βu ≤ ε, else εu − ε²/(2β). */
const huber = (u: Value, β: number, ε: number): Value =>
  where(lessOrEqual(u, ε / β), mul(square(u), β / 2), sub(mul(u, ε), (ε * ε) / (2 * β)));

/** |g|₂ per example; the tiny number keeps its derivative at g = 0 finite (it is then multiplied by 0). */
const length = (g: Value): Value => sqrt(add(perExampleSum(square(g)), g.dtype === "float64" ? 1e-300 : 1e-37));

const flat = (parts: readonly Value[]): Value =>
  concat(
    parts.map((part) => reshape(part, [-1])),
    0,
  );

/** Sum over all axes but the first. */
const perExampleSum = (x: Value): Value => reduceSum(x, x.shape.map((_, axis) => axis).slice(1));
