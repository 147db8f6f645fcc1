/**
 * Models as .onnx files with a free batch axis. An imported model goes out as its own file with its weights replaced. Ours are written for
 * two batch sizes; what differs between the two is the batch, and is freed.
 */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { input } from "../graph/index.ts";
import { exportOnnx, OnnxError } from "../onnx/index.ts";
import { attributeProto, tensorProto } from "../onnx/protos.ts";
import {
  type GraphProto,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  type TensorProto,
  TensorShapeProto_DimensionSchema,
  type ValueInfoProto,
} from "../onnx/schema/onnx_pb.ts";
import { type Tensor, tensor } from "../tensor/index.ts";
import { exportImported, type ImportedModel } from "./imported.ts";
import { domainKey } from "./input-guess.ts";
import type { Model } from "./model.ts";

/** Two batch sizes that are no extent of any layer. */
const trial = [7919, 7927] as const;

/**
 * The bytes of a model file: input "input" [batch, …], output "logits" [batch, classes], initializers named as the weights.
 * @throws OnnxError when the network computes something else for another batch size.
 */
export function exportModel(model: Model | ImportedModel): Uint8Array {
  if ("file" in model) return exportImported(model, model.weights);
  const [file, other] = trial.map((batch) => fromBinary(ModelProtoSchema, atBatch(model, batch)));
  const graph = file.graph as GraphProto;
  freeBatch(graph, other.graph as GraphProto);
  asOpset17(graph);
  graph.input = graph.input.filter(({ name }) => name === "input");
  graph.initializer.push(...Object.entries(model.weights).map(([name, weight]) => tensorProto(name, weight)));
  for (const port of [...graph.input, ...graph.output]) freeFirstAxis(port);
  const { low, high } = model.network.domain;
  return toBinary(ModelProtoSchema, {
    ...file,
    opsetImport: file.opsetImport.map((one) => ({ ...one, version: 17n })),
    metadataProps: [{ $typeName: "onnx.StringStringEntryProto", key: domainKey, value: `${low} ${high}` }],
  });
}

function atBatch({ network, weights }: Model, batch: number): Uint8Array {
  const values = Object.fromEntries(
    Object.entries(weights).map(([name, { shape, dtype }]) => [name, input(name, shape, dtype as "float32")]),
  );
  const x = input("input", [batch, ...network.inputShape]);
  return exportOnnx({ input: x, ...values }, { logits: network.apply(x, values).logits }, { name: network.name });
}

/** Makes the integers of `graph` that differ from those of `other` follow the batch. */
function freeBatch(graph: GraphProto, other: GraphProto): void {
  const same =
    graph.node.length === other.node.length &&
    graph.initializer.length === other.initializer.length &&
    graph.node.every((node, i) => JSON.stringify(written(node)) === JSON.stringify(written(other.node[i])));
  if (!same) throw new OnnxError(`the network "${graph.name}" computes otherwise for another batch size, so it cannot be written for all`);
  const varying = graph.initializer.flatMap((proto, i) => {
    const multiples = batchMultiples(proto, other.initializer[i]);
    return multiples ? [[proto, multiples] as const] : [];
  });
  if (varying.length === 0) return;
  const shapeNodes: NodeProto[] = [];
  for (const [proto, multiples] of varying) {
    const users = graph.node.filter((node) => node.input.includes(proto.name));
    const positions = multiples.flatMap((multiple, i) => (multiple ? [i] : []));
    if (positions.length === 1 && users.every(({ opType, input: [data] }) => opType === "Reshape" && data !== proto.name)) {
      Object.assign(proto, tensorProto(proto.name, withOpenExtent(proto, positions[0])));
    } else {
      graph.initializer.splice(graph.initializer.indexOf(proto), 1);
      shapeNodes.push(...computedShape(graph, proto, multiples));
    }
  }
  graph.node.unshift(...(shapeNodes.length > 0 ? batchNodes(graph) : []), ...shapeNodes);
}

