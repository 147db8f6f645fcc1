/** What can be told about a model file before anything is run. */
import { dependents, input, isFloat, topological, type Value } from "../graph/index.ts";
import { OnnxError, type OnnxModel, type OnnxNode, type OnnxPort, refusals, rules, straightThrough, wiring } from "../onnx/index.ts";
import { byteLength, type Shape, size } from "../tensor/index.ts";
import type { ImportOptions } from "./entry.ts";
import { type ImportedModel, importModel } from "./imported.ts";
import type { InputGuess } from "./input-guess.ts";
import type { Network, WeightSpecification } from "./model.ts";
import { initializerRoles } from "./roles.ts";

type Role = WeightSpecification["role"];

export interface Inspection {
  readonly producer: string;
  readonly opset: number;
  readonly inputs: readonly OnnxPort[];
  readonly outputs: readonly OnnxPort[];
  /** Nodes by operator, the most frequent first; those in functions and branches are not counted. */
  readonly operators: Readonly<Record<string, number>>;
  /** Operators that are not supported, and why. */
  readonly unsupported: readonly { readonly operator: string; readonly nodes: number; readonly reason: string | undefined }[];
  readonly parameters: readonly ParameterInspection[];
  /** Numbers in the parameters of each role. */
  readonly parameterCount: Readonly<Record<Role, number>>;
  /** What the file is as a classifier, or why it is none. */
  readonly classifier: ClassifierInspection | { readonly problem: string };
}

export interface ParameterInspection {
  readonly name: string;
  readonly shape: Shape;
  readonly role: Role;
  /** Where it enters, e.g. "weight of Conv". */
  readonly use: string;
}

export interface ClassifierInspection {
  readonly inputShape: Shape;
  readonly domain: Network["domain"];
  readonly classes: number;
  readonly guess: InputGuess;
  readonly notes: readonly string[];
  /** Floating-point operations of one forward pass for one example; a multiplication with an addition counts as two. */
  readonly flops: number;
  /** Bytes of all intermediate results of one example, as a gradient keeps them. */
  readonly activationBytes: number;
  readonly weightBytes: number;
  /** Operators between input and logits that have no derivative. */
  readonly blocking: readonly string[];
  /** Operators there whose derivative is zero wherever it exists: no gradient passes through them. */
  readonly flat: readonly string[];
  /** Why gradients of the logits do not reach the input, if so: the file is a black box to attacks. */
  readonly obstacle: string | undefined;
  /** Operators whose gradient is the straight-through estimate. */
  readonly straightThrough: readonly string[];
}

export function inspectModel(file: OnnxModel, options: ImportOptions = {}): Inspection {
  const roles = initializerRoles(file, wiring(file));
  const parameters = [...roles].map(([name, { tensor, role, use }]) => ({ name, shape: tensor.shape, role, use }));
  const numbersIn = (role: Role) => parameters.reduce((total, one) => total + (one.role === role ? size(one.shape) : 0), 0);
  return {
    producer: file.producer,
    opset: file.opset,
    inputs: file.inputs,
    outputs: file.outputs,
    operators: counted(file.nodes.map(keyOf)),
    unsupported: unsupportedIn(file),
    parameters,
    parameterCount: { trained: numbersIn("trained"), statistic: numbersIn("statistic"), fixed: numbersIn("fixed") },
    classifier: classifierIn(file, options),
  };
}

const keyOf = ({ domain, operator }: OnnxNode) => (domain ? `${domain}.${operator}` : operator);

function unsupportedIn(file: OnnxModel): Inspection["unsupported"] {
  const missing = file.nodes.filter(
    (node) => !rules.has(keyOf(node)) && node.operator !== "If" && !file.functions.has(`${node.domain}:${node.operator}`),
  );
  return Object.entries(counted(missing.map(keyOf))).map(([operator, nodes]) => ({ operator, nodes, reason: refusals.get(operator) }));
}

