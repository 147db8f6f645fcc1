/** The small networks of the studies, as learners: per-example losses of named weights. */

import type { TrainingSet } from "../../../analysis/copies.ts";
import { flattenWeights, type Learner, weightCount } from "../../../analysis/learner.ts";
import { add, matMul, mul, reshape, square, sub, tanh } from "../../../graph/index.ts";
import { type Key, normal, type Tensor, tensor } from "../../../tensor/index.ts";

/** f(x) = Σ_j a_j tanh(W_j·x + b_j) with the squared loss ½(f − y)²: smooth in weights and inputs (E5). */
export function tanhRegression(inputs: number, width: number): Learner {
  return {
    weights: { W: [inputs, width], b: [width], a: [width] },
    losses: ({ W, b, a }, x, y) => mul(square(sub(reshape(matMul(tanh(add(matMul(x, W), b)), reshape(a, [width, 1])), y.shape), y)), 0.5),
  };
}

/** `copies` independent starts θ [copies, p] of a tanh network: W, b ~ N(0, 1), a ~ N(0, 1/width). */
export function starts(learner: Learner, key: Key, copies: number): Float64Array {
  const θ = new Float64Array(copies * weightCount(learner));
  const width = learner.weights.a[0];
  for (let copy = 0; copy < copies; copy++) {
    const draw = (name: string, deviation: number): Tensor => normal(key.fold(name, copy), learner.weights[name], deviation);
    const weights = { W: draw("W", 1), b: draw("b", 1), a: draw("a", 1 / Math.sqrt(width)) };
    θ.set(flattenWeights(learner, weights), copy * weightCount(learner));
  }
  return θ;
}

/** N examples x ~ N(0, I), y = sin(2x₁) + x₂/2 + noise of deviation .3. */
export function noisyWave(key: Key, N: number, inputs: number): TrainingSet {
  const x = normal(key.fold("x"), [N, inputs]);
  const noise = normal(key.fold("noise"), [N], 0.3).data;
  const y = noise.map((e, i) => Math.sin(2 * x.data[i * inputs]) + x.data[i * inputs + 1] / 2 + e);
  return { x, y: tensor(y, [N], "float64") };
}
