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

/** E over the examples of the inner product of rows, a scalar. */
const dot = (a: Value, b: Value): Value => reduceMean(reduceSum(mul(a, b), [1]));

/** g = ∇ₓℓ and Hg, both [N, d], as functions of the weights. */
function inputDerivatives(learner: Learner, x: Value, y: Value) {
  type Weights = Readonly<Record<string, Value>>;
  const total = (weights: Weights) => sum(learner.losses(weights, x, y));
  const g = (weights: Weights) => grad(total(weights), x);
  return { g, Hg: (weights: Weights) => hvp(total(weights), [x], [g(weights)])[0] };
}

/** E[∇_θ(½ gᵀHg)] [p], the second-order term that is a gradient. */
export function curvedTerm(learner: Learner, θ: Value, x: Value, y: Value): Value {
  const { g, Hg } = inputDerivatives(learner, x, y);
  return weightGradient(learner, θ, (weights) => mul(dot(g(weights), Hg(weights)), 0.5));
}

/** E[D H g] [p], the second-order term that is in general none: the θ-gradient of E g·v with v = Hg held fixed. */
export function mixedTerm(learner: Learner, θ: Value, x: Value, y: Value): Value {
  const { g, Hg } = inputDerivatives(learner, x, y);
  return weightGradient(learner, θ, (weights) => dot(g(weights), stopGradient(Hg(unflatten(learner, θ)))));
}

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
  const second = add(
    sub(first, mul(curvedTerm(learner, θ, x, y), K * K * α * α)),
    mul(mixedTerm(learner, θ, x, y), (α * α * K * (K + 1)) / 2),
  );
  return [zeroth, first, second];
}
