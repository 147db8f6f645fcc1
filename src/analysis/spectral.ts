/**
 * The global bound on a network's Jacobian: σ(J_f(x)) ≤ Π_l L_l at every x, with L_l the largest singular value of a linear operator and the largest
 * slope of an activation, read off the graph. Where paths join, their bounds add up.
 */
import { apply, constant, dependents, describe, evaluate, flatten, GraphError, input, topological, type Value } from "../graph/index.ts";
import type { Model } from "../models/index.ts";
import { cast, type FloatDType, type Key, key, type Tensor } from "../tensor/index.ts";
import { exampleMap } from "./jacobian.ts";
import { extremeEigenvalues } from "./lanczos.ts";

/** One operator's share in the bound. */
export interface LayerNorm {
  /** Operator and shape of its result. */
  readonly layer: string;
  /** Largest singular value, or largest slope. */
  readonly norm: number;
}

export interface GlobalBound {
  /** No Jacobian of the logits has a larger singular value. */
  readonly bound: number;
  /** The operators of linear maps in the order in which the network applies them; those of norm 1 are left out. */
  readonly layers: readonly LayerNorm[];
}

/** Operators that are linear in what depends on the input (the rest being given), beside a shift. */
const LINEAR = [
  "Conv",
  "MatMul",
  "BatchNormalization",
  "Mul",
  "Div",
  "AveragePool",
  "ReduceMean",
  "ReduceSum",
  "Slice",
  "Expand",
  "Gather",
];
/** Operators that only move numbers about, or shift them. */
const ISOMETRIC = ["Reshape", "Transpose", "Squeeze", "Unsqueeze", "Pad", "Cast", "Neg"];
/** Largest slopes of activations. */
const SLOPES: Readonly<Record<string, number>> = { Relu: 1, Abs: 1, Clip: 1, Tanh: 1, Softplus: 1, Sigmoid: 0.25, Sin: 1, Cos: 1 };

/** Whether the operator of a value is affine in the values it depends on through `active`. */
export function isAffine(node: Value, active: ReadonlySet<Value>): boolean {
  const { name } = node.operator;
  if (name === "Add" || name === "Sub" || name === "Concat" || ISOMETRIC.includes(name)) return true;
  return LINEAR.includes(name) && node.inputs.filter((x) => active.has(x)).length === 1 && !(name === "Div" && active.has(node.inputs[1]));
}

/**
 * The bound for a model in inference mode. Norms are found by Lanczos and stand with their residuals added.
 * @throws GraphError where an operator of the network has no finite bound (attention, products of features, …).
 */
export async function globalBound(
  { network, weights }: Model,
  { dtype = "float32", steps = 60, key: source = key(0) }: { dtype?: FloatDType; steps?: number; key?: Key } = {},
): Promise<GlobalBound> {
  const x = input("x", [1, ...network.inputShape], dtype);
  const symbols = Object.fromEntries(Object.entries(network.weights).map(([name, { shape }]) => [name, input(name, shape, dtype)]));
  const { logits } = network.apply(x, symbols);
  const order = topological([logits]);
  const active = dependents(order, [x]);
  const bounds = new Map<Value, number>([[x, 1]]);
  const layers: LayerNorm[] = [];
  for (const node of order) {
    if (!active.has(node) || node === x) continue;
    const incoming = node.inputs.flatMap((value) => (active.has(value) ? [bounds.get(value) as number] : []));
    const { name } = node.operator;
    if (name === "Add" || name === "Sub")
      bounds.set(
        node,
        incoming.reduce((a, b) => a + b),
      );
    else if (name === "Concat") bounds.set(node, Math.hypot(...incoming));
    else if (ISOMETRIC.includes(name)) bounds.set(node, incoming[0]);
    else {
      const norm = isAffine(node, active) ? await affineNorm(node, active, weights, { dtype, steps, key: source }) : slopeOf(node);
      if (norm !== 1) layers.push({ layer: `${name} → [${node.shape.slice(1)}]`, norm });
      bounds.set(node, incoming[0] * norm);
    }
  }
  return { bound: bounds.get(logits) as number, layers };
}

/** The largest singular value of h ↦ operator(h) − operator(0), by Lanczos on AᵀA. */
async function affineNorm(
  node: Value,
  active: ReadonlySet<Value>,
  weights: Readonly<Record<string, Tensor>>,
  { dtype, steps, key }: { dtype: FloatDType; steps: number; key: Key },
): Promise<number> {
  const place = node.inputs.findIndex((value) => active.has(value));
  const fixed = node.inputs.map((value, i) => (i === place ? value : constant(cast(evaluate([value], weights)[0], value.dtype))));
  const { shape } = node.inputs[place];
  const map = exampleMap(
    (h) =>
      flatten(
        apply(
          node.operator,
          fixed.map((value, i) => (i === place ? h : value)),
          node.attributes,
        ),
      ),
    { shape, dtype },
  );
  const origin = new Float64Array(map.inputs);
  const multiply = async (v: Float64Array) => map.backward(origin, await map.forward(origin, v));
  const [{ largest, residual }] = await extremeEigenvalues(multiply, {
    key,
    batch: 1,
    dimension: map.inputs,
    steps: Math.min(steps, map.inputs),
  });
  await map.release();
  return Math.sqrt(Math.max(largest, 0) + residual);
}

function slopeOf(node: Value): number {
  const { name } = node.operator;
  if (name in SLOPES) return SLOPES[name];
  const { alpha = 1, kernel = [], strides = [] } = node.attributes as { alpha?: number; kernel?: number[]; strides?: number[] };
  if (name === "LeakyRelu" || name === "Elu") return Math.max(1, Math.abs(alpha));
  if (name === "HardSigmoid") return Math.abs(alpha);
  // A number takes part in so many windows; it can be the maximum of all of them.
  if (name === "MaxPool") return Math.sqrt(kernel.reduce((product, k, axis) => product * Math.ceil(k / strides[axis]), 1));
  throw new GraphError(`${describe(node)} has no bounded slope, so the network has no global bound of this kind`);
}
