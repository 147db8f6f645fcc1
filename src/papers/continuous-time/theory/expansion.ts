/**
 * 1.3 (b), the expansion of the adversarial direction in the inner step size, for any learner, symbolically (raw steps):
 *
 *   m = ∇L + KαE[½∇_θ|g|²] + K²α² E[∇_θ(½ gᵀHg)] − α²(K(K+1)/2) E[D H g] + O(α³),   g = ∇ₓℓ, H = ∇ₓₓℓ, D = ∇_θ∇ₓℓ.
 *
 * D H g is in general not a gradient: adversarial training descends a modified loss only to first order in α.
 */
import { SGD, vulnerability, weightedDirection, weightGradient } from "../../../analysis/adversarial-direction.ts";
import { type Learner, unflatten } from "../../../analysis/learner.ts";
import { add, constant, grad, hvp, mul, reduceMean, reduceSum, stopGradient, sub, sum, type Value } from "../../../graph/index.ts";
import { full } from "../../../tensor/index.ts";
import type { Inner } from "./inner.ts";

/** m − (the expansion cut after order 0, 1, 2), each [p]: remainders of size α, α², α³. */
export function remainders(learner: Learner, θ: Value, x: Value, y: Value, inner: Inner): [Value, Value, Value] {
  const { α, K } = inner;
  const N = x.shape[0];
  const w = constant(full([N], 1 / N, "float64"));
  const m = weightedDirection(learner, θ, x, y, w, inner);
  const losses = (weights: Readonly<Record<string, Value>>) => (at: Value) => learner.losses(weights, at, y);

  const zeroth = sub(m, weightedDirection(learner, θ, x, y, w, SGD));
  const first = sub(
    zeroth,
    mul(
      weightGradient(learner, θ, (weights) => vulnerability(losses(weights), x)),
      K * α,
    ),
  );
  /** ½ E gᵀHg, to be differentiated in θ as a whole, and E g·v with v = Hg held fixed, whose θ-gradient is E D H g. */
  const g = (weights: Readonly<Record<string, Value>>) => grad(sum(losses(weights)(x)), x);
  const Hg = (weights: Readonly<Record<string, Value>>) => hvp(sum(losses(weights)(x)), [x], [g(weights)])[0];
  const dot = (a: Value, b: Value) => reduceMean(reduceSum(mul(a, b), [1]));
  const curved = weightGradient(learner, θ, (weights) => mul(dot(g(weights), Hg(weights)), 0.5));
  const mixed = weightGradient(learner, θ, (weights) => dot(g(weights), stopGradient(Hg(unflatten(learner, θ)))));
  const second = add(sub(first, mul(curved, K * K * α * α)), mul(mixed, (α * α * K * (K + 1)) / 2));
  return [zeroth, first, second];
}
