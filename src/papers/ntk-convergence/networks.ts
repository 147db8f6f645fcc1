/**
 * The two architectures of Gao et al. (2019) as functions of symbolic values, and the linearization of any of them around its
 * initialization. Only W is trained; what is fixed (A and a) is drawn once and held inside.
 */
import { add, constant, jvp, matMul, mul, relu, reshape, softplus, square, sub, tanh, transpose, type Value } from "../../graph/index.ts";
import { type Key, normal, tensor, uniform } from "../../tensor/index.ts";
import type { Weights } from "./theory.ts";

/** A scalar network f(W, x). */
export interface Network {
  /** Hidden units m. */
  width: number;
  /** W_0, one float64 tensor per trained layer. */
  initial: Weights;
  /** f(W, x) as [n], for points x [n, d]. */
  output(W: readonly Value[], x: Value): Value;
}

/** Activations by name, as functions of values. Smooth ones satisfy the paper's assumption; "relu" is there to be compared with. */
export const activations = { softplus, tanh, relu, quadraticRelu: (z: Value) => square(relu(z)) } as const;
export type Activation = keyof typeof activations | ((z: Value) => Value);

/**
 * The symmetric two-layer network of the existence theorem,
 *
 *     f(W, x) = m^{-1/2} ( Σ_{r≤m/2} a_r σ(w_r·x) + Σ_{r≤m/2} ā_r σ(w̄_r·x) ),   w_r ~ N(0, I_d), a_r = ±1, w̄_r(0) = w_r(0), ā_r = −a_r,
 *
 * so that f(W_0, ·) = 0. One trained layer W [m, d], the mirrored half below the other.
 * @throws RangeError when m is odd.
 */
export function twoLayerNetwork(
  source: Key,
  { m, d, activation = "quadraticRelu" }: { m: number; d: number; activation?: Activation },
): Network {
  if (!(Number.isInteger(m) && m >= 2 && m % 2 === 0)) throw new RangeError(`a symmetric network has an even width, not ${m}`);
  const half = normal(source.fold("W"), [m / 2, d]).data;
  const W0 = tensor(
    Float64Array.from({ length: m * d }, (_, i) => half[i % half.length]),
    [m, d],
    "float64",
  );
  const a = tensor(
    outputSigns(source, m).map((sign) => sign / Math.sqrt(m)),
    [m, 1],
    "float64",
  );
  const σ = activationOf(activation);
  return {
    width: m,
    initial: [W0],
    output: ([W], x) => reshape(matMul(σ(matMul(x, transpose(W))), constant(a)), [x.shape[0]]),
  };
}

/** The output weights a_r of a symmetric network of width m: ±1, the second half the negative of the first. */
export function outputSigns(source: Key, m: number): Float64Array {
  const signs = uniform(source.fold("a"), [m / 2]).data.map((u) => (u < 0.5 ? -1 : 1));
  return Float64Array.from({ length: m }, (_, r) => (r < m / 2 ? signs[r] : -signs[r - m / 2]));
}

/**
 * The paper's deep network,
 *
 *     x⁰ = A x,   xʰ = σ(W⁽ʰ⁾ xʰ⁻¹) for h = 1 … H,   f(W, x) = aᵀ xᴴ,      A, W⁽ʰ⁾ ~ N(0, 2/m),  a ~ N(0, 1),
 *
 * with A [m, d] and a [m] fixed and W⁽¹⁾ … W⁽ᴴ⁾ [m, m] trained. In this scaling pre-activations have size 1/√m, so that a smooth σ acts where it is
 * linear; `rescaled` replaces σ by σ(√m z)/√m, which leaves a ReLU as it is and gives a smooth activation a limit of its own (`deepNtk`).
 * @throws RangeError when H or m is not a positive integer.
 */
export function deepNetwork(
  source: Key,
  { m, d, H, activation = "softplus", rescaled = false }: { m: number; d: number; H: number; activation?: Activation; rescaled?: boolean },
): Network {
  if (!(Number.isInteger(H) && H >= 1 && Number.isInteger(m) && m >= 1))
    throw new RangeError(`depth ${H} and width ${m} must be positive integers`);
  const deviation = Math.sqrt(2 / m);
  const [A, a] = [normal(source.fold("A"), [d, m], deviation), normal(source.fold("a"), [m, 1])];
  const plain = activationOf(activation);
  const σ = rescaled ? (z: Value) => mul(plain(mul(z, Math.sqrt(m))), 1 / Math.sqrt(m)) : plain;
  return {
    width: m,
    initial: Array.from({ length: H }, (_, h) => normal(source.fold("W", h + 1), [m, m], deviation)),
    output: (W, x) => {
      const top = W.reduce((below, layer) => σ(matMul(below, transpose(layer))), matMul(x, constant(A)));
      return reshape(matMul(top, constant(a)), [x.shape[0]]);
    },
  };
}

/** f_lin(W, x) = f(W_0, x) + ⟨∇_W f(W_0, x), W − W_0⟩: the network in its tangent space, for which the regret bound is exact. */
export function linearized(network: Network): Network {
  const W0 = network.initial.map(constant);
  return {
    ...network,
    output: (W, x) => {
      const f0 = network.output(W0, x);
      const tangents = W.map((layer, h) => sub(layer, W0[h]));
      return add(f0, jvp([f0], W0, tangents)[0]);
    },
  };
}

function activationOf(activation: Activation): (z: Value) => Value {
  return typeof activation === "string" ? activations[activation] : activation;
}
