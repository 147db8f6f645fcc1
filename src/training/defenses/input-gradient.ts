/**
 * The input-gradient penalty, by double backpropagation (Drucker & LeCun 1992; Ross & Doshi-Velez 2018): to first order an adversary in the ε-ball
 * raises the loss by ε‖∇ₓ loss‖_{p*}, so that norm is made small. No inner loop is needed.
 */
import { abs, add, crossEntropy, flatten, grad, mean, mul, reduceSum, square, sum } from "../../graph/index.ts";
import type { NetworkMode } from "../../models/index.ts";
import type { Defense } from "../defense.ts";

export interface InputGradientOptions {
  /** l2: half the squared norm of the gradient; linf: its ℓ₁ norm, the dual one (Lyu et al. 2015). */
  norm?: "linf" | "l2";
  /** λ. With linf it stands for ε. */
  lambda?: number;
  /** Batch normalization in the penalty: with batch statistics examples would be coupled. */
  mode?: NetworkMode;
}

/** mean CE(f(x), y) + λ mean ½‖∇ₓ CE‖₂² (l2) or + λ mean ‖∇ₓ CE‖₁ (linf), each example's gradient being that of its own loss. */
export function inputGradient({ norm = "l2", lambda = 1, mode = "inference" }: InputGradientOptions = {}): Defense {
  return {
    name: "input-gradient",
    parameters: { norm, lambda, mode },
    prepare: async () => ({
      crafted: {},
      craft: async () => ({ feeds: {}, gradientEvaluations: 1 }),
      loss({ x, labels }, forward) {
        const logits = forward(x);
        const g = flatten(grad(sum(crossEntropy(forward(x, { mode, statistics: false }), labels)), x));
        const penalties = norm === "l2" ? mul(reduceSum(square(g), [1]), 0.5) : reduceSum(abs(g), [1]);
        return { loss: add(mean(crossEntropy(logits, labels)), mul(mean(penalties), lambda)), logits };
      },
      release: async () => {},
    }),
  };
}
