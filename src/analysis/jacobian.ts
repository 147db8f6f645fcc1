/**
 * Maps of examples and their Jacobians J = ∂f/∂x, a batch at once, by forward and backward derivatives: a model's logits, its last features, or
 * any other function whose row i depends on example i only. Points, directions and cotangents are rows in float64.
 */
import { EigenvalueDecomposition, Matrix, SVD } from "ml-matrix";
import { type Exponent, powerStep } from "../attacks/index.ts";
import { dependents, flatten, GraphError, input, jvp, sub, topological, type Value, vjp } from "../graph/index.ts";
import { linearPlace, type Model } from "../models/index.ts";
import { type CompileOptions, compile, type Executable } from "../runtime/index.ts";
import { type FloatDType, type Key, type Shape, size, type Tensor, tensor, toFloat64 } from "../tensor/index.ts";
import { extremeEigenvalues } from "./lanczos.ts";

/** f: ℝⁿ → ℝᵈ on each row of a batch. Its graphs are compiled when first asked for. */
export interface ExampleMap {
  readonly batch: number;
  /** n and d. */
  readonly inputs: number;
  readonly outputs: number;
  /** f(x_b), [batch, d] */
  value(x: Float64Array): Promise<Float64Array>;
  /** J(x_b)v_b, [batch, d] */
  forward(x: Float64Array, v: Float64Array): Promise<Float64Array>;
  /** J(x_b)ᵀu_b, [batch, n] */
  backward(x: Float64Array, u: Float64Array): Promise<Float64Array>;
  /** One step of the power method for ‖J(x_b)‖_{p,q}: ‖Jv_b‖_q [batch], and the next unit directions. */
  power(x: Float64Array, v: Float64Array, norms: { p: Exponent; q: Exponent }): Promise<{ value: Float64Array; next: Float64Array }>;
  /** f(x_b + z_b) − f(x_b) − J(x_b)z_b, [batch, d] */
  remainder(x: Float64Array, z: Float64Array): Promise<Float64Array>;
  release(): Promise<void>;
}

export interface ExampleMapOptions extends CompileOptions {
  /** Shape of a batch, [batch, …]. */
  shape: Shape;
  /** Default "float32", in which models compute. */
  dtype?: FloatDType;
  /** Placeholders that the function uses beside the points (weights), and their data, by name. */
  inputs?: Readonly<Record<string, Value>>;
  feeds?: Readonly<Record<string, Tensor>>;
}

/** The map of a symbolic function from a batch of points to outputs [batch, d]. */
export function exampleMap(
  f: (x: Value) => Value,
  { shape, dtype = "float32", inputs = {}, feeds = {}, ...runtime }: ExampleMapOptions,
): ExampleMap {
  const [x, v, moved] = ["point", "direction", "moved"].map((name) => input(name, shape, dtype));
  const y = f(x);
  if (y.shape.length !== 2 || y.shape[0] !== shape[0])
    throw new GraphError(`a map of ${shape[0]} examples gives one row each, not [${y.shape}]`);
  const u = input("cotangent", y.shape, dtype);
  const placeholders = { ...inputs, point: x, direction: v, moved, cotangent: u };
  // Derivatives are mostly asked for at one batch of points again and again: what does not depend on the direction is computed once.
  const held = [...Object.keys(inputs), "point"];
  const compiled = new Map<string, Promise<{ executable: Executable; at: Float64Array | undefined }>>();
  const run = async (
    name: string,
    build: () => Readonly<Record<string, Value>>,
    { point, ...data }: Readonly<Record<string, Float64Array>>,
  ) => {
    const ready =
      compiled.get(name) ?? compile(placeholders, build(), { ...runtime, held }).then((executable) => ({ executable, at: undefined }));
    compiled.set(name, ready);
    const program = await ready;
    const asTensor = (key: string, numbers: Float64Array) => tensor(numbers.slice(), key === "cotangent" ? y.shape : shape, dtype);
    if (!program.at?.every((value, i) => value === point[i])) {
      program.at = undefined;
      await program.executable.hold({ ...feeds, point: asTensor("point", point) });
      program.at = point.slice();
    }
    const given = Object.entries(data).map(([key, numbers]) => [key, asTensor(key, numbers)]);
    const found = await program.executable.run(Object.fromEntries(given));
    return Object.fromEntries(Object.entries(found).map(([key, result]) => [key, toFloat64(result)]));
  };
  return {
    batch: shape[0],
    inputs: size(shape.slice(1)),
    outputs: y.shape[1],
    value: async (point) => (await run("value", () => ({ y }), { point })).y,
    forward: async (point, direction) => (await run("forward", () => ({ Jv: jvp([y], [x], [v])[0] }), { point, direction })).Jv,
    backward: async (point, cotangent) => (await run("backward", () => ({ Ju: flatten(vjp([y], [x], [u])[0]) }), { point, cotangent })).Ju,
    async power(point, direction, norms) {
      const build = () => {
        const { value, next } = powerStep(y, x, v, norms);
        return { value, next: flatten(next) };
      };
      const { value, next } = await run(`power ${norms.p} ${norms.q}`, build, { point, direction });
      return { value, next };
    },
    async remainder(point, direction) {
      const build = () => ({ rest: sub(sub(f(moved), y), jvp([y], [x], [v])[0]) });
      return (await run("remainder", build, { point, direction, moved: point.map((value, i) => value + direction[i]) })).rest;
    },
    async release() {
      for (const program of compiled.values()) await (await program).executable.release();
      compiled.clear();
    },
  };
}

