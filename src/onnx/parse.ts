/** From the messages of a model file to records, checked: every name is defined once and before it is used, every tensor has its numbers. */
import type { Tensor } from "../tensor/index.ts";
import { decodeTensor, type ExternalData } from "./decode.ts";
import { elementName, elementTypes } from "./elements.ts";
import { OnnxError } from "./errors.ts";
import type { OnnxFunction, OnnxGraph, OnnxNode, OnnxPort } from "./model.ts";
import { inOrder } from "./order.ts";
import type { FunctionProto, GraphProto, NodeProto, OperatorSetIdProto, ValueInfoProto } from "./schema/onnx_pb.ts";

export interface ReadOptions {
  /** Gives the bytes of files beside the model that hold its larger tensors. */
  externalData?: ExternalData;
}

/** A graph or subgraph; `outer` has the names that a subgraph may use from around it. */
export function readGraph(
  graph: GraphProto,
  { externalData, outer = new Set() }: ReadOptions & { outer?: ReadonlySet<string> } = {},
): OnnxGraph {
  if (graph.sparseInitializer.length > 0) throw new OnnxError("the model has sparse initializers, which are not supported");
  const initializers = new Map<string, Tensor>();
  for (const proto of graph.initializer) {
    if (!proto.name) throw new OnnxError("an initializer has no name");
    if (initializers.has(proto.name)) throw new OnnxError(`two initializers are named "${proto.name}"`);
    initializers.set(proto.name, decodeTensor(proto, externalData));
  }
  const inputs = uniquePorts("input", graph.input).filter(({ name }) => !initializers.has(name));
  const outputs = uniquePorts("output", graph.output);
  if (outputs.length === 0) throw new OnnxError("the graph has no outputs");
  const given = new Set([...outer, ...inputs.map(({ name }) => name), ...initializers.keys()]);
  const nodes = inOrder(graph.node.map(readNode), given);
  const known = new Set([...given, ...nodes.flatMap((node) => node.outputs)]);
  for (const { name } of outputs) {
    if (!known.has(name)) throw new OnnxError(`the output "${name}" is computed by no node`);
  }
  return { nodes, initializers, inputs, outputs };
}

/** Versions by domain, the standard one under "". */
export function readOpsets(imports: readonly OperatorSetIdProto[]): Map<string, number> {
  return new Map(imports.map(({ domain, version }) => [domain === "ai.onnx" ? "" : domain, Number(version)]));
}

function readNode(node: NodeProto, index: number): OnnxNode {
  const name = node.name || `${node.opType || "node"} ${index}`;
  if (!node.opType) throw new OnnxError(`node "${name}" names no operator`);
  const attributes = new Map(node.attribute.map((attribute) => [attribute.name, attribute]));
  if (attributes.size < node.attribute.length) throw new OnnxError(`node "${name}" (${node.opType}) has an attribute twice`);
  return {
    name,
    operator: node.opType,
    domain: node.domain === "ai.onnx" ? "" : node.domain,
    inputs: node.input,
    outputs: node.output,
    attributes,
  };
}

/** A function of the model; without operator sets of its own it uses the model's. */
export function readFunction(proto: FunctionProto, modelOpsets: ReadonlyMap<string, number>): OnnxFunction {
  const nodes = inOrder(proto.node.map(readNode), new Set(proto.input), `function "${proto.name}"`);
  const own = readOpsets(proto.opsetImport);
  return { nodes, inputs: proto.input, outputs: proto.output, opsets: own.size > 0 ? own : modelOpsets };
}

function uniquePorts(kind: string, infos: readonly ValueInfoProto[]): OnnxPort[] {
  const names = new Set<string>();
  return infos.map((info) => {
    if (!info.name) throw new OnnxError(`an ${kind} has no name`);
    if (names.has(info.name)) throw new OnnxError(`two ${kind}s are named "${info.name}"`);
    names.add(info.name);
    return readPort(info);
  });
}

function readPort({ name, type }: ValueInfoProto): OnnxPort {
  if (type?.value.case !== "tensorType") {
    return { name, elementType: type?.value.case?.replace("Type", "") ?? "unknown", dtype: undefined, shape: undefined };
  }
  const { elemType, shape } = type.value.value;
  const extents = shape?.dim.map(({ value }) => {
    if (value.case === "dimValue" && value.value < 0n) throw new OnnxError(`"${name}" declares the negative dimension ${value.value}`);
    return value.case === "dimValue" ? Number(value.value) : value.value || undefined;
  });
  return { name, elementType: elementName(elemType), dtype: elementTypes.get(elemType)?.dtype, shape: extents };
}
