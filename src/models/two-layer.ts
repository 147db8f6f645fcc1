/** The two-layer network of the theory papers, f(x) = (1/√m) Σᵣ aᵣ φ(wᵣ·x), with w trained and a fixed. */
import { cos, elu, gelu, matMul, mul, relu, sigmoid, softplus, square, tanh, transpose, type Value } from "../graph/index.ts";
import { cast, normal, uniform } from "../tensor/index.ts";
import type { Layer } from "./layers.ts";

/** Activations by name. `quadratic-relu` is max(x, 0)². */
export const activations = {
  relu,
  tanh,
  softplus,
  sigmoid,
  gelu: (x: Value) => gelu(x),
  elu: (x: Value) => elu(x, { alpha: 1 }),
  "quadratic-relu": (x: Value) => square(relu(x)),
  identity: (x: Value) => x,
  cos,
} as const;
export type Activation = keyof typeof activations;

/** w_r ~ N(0, I) trained; a ∈ {−1, +1}^{m × outputs} fixed; output scaled by 1/√m. */
export function twoLayer(width: number, outputs: number, activation: Activation): Layer {
  return {
    kind: "hidden",
    build: ([inputs], name) => ({
      outputShape: [outputs],
      weights: {
        [`${name}.weight`]: { shape: [width, inputs], role: "trained", initialize: (key) => cast(normal(key, [width, inputs]), "float32") },
        [`${name}.signs`]: {
          shape: [width, outputs],
          role: "fixed",
          initialize: (key) => {
            const draws = uniform(key, [width, outputs]);
            return { dtype: "float32", shape: draws.shape, data: Float32Array.from(draws.data, (u) => (u < 0.5 ? -1 : 1)) };
          },
        },
      },
      apply: (x, { weight }) =>
        mul(matMul(activations[activation](matMul(x, transpose(weight(`${name}.weight`)))), weight(`${name}.signs`)), 1 / Math.sqrt(width)),
    }),
  };
}