function classifierIn(file: OnnxModel, options: ImportOptions): Inspection["classifier"] {
  try {
    return describeClassifier(importModel(file, options));
  } catch (error) {
    if (error instanceof OnnxError) return { problem: error.message };
    throw error;
  }
}

/** Why gradients of the logits do not reach the input, in words; undefined where they do. */
export function gradientObstacle(model: ImportedModel): string | undefined {
  return obstacleOn(pathOf(model));
}

function obstacleOn({ blocking, flat, passes }: ReturnType<typeof pathOf>): string | undefined {
  if (blocking.length > 0) return `${blocking.join(", ")} has no derivative`;
  return passes ? undefined : `no gradient passes through ${flat.length > 0 ? flat.join(", ") : "what becomes an integer on the way"}`;
}

/** What is computed from the input on the way to the logits. */
function pathOf({ network, weights }: ImportedModel) {
  const values = Object.fromEntries(Object.entries(weights).map(([name, { shape }]) => [name, input(name, shape)]));
  const x = input("one example", [1, ...network.inputShape]);
  const { logits } = network.apply(x, values);
  const order = topological([logits]);
  const reached = dependents(order, [x]);
  const computed = order.filter((value) => reached.has(value) && value !== x);
  const onPath = computed.filter((value) => isFloat(value.dtype) && value.inputs.some((a) => reached.has(a) && isFloat(a.dtype)));
  const steep = new Set([x]);
  for (const value of onPath) if (value.operator.gradient !== "zero" && value.inputs.some((a) => steep.has(a))) steep.add(value);
  const names = (some: readonly Value[]) => Object.keys(counted(some.map(({ operator }) => operator.name)));
  return {
    computed,
    blocking: names(onPath.filter(({ operator }) => operator.gradient === undefined)),
    flat: names(onPath.filter(({ operator }) => operator.gradient === "zero" && operator.name !== "StopGradient")),
    passes: steep.has(logits),
  };
}

function describeClassifier(model: ImportedModel): ClassifierInspection {
  const { network, guess, notes, file } = model;
  const path = pathOf(model);
  const { computed, blocking, flat } = path;
  return {
    inputShape: network.inputShape,
    domain: network.domain,
    classes: network.classes,
    guess,
    notes,
    flops: computed.reduce((total, value) => total + flopsOf(value), 0),
    activationBytes: computed.reduce((total, { dtype, shape }) => total + byteLength(dtype, shape), 0),
    weightBytes: [...file.initializers.values()].reduce((total, { dtype, shape }) => total + byteLength(dtype, shape), 0),
    blocking,
    flat,
    obstacle: obstacleOn(path),
    straightThrough: [...straightThrough].filter((operator) => file.nodes.some((node) => node.operator === operator)),
  };
}

/** Operators that only move numbers. */
const free = new Set(["Reshape", "Transpose", "Expand", "Concat", "Slice", "Pad", "Gather", "GatherElements", "Cast", "StopGradient"]);

function flopsOf({ operator, inputs, shape, attributes }: Value): number {
  switch (operator.name) {
    case "MatMul":
      return 2 * size(shape) * inputs[0].shape[inputs[0].shape.length - 1];
    case "Conv":
      return 2 * size(shape) * size(inputs[1].shape.slice(1));
    case "ConvTranspose":
      return 2 * size(inputs[0].shape) * size(inputs[1].shape.slice(1));
    case "MaxPool":
    case "AveragePool":
      return size(shape) * size(attributes.kernel as Shape);
    default:
      if (free.has(operator.name)) return 0;
      return Math.max(size(shape), ...(operator.name.startsWith("Reduce") ? inputs.map((x) => size(x.shape)) : []));
  }
}

/** How often each name occurs, the most frequent first. */
function counted(names: readonly string[]): Record<string, number> {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return Object.fromEntries([...counts].sort((a, b) => b[1] - a[1]));
}