/** How often the batch is contained in each element, 0 where an element does not depend on it; undefined when none does. */
function batchMultiples(a: TensorProto, b: TensorProto): number[] | undefined {
  const sameShape = String(a.dims) === String(b.dims) && a.dataType === b.dataType;
  if (sameShape && a.rawData.every((byte, i) => byte === b.rawData[i])) return undefined;
  const isShape = sameShape && a.dims.length === 1 && a.rawData.length === 8 * Number(a.dims[0]);
  const multiples = isShape ? integersOf(a).map((v, i) => (v === integersOf(b)[i] ? 0 : v / trial[0])) : [];
  if (
    !isShape ||
    !multiples.every((multiple, i) => Number.isInteger(multiple) && (multiple === 0 || integersOf(b)[i] === multiple * trial[1]))
  )
    throw new OnnxError(
      `the network holds a constant of shape [${a.dims}] that depends on the batch size, so it cannot be written for all`,
    );
  return multiples;
}

function integersOf(proto: TensorProto): number[] {
  return Array.from(new BigInt64Array(new Uint8Array(proto.rawData).buffer), Number);
}

/** A target of Reshape whose extent at `position` follows from the others. */
function withOpenExtent(proto: TensorProto, position: number): Tensor {
  const extents = integersOf(proto);
  return tensor(
    extents.map((extent, i) => (i === position ? -1 : extent)),
    [extents.length],
    "int64",
  );
}

/** Opset 17, which more tools read, has the axes of most reductions as an attribute; nothing else that we write differs from 18. */
function asOpset17(graph: GraphProto): void {
  for (const node of graph.node) {
    if (!node.opType.startsWith("Reduce") || node.opType === "ReduceSum" || node.input.length < 2) continue;
    const axes = graph.initializer.find(({ name }) => name === node.input[1]) as TensorProto;
    node.input = node.input.slice(0, 1);
    node.attribute.push(attributeProto("axes", integersOf(axes)));
  }
  const used = new Set(graph.node.flatMap((node) => node.input));
  graph.initializer = graph.initializer.filter(({ name }) => used.has(name));
}

const batchName = "batch size";

/** The batch size as a vector of one integer. */
function batchNodes(graph: GraphProto): NodeProto[] {
  graph.initializer.push(tensorProto("first axis", tensor([0], [1], "int64")));
  return [
    create(NodeProtoSchema, { opType: "Shape", input: ["input"], output: ["input shape"] }),
    create(NodeProtoSchema, { opType: "Gather", input: ["input shape", "first axis"], output: [batchName] }),
  ];
}

/** The vector of a constant, put together from constants and multiples of the batch size. */
function computedShape(graph: GraphProto, proto: TensorProto, multiples: readonly number[]): NodeProto[] {
  const extents = integersOf(proto);
  const nodes: NodeProto[] = [];
  const parts = multiples.map((multiple, i) => {
    if (multiple === 1) return batchName;
    const part = `${proto.name} part ${i}`;
    graph.initializer.push(tensorProto(part, tensor([multiple || extents[i]], [1], "int64")));
    if (!multiple) return part;
    nodes.push(create(NodeProtoSchema, { opType: "Mul", input: [batchName, part], output: [`${part} in all`] }));
    return `${part} in all`;
  });
  return [
    ...nodes,
    create(NodeProtoSchema, { opType: "Concat", input: parts, output: [proto.name], attribute: [attributeProto("axis", 0)] }),
  ];
}

function freeFirstAxis({ type }: ValueInfoProto): void {
  const shape = type?.value.case === "tensorType" ? type.value.value.shape : undefined;
  if (shape) shape.dim[0] = create(TensorShapeProto_DimensionSchema, { value: { case: "dimParam", value: "batch" } });
}

function written({ opType, input: inputs, output, attribute }: NodeProto): unknown {
  return [
    opType,
    inputs,
    output,
    attribute.map(({ name, f, i, ints, floats, s }) => [name, f, String(i), ints.map(String), floats, [...s]]),
  ];
}
