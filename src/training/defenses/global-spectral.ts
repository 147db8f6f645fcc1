/**
 * Global spectral norm regularization (Yoshida & Miyato 2017): the largest singular value of every layer's weights is made small, by a power
 * iteration that goes on from step to step. It knows nothing of the data, and bounds the Jacobian everywhere by the product over the layers.
 */
import {
  add,
  crossEntropy,
  div,
  greater,
  input,
  matMul,
  mean,
  mul,
  reshape,
  sqrt,
  square,
  sum,
  transpose,
  type Value,
  vjp,
  where,
} from "../../graph/index.ts";
import { type LinearMap, linearMaps, type Network } from "../../models/index.ts";
import { compile } from "../../runtime/index.ts";
import { cast, key, normal, type Shape, type Tensor } from "../../tensor/index.ts";
import type { Defense, PreparedDefense, Workbench } from "../defense.ts";

export interface GlobalSpectralOptions {
  /** λ; the authors of the comparison with adversarial training take 3e-4 on CIFAR-10. */
  lambda?: number;
  /** Power iterations per weight step. */
  iterations?: number;
  /**
   * What stands for a convolution: its kernel as a matrix [out, in·k·k], as Yoshida and Miyato have it, or the convolution itself at the size of its
   * input, by convolution and transposed convolution. Only the second is its operator norm.
   */
  convolution?: "reshaped" | "exact";
}

/** mean CE(f(x), y) + (λ/2) Σ_l σ(W_l)², with σ = u·Wv and u, v held fixed: the penalty adds λσuvᵀ to the gradient of W. */
export function globalSpectral({ lambda = 3e-4, iterations = 1, convolution = "reshaped" }: GlobalSpectralOptions = {}): Defense {
  const settings = { lambda, iterations, convolution };
  return { name: "global-spectral", parameters: settings, prepare: (workbench) => prepare(workbench, settings) };
}

async function prepare({ network, runtime }: Workbench, settings: Required<GlobalSpectralOptions>): Promise<PreparedDefense> {
  const { lambda, iterations, convolution } = settings;
  const layers = regularizedLayers(network, convolution);
  const vectors = Object.fromEntries(layers.map(({ name, from }) => [name, input(`v/${name}`, from)]));
  const weights = Object.fromEntries(layers.map(({ weight }) => [weight, input(weight, network.weights[weight].shape)]));
  const outputs: Record<string, Value> = {};
  for (const { name, weight, apply } of layers) {
    const { u, v } = powerIteration((at) => apply(at, weights[weight]), vectors[name]);
    outputs[`u/${name}`] = u;
    outputs[`v/${name}`] = v;
  }
  const step = await compile({ ...prefixed("v", vectors), ...prefixed("weight", weights) }, outputs, runtime);
  // The start is the same for every run, so that a run depends on its own seed only.
  const start = key(0).fold("global-spectral");
  const state: Record<string, Tensor<"float32">> = Object.fromEntries(
    layers.map(({ name, from }) => [name, cast(normal(start.fold(name), from), "float32")]),
  );
  const spare = Object.fromEntries(
    layers.map(({ name }) => [`v/${name}`, { ...state[name], data: new Float32Array(state[name].data.length) }]),
  );
  return {
    state,
    crafted: Object.fromEntries(
      layers.flatMap(({ name, from, to }) => [
        [`v/${name}`, { shape: from, dtype: "float32" as const }],
        [`u/${name}`, { shape: to, dtype: "float32" as const }],
      ]),
    ),
    async craft(_, values) {
      const weightFeeds = prefixed("weight", Object.fromEntries(layers.map(({ weight }) => [weight, values[weight]])));
      let feeds: Record<string, Tensor> = {};
      for (let k = 0; k < iterations; k++) {
        feeds = await step.run({ ...weightFeeds, ...prefixed("v", state) }, spare);
        for (const { name } of layers) state[name].data.set(spare[`v/${name}`].data);
      }
      return { feeds: { ...feeds, ...prefixed("v", state) }, gradientEvaluations: 0 };
    },
    loss({ x, labels, crafted, weights }, forward) {
      const logits = forward(x);
      const squares = layers.map(({ name, weight, apply }) =>
        square(sum(mul(crafted[`u/${name}`], apply(crafted[`v/${name}`], weights[weight])))),
      );
      const penalty = mul(
        squares.reduce((total, term) => add(total, term)),
        lambda / 2,
      );
      return { loss: add(mean(crossEntropy(logits, labels)), penalty), logits };
    },
    release: () => step.release(),
  };
}

/** A layer as the matrix or operator whose norm is penalized. */
export interface RegularizedLayer {
  /** Name of the weight, with a number where it is used more than once. */
  readonly name: string;
  readonly weight: string;
  readonly from: Shape;
  readonly to: Shape;
  apply(v: Value, weight: Value): Value;
}

export function regularizedLayers(network: Network, convolution: "reshaped" | "exact"): RegularizedLayer[] {
  const seen = new Map<string, number>();
  return linearMaps(network).flatMap((map) => {
    const uses = seen.get(map.weight) ?? 0;
    seen.set(map.weight, uses + 1);
    if (convolution === "reshaped") return uses === 0 ? [reshaped(map, network.weights[map.weight].shape)] : [];
    const name = uses === 0 ? map.weight : `${map.weight} (${uses + 1})`;
    return [{ name, weight: map.weight, from: map.inputShape, to: map.outputShape, apply: map.apply }];
  });
}

/** The weight [out, …] as a matrix with one row per output. */
function reshaped({ weight }: LinearMap, [rows, ...rest]: Shape): RegularizedLayer {
  const columns = rest.reduce((product, extent) => product * extent, 1);
  return {
    name: weight,
    weight,
    from: [1, columns],
    to: [1, rows],
    apply: (v, W) => matMul(v, transpose(reshape(W, [rows, columns]))),
  };
}

/** u = Av/‖Av‖, then v = Aᵀu/‖Aᵀu‖. */
function powerIteration(A: (v: Value) => Value, v: Value): { u: Value; v: Value } {
  const u = normalized(A(v));
  const [pulled] = vjp([A(v)], [v], [u]);
  return { u, v: normalized(pulled) };
}

/** x/‖x‖₂; zeros stay zeros instead of becoming NaN. */
function normalized(x: Value): Value {
  const length = sqrt(sum(square(x)));
  return div(x, where(greater(length, 0), length, 1));
}

function prefixed<T>(group: string, record: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [`${group}/${name}`, value]));
}
