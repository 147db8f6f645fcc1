/** The original file with other numbers in it. */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { sameShape, type Tensor } from "../tensor/index.ts";
import { elementTypes } from "./elements.ts";
import { OnnxError } from "./errors.ts";
import type { OnnxModel } from "./model.ts";
import { tensorProto } from "./protos.ts";
import {
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  type TensorProto,
  TensorProto_DataLocation,
  ValueInfoProtoSchema,
} from "./schema/onnx_pb.ts";

/**
 * The bytes of the model's file with the named initializers (or constants of its nodes) replaced, in the element type that they have there.
 * Names, nodes, documentation and fields that we do not know stay as they are; tensors from files beside the model move into it.
 * @throws OnnxError when a name is not in the file or a shape differs.
 */
export function replaceInitializers(model: OnnxModel, tensors: Readonly<Record<string, Tensor>>): Uint8Array {
  const { file } = model;
  const graph = file.graph as NonNullable<ModelProto["graph"]>;
  const open = new Set(Object.keys(tensors));
  const replaced = (proto: TensorProto, name: string): TensorProto => {
    const tensor = tensors[name] ?? (proto.dataLocation === TensorProto_DataLocation.EXTERNAL ? model.initializers.get(name) : undefined);
    open.delete(name);
    return tensor ? withData(proto, name, tensor) : proto;
  };
  const initializer = graph.initializer.map((proto) => replaced(proto, proto.name));
  const node = graph.node.map((one) => (one.opType === "Constant" && tensors[one.output[0]] ? withValue(one, replaced) : one));
  if (open.size > 0) throw new OnnxError(`the model has no initializer ${[...open].map((name) => `"${name}"`).join(", ")}`);
  return toBinary(ModelProtoSchema, { ...file, graph: { ...graph, initializer, node } });
}

/** The bytes of the model's file with one of its tensors as the only output. */
export function exposeTensor(model: OnnxModel, name: string): Uint8Array {
  const file = fromBinary(ModelProtoSchema, replaceInitializers(model, {}));
  const graph = file.graph as NonNullable<ModelProto["graph"]>;
  // Without a type of its own it gets the one that the nodes imply.
  graph.output = [graph.output.find((output) => output.name === name) ?? create(ValueInfoProtoSchema, { name })];
  return toBinary(ModelProtoSchema, file);
}

function withData(proto: TensorProto, name: string, tensor: Tensor): TensorProto {
  const type = elementTypes.get(proto.dataType);
  const shape = proto.dims.map(Number);
  if (!type || !sameShape(shape, tensor.shape))
    throw new OnnxError(`[${tensor.shape}] cannot take the place of "${name}", which is [${shape}]`);
  return {
    ...proto,
    rawData: type.encode(tensor.data),
    floatData: [],
    doubleData: [],
    int32Data: [],
    int64Data: [],
    uint64Data: [],
    externalData: [],
    dataLocation: TensorProto_DataLocation.DEFAULT,
  };
}

function withValue(node: NodeProto, replaced: (proto: TensorProto, name: string) => TensorProto): NodeProto {
  const attribute = node.attribute.map((one) => (one.name === "value" && one.t ? { ...one, t: replaced(one.t, node.output[0]) } : one));
  return { ...node, attribute };
}

/**
 * The file with (x − mean)/deviation put between an input and its users; mean and deviation broadcast against the input.
 * Subgraphs that use the input directly are not changed.
 */
export function prependNormalization(
  bytes: Uint8Array,
  input: string,
  { mean, deviation }: { mean?: Tensor; deviation?: Tensor },
): Uint8Array {
  const file = fromBinary(ModelProtoSchema, bytes);
  const graph = file.graph as NonNullable<ModelProto["graph"]>;
  const taken = new Set([...graph.node.flatMap(({ output }) => output), ...graph.initializer.map(({ name }) => name), input]);
  const fresh = (name: string): string => {
    const result = taken.has(name) ? fresh(`${name}'`) : name;
    taken.add(result);
    return result;
  };
  let current = input;
  const added: NodeProto[] = [];
  const apply = (opType: string, label: string, operand: Tensor) => {
    const initializer = tensorProto(fresh(`${input} ${label}`), operand);
    const output = fresh(`${input} ${opType === "Sub" ? "centred" : "normalized"}`);
    graph.initializer.push(initializer);
    added.push(create(NodeProtoSchema, { opType, input: [current, initializer.name], output: [output] }));
    current = output;
  };
  if (mean) apply("Sub", "mean", mean);
  if (deviation) apply("Div", "deviation", deviation);
  for (const node of graph.node) node.input = node.input.map((name) => (name === input ? current : name));
  graph.node.unshift(...added);
  return toBinary(ModelProtoSchema, file);
}
