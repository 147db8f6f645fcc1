/** How far a model is from its linearization along given perturbations, and its loss as a function of them. */

import { add, crossEntropy, input, reshape, type Value } from "../graph/index.ts";
import type { Model } from "../models/index.ts";
import type { CompileOptions } from "../runtime/index.ts";
import { type FloatDType, size, tensor } from "../tensor/index.ts";
import type { ExampleMap } from "./jacobian.ts";
import { compileObjective, type Objective } from "./objective.ts";

/** ‖f(x + z) − f(x) − J(x)z‖₂ per example. In float32 what is below about 1e-6 of ‖f‖ is rounding. */
export async function deviationFromLinearity(map: ExampleMap, x: Float64Array, z: Float64Array): Promise<Float64Array> {
  const rest = await map.remainder(x, z);
  const d = map.outputs;
  return Float64Array.from({ length: map.batch }, (_, b) => Math.hypot(...rest.subarray(b * d, (b + 1) * d)));
}

/**
 * The cross-entropy of each example as a function of its perturbation, δ ↦ CE(f(x_b + δ_b), y_b): what landscapes and ascents are made of. `copies` rows
 * serve each example.
 */
export function lossObjective(
  { network, weights }: Model,
  x: Float64Array,
  labels: ArrayLike<number>,
  { copies = 1, dtype = "float32", ...runtime }: CompileOptions & { copies?: number; dtype?: FloatDType } = {},
): Objective {
  const dimension = size(network.inputShape);
  const batch = labels.length * copies;
  const symbols = Object.fromEntries(Object.entries(network.weights).map(([name, { shape }]) => [name, input(name, shape, dtype)]));
  const shape = [batch, dimension];
  const [center, y] = [input("center", shape, dtype), input("labels", [batch], "int32")];
  const loss = (delta: Value) =>
    crossEntropy(network.apply(reshape(add(center, delta), [batch, ...network.inputShape]), symbols).logits, y);
  const bind = compileObjective(loss, { batch, dimension, dtype, inputs: { ...symbols, center, labels: y }, ...runtime });
  return bind({
    ...Object.fromEntries(Object.entries(weights).map(([name, { data, shape }]) => [name, tensor(data, shape, dtype)])),
    center: tensor(
      Float64Array.from({ length: batch * dimension }, (_, i) => x[Math.floor(i / dimension / copies) * dimension + (i % dimension)]),
      shape,
      dtype,
    ),
    labels: tensor(
      Int32Array.from({ length: batch }, (_, i) => labels[Math.floor(i / copies)]),
      [batch],
      "int32",
    ),
  });
}
