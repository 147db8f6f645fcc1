/** A network compiled in float64 for what the theory asks of it: outputs, loss gradients in the inputs (ascent) and in the weights (descent). */
import { grad, input, mean, mul, neg, softplus, sum, type Value } from "../../graph/index.ts";
import { type Network, weightNames } from "../../models/model.ts";
import { compile } from "../../runtime/index.ts";
import { tensor, type Tensor, toFloat64 } from "../../tensor/index.ts";
import { scalarOutput } from "./networks.ts";
import type { Weights } from "./theory.ts";

/** Points [n, d], labels ±1 [n]. The loss is ℓ(f, y) = log(1 + exp(−yf)). */
export interface Evaluator {
  network: Network;
  /** f(W, x) [n]. */
  outputs(W: Weights, points: Tensor<"float64">): Promise<Float64Array>;
  /** ℓ(f(W, x_i), y_i) [n] and its gradients in the points [n, d]. */
  ascent(W: Weights, points: Tensor<"float64">, labels: Float64Array): Promise<{ losses: Float64Array; gradient: Tensor<"float64"> }>;
  /** The losses [n] and the gradient of their mean in the trained weights. */
  descent(W: Weights, points: Tensor<"float64">, labels: Float64Array): Promise<{ losses: Float64Array; gradient: Weights }>;
  /** Σ_i c_i ∇_W f(W, x_i) in the trained weights: the tangent features of the points, combined by `coefficients` [n]. */
  combine(W: Weights, points: Tensor<"float64">, coefficients: Float64Array): Promise<Weights>;
  /** Gives the compiled functions back. */
  release(): Promise<void>;
}

/** The compiled functions of a network; each is compiled once per number of points, on first use. */
export function evaluator(network: Network): Evaluator {
  const trained = weightNames(network, "trained");
  const programs = new Map<string, ReturnType<typeof build>>();

  const build = (n: number, outputs: (f: Value, y: Value, x: Value, W: Readonly<Record<string, Value>>) => Record<string, Value>) => {
    const weights = Object.entries(network.weights).map(([name, { shape }]) => [name, input(name, shape, "float64")] as const);
    const W = Object.fromEntries(weights);
    const [x, y] = [input("points", [n, ...network.inputShape], "float64"), input("labels", [n], "float64")];
    return compile({ ...W, points: x, labels: y }, outputs(scalarOutput(network, x, W), y, x, W), { threads: 1 });
  };
  const run = async (kind: keyof typeof kinds, W: Weights, points: Tensor<"float64">, labels: Float64Array) => {
    const n = points.shape[0];
    const id = `${kind} ${n}`;
    const program = programs.get(id) ?? build(n, kinds[kind]);
    programs.set(id, program);
    return (await program).run({ ...W, points, labels: tensor(labels, [n], "float64") });
  };
  const kinds = {
    outputs: (f: Value) => ({ f }),
    ascent: (f: Value, y: Value, x: Value) => {
      const losses = logistic(f, y);
      return { losses, gradient: grad(sum(losses), x) };
    },
    descent: (f: Value, y: Value, _x: Value, W: Readonly<Record<string, Value>>) => {
      const losses = logistic(f, y);
      return { losses, ...gradients(mean(losses), W) };
    },
    combine: (f: Value, y: Value, _x: Value, W: Readonly<Record<string, Value>>) => gradients(sum(mul(f, y)), W),
  };
  const gradients = (objective: Value, W: Readonly<Record<string, Value>>) => {
    const values = grad(objective, trained.map((name) => W[name]));
    return Object.fromEntries(trained.map((name, i) => [`∇${name}`, values[i]]));
  };
  const read = (results: Readonly<Record<string, Tensor>>): Weights =>
    Object.fromEntries(trained.map((name) => [name, results[`∇${name}`] as Tensor<"float64">]));

  return {
    network,
    outputs: async (W, points) => toFloat64((await run("outputs", W, points, new Float64Array(points.shape[0]))).f),
    ascent: async (W, points, labels) => {
      const { losses, gradient } = await run("ascent", W, points, labels);
      return { losses: toFloat64(losses), gradient: gradient as Tensor<"float64"> };
    },
    descent: async (W, points, labels) => {
      const results = await run("descent", W, points, labels);
      return { losses: toFloat64(results.losses), gradient: read(results) };
    },
    combine: async (W, points, coefficients) => read(await run("combine", W, points, coefficients)),
    release: async () => {
      for (const program of programs.values()) await (await program).release();
      programs.clear();
    },
  };
}

/** log(1 + exp(−yf)) of each example. */
export function logistic(f: Value, y: Value): Value {
  return softplus(neg(mul(y, f)));
}
