/** Optimizers as symbolic updates: new parameters and new state from gradients, computed in the training graph. */
import { add, div, mul, sqrt, square, sub, type Value } from "../graph/index.ts";

export interface Optimizer {
  readonly name: string;
  readonly parameters: Readonly<Record<string, number | boolean>>;
  /** Names of the tensors kept per parameter, each of the parameter's shape and zero at the start. */
  readonly slots: readonly string[];
  /** Numbers that the update needs beside the learning rate, for step 1, 2, …; they enter the graph as scalars. */
  scalars(step: number): Readonly<Record<string, number>>;
  update(
    w: Value,
    gradient: Value,
    slots: Readonly<Record<string, Value>>,
    scalars: Readonly<Record<string, Value>>,
  ): { w: Value; slots: Record<string, Value> };
}

/** Stochastic gradient descent: v ← μv + g + λw; w ← w − η v, with Nesterov's momentum w ← w − η (g + λw + μv). */
export function sgd({ momentum = 0, nesterov = false, weightDecay = 0 } = {}): Optimizer {
  return {
    name: "sgd",
    parameters: { momentum, nesterov, weightDecay },
    slots: momentum > 0 ? ["velocity"] : [],
    scalars: () => ({}),
    update(w, gradient, { velocity }, { rate }) {
      const g = weightDecay > 0 ? add(gradient, mul(w, weightDecay)) : gradient;
      if (momentum === 0) return { w: sub(w, mul(g, rate)), slots: {} as Record<string, Value> };
      const v = add(mul(velocity, momentum), g);
      return { w: sub(w, mul(nesterov ? add(g, mul(v, momentum)) : v, rate)), slots: { velocity: v } as Record<string, Value> };
    },
  };
}

interface AdamOptions {
  beta1?: number;
  beta2?: number;
  epsilon?: number;
  weightDecay?: number;
}

/** Adam (Kingma & Ba 2015) with bias correction; weight decay is added to the gradient. */
export const adam = (options: AdamOptions = {}): Optimizer => adamFamily("adam", options, false);

/** AdamW (Loshchilov & Hutter 2019): weight decay shrinks the weights themselves, w ← (1 − ηλ)w. */
export const adamw = (options: AdamOptions = {}): Optimizer => adamFamily("adamw", { weightDecay: 0.01, ...options }, true);

function adamFamily(
  name: string,
  { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weightDecay = 0 }: AdamOptions,
  decoupled: boolean,
): Optimizer {
  // With the sums M = m/(1 − β₁) and V = v/(1 − β₂) as state, and all factors gathered into two numbers, no pass over the weights is spent on a factor.
  return {
    name,
    parameters: { beta1, beta2, epsilon, weightDecay },
    slots: ["gradients", "squares"],
    scalars(step) {
      const deviation = Math.sqrt((1 - beta2) / (1 - beta2 ** step));
      return { scale: (1 - beta1) / (1 - beta1 ** step) / deviation, floor: epsilon / deviation };
    },
    update(w, gradient, { gradients, squares }, { rate, scale, floor }) {
      const g = weightDecay > 0 && !decoupled ? add(gradient, mul(w, weightDecay)) : gradient;
      const M = add(mul(gradients, beta1), g);
      const V = add(mul(squares, beta2), square(g));
      const step = mul(div(M, add(sqrt(V), floor)), mul(rate, scale));
      const shrunk = weightDecay > 0 && decoupled ? sub(w, mul(w, mul(rate, weightDecay))) : w;
      return { w: sub(shrunk, step), slots: { gradients: M, squares: V } };
    },
  };
}

export const optimizers = { sgd, adam, adamw } as const;
export type OptimizerName = keyof typeof optimizers;
