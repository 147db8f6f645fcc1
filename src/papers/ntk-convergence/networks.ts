/**
 * Two architectures after Gao et al. (2019) as models, their formulas from memory, and the linearization of any network around given weights. Their output is
 * one number f(W, x) per example, whose sign is the class; only the layers W are trained, the others stay as they were drawn.
 */
import { add, constant, jvp, matMul, mul, reshape, sliceAxis, sub, transpose, type Value } from "../../graph/index.ts";
import { type Activation, activations, type Model, type Network, weightNames } from "../../models/index.ts";
import { cast, type Key, normal, tensor, uniform } from "../../tensor/index.ts";
import type { Weights } from "./theory.ts";

/** A network with its initialization W_0. */
export interface InitializedNetwork {
  network: Network;
  weights: Weights;
}

/** σ by its name, or any function. The theorem for the deep network is about smooth ones (paper, first version), with Lipschitz σ and σ′ (from memory). */
export type Sigma = Activation | ((z: Value) => Value);

/**
 * The symmetric two-layer network (of the existence theorem, from memory),
 *
 *     f(W, x) = m^{-1/2} ( Σ_{r≤m/2} a_r σ(w_r·x) + Σ_{r≤m/2} ā_r σ(w̄_r·x) ),   w_r ~ N(0, I_d), a_r = ±1, w̄_r(0) = w_r(0), ā_r = −a_r,
 *
 * so that f(W_0, ·) = 0. One trained layer W [m, d], the mirrored half below the other; a [m] is fixed.
 * @throws RangeError when m is odd.
 */
export function twoLayerNetwork(
  source: Key,
  { m, d, activation = "quadratic-relu" }: { m: number; d: number; activation?: Sigma },
): InitializedNetwork {
  if (!(Number.isInteger(m) && m >= 2 && m % 2 === 0)) throw new RangeError(`a symmetric network has an even width, not ${m}`);
  const half = normal(source.fold("W"), [m / 2, d]).data;
  const signs = uniform(source.fold("a"), [m / 2]).data.map((u) => (u < 0.5 ? -1 : 1));
  const σ = activationOf(activation);
  return {
    network: {
      name: `symmetric two-layer network of width ${m}`,
      inputShape: [d],
      domain: { low: -1, high: 1 },
      classes: 1,
      weights: { W: { shape: [m, d], role: "trained" }, a: { shape: [m, 1], role: "fixed" } },
      apply: (x, { W, a }) => ({ logits: mul(matMul(σ(matMul(x, transpose(W))), a), 1 / Math.sqrt(m)), statistics: {} }),
    },
    weights: {
      W: tensor(
        Float64Array.from({ length: m * d }, (_, i) => half[i % half.length]),
        [m, d],
        "float64",
      ),
      a: tensor(
        Float64Array.from({ length: m }, (_, r) => (r < m / 2 ? signs[r] : -signs[r - m / 2])),
        [m, 1],
        "float64",
      ),
    },
  };
}

/**
 * The deep network (of the convergence theorem, from memory),
 *
 *     x⁰ = A x,   xʰ = σ(W⁽ʰ⁾ xʰ⁻¹) for h = 1 … H,   f(W, x) = aᵀ xᴴ,      A, W⁽ʰ⁾ ~ N(0, 2/m),  a ~ N(0, 1),
 *
 * with A [m, d] and a [m] fixed and W1 … WH [m, m] trained. In this scaling pre-activations have size 1/√m, so that a smooth σ acts where it is
 * linear; `rescaled` replaces σ by σ(√m z)/√m, which leaves a ReLU as it is and gives a smooth activation a limit of its own (`deepNtk`).
 * @throws RangeError when H or m is not a positive integer.
 */
export function deepNetwork(
  source: Key,
  { m, d, H, activation = "softplus", rescaled = false }: { m: number; d: number; H: number; activation?: Sigma; rescaled?: boolean },
): InitializedNetwork {
  if (!(Number.isInteger(H) && H >= 1 && Number.isInteger(m) && m >= 1)) {
    throw new RangeError(`depth ${H} and width ${m} must be positive integers`);
  }
  const deviation = Math.sqrt(2 / m);
  const plain = activationOf(activation);
  const σ = rescaled ? (z: Value) => mul(plain(mul(z, Math.sqrt(m))), 1 / Math.sqrt(m)) : plain;
  const layers = Array.from({ length: H }, (_, h) => `W${h + 1}`);
  return {
    network: {
      name: `deep network of depth ${H} and width ${m}`,
      inputShape: [d],
      domain: { low: -1, high: 1 },
      classes: 1,
      weights: {
        A: { shape: [m, d], role: "fixed" },
        ...Object.fromEntries(layers.map((name) => [name, { shape: [m, m], role: "trained" as const }])),
        a: { shape: [m, 1], role: "fixed" },
      },
      apply: (x, weights) => {
        const bottom = matMul(x, transpose(weights.A));
        const top = layers.reduce((below, name) => σ(matMul(below, transpose(weights[name]))), bottom);
        return { logits: matMul(top, weights.a), statistics: {} };
      },
    },
    weights: {
      A: normal(source.fold("A"), [m, d], deviation),
      ...Object.fromEntries(layers.map((name) => [name, normal(source.fold(name), [m, m], deviation)])),
      a: normal(source.fold("a"), [m, 1]),
    },
  };
}

/**
 * f_lin(W, x) = f(W_0, x) + ⟨∇_W f(W_0, x), W − W_0⟩: a network in its tangent space at W_0, where the loss is convex in W and the regret
 * bound exact. It takes the same weights as the network.
 */
export function linearized({ network, weights: W0 }: InitializedNetwork): Network {
  return {
    ...network,
    name: `linearization of a ${network.name}`,
    apply: (x, weights) => {
      const origin = Object.fromEntries(Object.entries(W0).map(([name, layer]) => [name, constant(layer)]));
      const trained = weightNames(network, "trained");
      const { logits } = network.apply(x, origin);
      const tangents = trained.map((name) => sub(weights[name], origin[name]));
      const [change] = jvp(
        [logits],
        trained.map((name) => origin[name]),
        tangents,
      );
      return { logits: add(logits, change), statistics: {} };
    },
  };
}

/** A model of your own as the start of training, its weights in float64. */
export function initialized({ network, weights }: Model): InitializedNetwork {
  return { network, weights: Object.fromEntries(Object.entries(weights).map(([name, layer]) => [name, cast(layer, "float64")])) };
}

/**
 * f(W, x) as [n], for points x [n, d] that are given the shape of the network's inputs.
 * @throws RangeError for a network of more than two classes.
 */
export function scalarOutput(network: Network, x: Value, weights: Readonly<Record<string, Value>>): Value {
  return scalarOfLogits(network.apply(reshape(x, [x.shape[0], ...network.inputShape]), weights).logits);
}

/**
 * The f [n] that the theory is about from logits [n, C]: the only logit, or with two classes the second minus the first.
 * @throws RangeError for more classes.
 */
export function scalarOfLogits(logits: Value): Value {
  const [n, classes] = logits.shape;
  if (classes === 1) return reshape(logits, [n]);
  if (classes === 2) return reshape(sub(sliceAxis(logits, 1, 1, 2), sliceAxis(logits, 1, 0, 1)), [n]);
  throw new RangeError(`the theory is about one output, or two classes; this network has ${classes}`);
}

function activationOf(activation: Sigma): (z: Value) => Value {
  return typeof activation === "string" ? activations[activation] : activation;
}
