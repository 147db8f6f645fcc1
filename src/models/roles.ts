/**
 * What the numbers in a model file are for. Trained are floats that enter as weight, bias or scale of a product, a convolution or a
 * normalization, also through a transpose, reshape or cast; running statistics of batch normalization are statistics; everything else
 * (the mean and deviation of the data, scaling factors, indices, shapes) is fixed.
 */
import type { OnnxModel, OnnxNode, Wiring } from "../onnx/index.ts";
import { size, type Tensor } from "../tensor/index.ts";
import type { WeightSpecification } from "./model.ts";

export interface InitializerRole {
  readonly role: WeightSpecification["role"];
  readonly tensor: Tensor;
  /** Where it enters, e.g. "weight of Conv". */
  readonly use: string;
}

/** Operators that hand a weight on without mixing it with data. */
const passing = new Set([
  "Transpose",
  "Reshape",
  "Identity",
  "Cast",
  "Squeeze",
  "Unsqueeze",
  "Flatten",
  "QuantizeLinear",
  "DequantizeLinear",
]);
const linear = new Set(["Conv", "ConvTranspose", "Gemm", "MatMul", "Einsum"]);

/** Inputs that are trained, by operator. */
const slots: Readonly<Record<string, Readonly<Record<number, string>>>> = {
  Conv: { 1: "weight", 2: "bias" },
  ConvTranspose: { 1: "weight", 2: "bias" },
  Gemm: { 0: "weight", 1: "weight", 2: "bias" },
  MatMul: { 0: "weight", 1: "weight" },
  Einsum: { 0: "weight", 1: "weight" },
  BatchNormalization: { 1: "scale", 2: "bias" },
  InstanceNormalization: { 1: "scale", 2: "bias" },
  LayerNormalization: { 1: "scale", 2: "bias" },
  GroupNormalization: { 1: "scale", 2: "bias" },
  RNN: { 1: "weight", 2: "weight", 3: "bias" },
  GRU: { 1: "weight", 2: "weight", 3: "bias" },
  LSTM: { 1: "weight", 2: "weight", 3: "bias", 7: "weight" },
};

/** The role of every float initializer (and float constant of a node) of the main graph, by name, in the file's order. */
export function initializerRoles(model: OnnxModel, wires: Wiring): Map<string, InitializerRole> {
  const tensors = new Map(model.initializers);
  for (const node of model.nodes) {
    const tensor = node.operator === "Constant" ? wires.constant(node.outputs[0]) : undefined;
    if (tensor) tensors.set(node.outputs[0], tensor);
  }
  return new Map(
    [...tensors].flatMap(([name, tensor]) => {
      if (!tensor.dtype.startsWith("float") || tensor.data.length === 0) return [];
      return [[name, { tensor, ...roleOf(name, tensor, wires) }] as const];
    }),
  );
}

function roleOf(name: string, tensor: Tensor, wires: Wiring): { role: InitializerRole["role"]; use: string } {
  const uses = destinations(name, wires);
  const statistic = uses.find(({ node, slot }) => node.operator === "BatchNormalization" && slot >= 3);
  if (statistic) return { role: "statistic", use: `running ${statistic.slot === 3 ? "mean" : "variance"} of BatchNormalization` };
  for (const { node, slot, from } of uses) {
    const part = slots[node.operator]?.[slot];
    const meetsData = node.inputs.some((input, i) => i !== slot && !wires.isConstant(input));
    if (part && meetsData) return { role: "trained", use: `${part} of ${node.operator}` };
    if (node.operator !== "Add" && node.operator !== "Mul") continue;
    const other = madeBy(node.inputs[1 - slot], wires);
    if (!other || node.inputs[1 - slot] === from) continue;
    if (node.operator === "Add" && isWeighted(other, wires)) return { role: "trained", use: `bias of ${other.operator}` };
    if (node.operator === "Add" && isScale(other, wires)) return { role: "trained", use: "bias of a normalization" };
    if (node.operator === "Mul" && size(tensor.shape) > 1 && isWeighted(other, wires))
      return { role: "trained", use: `scale of ${other.operator}` };
    if (node.operator === "Mul" && isNormalized(other, wires)) return { role: "trained", use: "scale of a normalization" };
  }
  const [first] = uses;
  return { role: "fixed", use: first ? `input ${first.slot} of ${first.node.operator}` : "nothing" };
}

interface Destination {
  readonly node: OnnxNode;
  readonly slot: number;
  /** The name under which the numbers arrive. */
  readonly from: string;
}

function destinations(name: string, wires: Wiring): Destination[] {
  return wires.users(name).flatMap(({ node, slot }) => {
    const handsOn = passing.has(node.operator) && slot === 0;
    return handsOn ? node.outputs.flatMap((output) => destinations(output, wires)) : [{ node, slot, from: name }];
  });
}

/** The node behind a tensor, seen through those that only hand on. */
function madeBy(name: string, wires: Wiring): OnnxNode | undefined {
  let node = wires.maker(name);
  while (node && passing.has(node.operator)) node = wires.maker(node.inputs[0]);
  return node;
}

/** A product or convolution of data with constant weights. */
function isWeighted(node: OnnxNode, wires: Wiring): boolean {
  return linear.has(node.operator) && node.inputs.some((name) => wires.isConstant(name));
}

/** A division by, or product with, a root: the standardized data of a normalization written out. */
function isNormalized(node: OnnxNode, wires: Wiring): boolean {
  const isRoot = (name: string) => {
    const maker = madeBy(name, wires);
    return maker?.operator === "Sqrt" || (maker?.operator === "Reciprocal" && madeBy(maker.inputs[0], wires)?.operator === "Sqrt");
  };
  if (wires.isConstant(node.outputs[0])) return false;
  return node.operator === "Div" ? isRoot(node.inputs[1]) : node.operator === "Mul" && node.inputs.some(isRoot);
}

/** The product of standardized data with a constant scale. */
function isScale(node: OnnxNode, wires: Wiring): boolean {
  if (node.operator !== "Mul") return false;
  return node.inputs.some((name, i) => {
    const other = madeBy(node.inputs[1 - i], wires);
    return wires.isConstant(name) && other && (isNormalized(other, wires) || isWeighted(other, wires));
  });
}