export interface ModelMapOptions extends CompileOptions {
  batch: number;
  dtype?: FloatDType;
  /** The logits (default), or the features that the last linear map turns into logits. */
  of?: "logits" | "features";
}

/** A model in inference mode (examples do not influence each other) as a map of examples. */
export function modelMap(
  { network, weights }: Model,
  { batch, dtype = "float32", of = "logits", ...runtime }: ModelMapOptions,
): ExampleMap {
  const inputs = Object.fromEntries(Object.entries(network.weights).map(([name, { shape }]) => [name, input(name, shape, dtype)]));
  const feeds = Object.fromEntries(Object.entries(weights).map(([name, { data, shape }]) => [name, tensor(data, shape, dtype)]));
  const f = (x: Value) => {
    const { logits } = network.apply(x, inputs);
    return of === "logits" ? logits : lastFeatures(logits, x);
  };
  return exampleMap(f, { ...runtime, shape: [batch, ...network.inputShape], dtype, inputs, feeds });
}

/** What the last linear map before the logits is applied to, as rows. @throws GraphError where there is none. */
function lastFeatures(logits: Value, x: Value): Value {
  const order = topological([logits]);
  const active = dependents(order, [x]);
  const last = order.findLast((node) => linearPlace(node, active) !== undefined);
  if (!last) throw new GraphError("the network has no linear map, so there are no features before it");
  return flatten(last.inputs[linearPlace(last, active) as 0 | 1]);
}

/** The whole Jacobians J(x_b) as matrices [d, n], by d backward derivatives. */
export async function jacobians(map: ExampleMap, x: Float64Array): Promise<Matrix[]> {
  const { batch, inputs: n, outputs: d } = map;
  const gradients = await outputGradients(map, x);
  return Array.from({ length: batch }, (_, b) =>
    Matrix.from1DArray(
      d,
      n,
      gradients.flatMap((rows) => Array.from(rows.subarray(b * n, (b + 1) * n))),
    ),
  );
}

/** For each output its gradient at every example, [batch, n]. */
async function outputGradients(map: ExampleMap, x: Float64Array): Promise<Float64Array[]> {
  const { batch, outputs: d } = map;
  const gradients: Float64Array[] = [];
  for (let k = 0; k < d; k++) {
    const u = Float64Array.from({ length: batch * d }, (_, i) => (i % d === k ? 1 : 0));
    gradients.push(await map.backward(x, u));
  }
  return gradients;
}

/** J = Σ_r σ_r u_r v_rᵀ, largest first. */
export interface SingularTriplets {
  readonly values: Float64Array;
  /** Right singular vectors v_r, the directions in the input. */
  readonly right: readonly Float64Array[];
}

/** All singular values of each Jacobian with the right singular vectors: d backward derivatives and a decomposition, for few outputs. */
export async function singularTriplets(map: ExampleMap, x: Float64Array): Promise<SingularTriplets[]> {
  return (await jacobians(map, x)).map((J) => {
    const { diagonal, leftSingularVectors } = new SVD(J.transpose(), { autoTranspose: true, computeRightSingularVectors: false });
    const right = diagonal.map((_, r) => Float64Array.from(leftSingularVectors.getColumn(r)));
    return { values: Float64Array.from(diagonal), right };
  });
}

/** The largest singular value of each Jacobian from JJᵀ, for few outputs: d backward derivatives. */
export async function spectralNorms(map: ExampleMap, x: Float64Array): Promise<number[]> {
  const { batch, inputs: n } = map;
  const gradients = await outputGradients(map, x);
  return Array.from({ length: batch }, (_, b) => {
    const inner = (rows: Float64Array, others: Float64Array) => {
      let total = 0;
      for (let i = b * n; i < (b + 1) * n; i++) total += rows[i] * others[i];
      return total;
    };
    const gram = new Matrix(gradients.map((rows) => gradients.map((others) => inner(rows, others))));
    return Math.sqrt(Math.max(0, ...new EigenvalueDecomposition(gram, { assumeSymmetric: true }).realEigenvalues));
  });
}

/** The largest singular value of each Jacobian by Lanczos on JᵀJ, for many outputs. */
export async function largestSingularValues(
  map: ExampleMap,
  x: Float64Array,
  { key, steps = 30 }: { key: Key; steps?: number },
): Promise<number[]> {
  const multiply = async (v: Float64Array) => map.backward(x, await map.forward(x, v));
  const { batch, inputs: dimension } = map;
  const found = await extremeEigenvalues(multiply, { key, batch, dimension, steps: Math.min(steps, dimension) });
  return found.map(({ largest }) => Math.sqrt(Math.max(largest, 0)));
}
