/**
 * Data-dependent operator-norm regularization (Roth, Kilcher, Hofmann 2020): the norm of the network's Jacobian at each example is made small, along
 * the direction v that the power method finds there. Within the cell in which the network is affine this is adversarial training with a loss on logits.
 */
import { powerStep, rowNorm } from "../../attacks/index.ts";
import { abs, add, crossEntropy, input, mean, mul, reduceSum, reshape, square, sub, type Value, vjp } from "../../graph/index.ts";
import type { NetworkMode } from "../../models/index.ts";
import { compile } from "../../runtime/index.ts";
import { aligned, scalar } from "../../tensor/index.ts";
import type { Defense, PreparedDefense, Workbench } from "../defense.ts";
import { budgetAt, randomStart, weightFeeds, weightInputs } from "../inner-ascent.ts";

export interface OperatorNormOptions {
  /** p: the norm in which perturbations are measured. */
  norm?: "linf" | "l2";
  /** q: the norm in which changes of the logits are measured. */
  outputNorm?: "l1" | "l2" | "linf";
  /** The regularizer as a finite difference at x + εv, which the authors use, or as the derivative u·Jv. */
  form?: "sum-of-squares" | "jacobian";
  epsilon: number;
  /** λ, the weight of the regularizer: the authors take 0.02 with ε = 1.75 on CIFAR-10. */
  lambda?: number;
  /** Iterations of the power method, from a random direction at every step. */
  iterations?: number;
  /** Batch normalization in the regularizer: with batch statistics examples would be coupled. */
  mode?: NetworkMode;
  /** Epochs over which ε grows linearly from 0. */
  warmup?: number;
}

/**
 * mean CE(f(x), y) + penalty, with u and v held fixed while the weights are differentiated:
 *
 * sum-of-squares: q = 2: (λ/2) mean ‖f(x + εv) − f(x)‖₂², else λ mean ‖f(x + εv) − f(x)‖_q;
 * jacobian: q = 2: (λε²/2) mean (u·Jv)², else λε mean |u·Jv|. The two agree where the network is affine between x and x + εv.
 */
export function operatorNorm({
  norm = "l2",
  outputNorm = "l2",
  form = "sum-of-squares",
  epsilon,
  lambda = 0.02,
  iterations = 10,
  mode = "inference",
  warmup = 0,
}: OperatorNormOptions): Defense {
  const settings = { norm, outputNorm, form, epsilon, lambda, iterations, mode, warmup };
  return { name: "operator-norm", parameters: settings, prepare: (workbench) => prepare(workbench, settings) };
}

export const exponents = { l1: 1, l2: 2, linf: Number.POSITIVE_INFINITY } as const;

async function prepare(workbench: Workbench, settings: Required<OperatorNormOptions>): Promise<PreparedDefense> {
  const { norm, outputNorm, form, lambda, iterations, mode } = settings;
  const { network, batchSize, runtime } = workbench;
  const shape = [batchSize, ...network.inputShape];
  const [p, q] = [exponents[norm], exponents[outputNorm]];

  const [x, v] = [input("x", shape), input("v", shape)];
  const weights = weightInputs(network);
  const { u, next } = powerStep(network.apply(x, weights, mode).logits, x, v, { p, q });
  const placeholders = { x, v, ...weightFeeds(weights) };
  // Between the iterations only v changes: the forward pass is computed once.
  const held = Object.keys(placeholders).filter((name) => name !== "v");
  const step = await compile(placeholders, { next }, { ...runtime, held });
  const toOutputs = form === "jacobian" ? await compile(placeholders, { u }, runtime) : undefined;
  const buffers = [aligned(shape), aligned(shape)];

  return {
    crafted: {
      v: { shape, dtype: "float32" },
      epsilon: { shape: [], dtype: "float32" },
      ...(toOutputs && { u: { shape: [batchSize, network.classes], dtype: "float32" as const } }),
    },
    async craft({ x, key, epoch }, values) {
      const feeds = { x, ...weightFeeds(values) };
      let direction = randomStart(aligned(x.shape), { norm, epsilon: 1 }, key.fold("direction"));
      await step.hold(feeds);
      for (let k = 0; k < iterations; k++) {
        const into = buffers[k % 2];
        await step.run({ v: direction }, { next: into });
        direction = into;
      }
      const { epsilon } = budgetAt(epoch, { epsilon: settings.epsilon, stepSize: 0, warmup: settings.warmup });
      const u = toOutputs && { u: (await toOutputs.run({ ...feeds, v: direction })).u };
      // A forward pass, then a forward and a backward derivative for each iteration, together as much as a gradient.
      return { feeds: { v: direction, epsilon: scalar(epsilon), ...u }, gradientEvaluations: iterations + 1 };
    },
    loss({ x, labels, crafted: { v, u, epsilon } }, forward) {
      const logits = forward(x);
      const steady = (at: Value) => forward(at, { mode, statistics: false });
      const penalties =
        form === "jacobian"
          ? powered(mul(directional(steady(x), x, { u, v }), epsilon), q)
          : penalty(sub(steady(add(x, mul(v, epsilon))), steady(x)), q);
      return { loss: add(mean(crossEntropy(logits, labels)), mul(mean(penalties), lambda)), logits };
    },
    async release() {
      await step.release();
      await toOutputs?.release();
    },
  };
}

/** ½‖z‖₂² for q = 2, else ‖z‖_q, per row. */
function penalty(z: Value, q: number): Value {
  return q === 2 ? mul(reduceSum(square(z), [1]), 0.5) : rowNorm(z, q);
}

function powered(value: Value, q: number): Value {
  return q === 2 ? mul(square(value), 0.5) : abs(value);
}

/** u·Jv per example, [N]. */
function directional(outputs: Value, x: Value, { u, v }: { u: Value; v: Value }): Value {
  const [pulled] = vjp([outputs], [x], [u]);
  return reduceSum(reshape(mul(pulled, v), [x.shape[0], -1]), [1]);
}
