/** Small model files made in place, to be broken one at a time. */
import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import {
  type AttributeProto,
  AttributeProtoSchema,
  AttributeProto_AttributeType as AttributeType,
  TensorProto_DataType as DataType,
  type GraphProtoSchema,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  type TensorProto,
  TensorProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from "../../src/onnx/schema/onnx_pb.ts";

/** The parts of a message, not the message. */
type Parts<S> = Extract<S, { $typeName?: undefined }>;
export type GraphInit = Parts<MessageInitShape<typeof GraphProtoSchema>>;
type ModelInit = Parts<MessageInitShape<typeof ModelProtoSchema>>;

/** An input or output; letters are names of free axes. */
export function port(name: string, shape: readonly (number | string)[], elemType = DataType.FLOAT): ValueInfoProto {
  const dim = shape.map((extent) => ({
    value: typeof extent === "number" ? { case: "dimValue" as const, value: BigInt(extent) } : { case: "dimParam" as const, value: extent },
  }));
  return create(ValueInfoProtoSchema, { name, type: { value: { case: "tensorType", value: { elemType, shape: { dim } } } } });
}

/** A sequence of maps from classes to probabilities, as scikit-learn's exporter gives. */
export function mapsOf(name: string): ValueInfoProto {
  return create(ValueInfoProtoSchema, { name, type: { value: { case: "sequenceType", value: {} } } });
}

export function node(opType: string, input: string[], output: string[], attribute: AttributeProto[] = [], domain = ""): NodeProto {
  return create(NodeProtoSchema, { opType, input, output, attribute, domain, name: `the ${opType}` });
}

export const integer = (name: string, value: number) => create(AttributeProtoSchema, { name, type: AttributeType.INT, i: BigInt(value) });
export const integers = (name: string, values: readonly number[]) =>
  create(AttributeProtoSchema, { name, type: AttributeType.INTS, ints: values.map(BigInt) });
export const float = (name: string, value: number) => create(AttributeProtoSchema, { name, type: AttributeType.FLOAT, f: value });
export const listOfFloats = (name: string, values: readonly number[]) =>
  create(AttributeProtoSchema, { name, type: AttributeType.FLOATS, floats: [...values] });
export const text = (name: string, value: string) =>
  create(AttributeProtoSchema, { name, type: AttributeType.STRING, s: new TextEncoder().encode(value) });
export const graph = (name: string, g: GraphInit) => create(AttributeProtoSchema, { name, type: AttributeType.GRAPH, g });

export function floats(name: string, dims: readonly number[], values: readonly number[]): TensorProto {
  return create(TensorProtoSchema, { name, dims: dims.map(BigInt), dataType: DataType.FLOAT, floatData: [...values] });
}
export function int64s(name: string, dims: readonly number[], values: readonly number[]): TensorProto {
  return create(TensorProtoSchema, { name, dims: dims.map(BigInt), dataType: DataType.INT64, int64Data: values.map(BigInt) });
}

/** x [N, 4] → y by the given nodes. */
export function modelBytes(graphInit: GraphInit, rest: ModelInit = {}): Uint8Array {
  return toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, {
      irVersion: 8n,
      opsetImport: [{ domain: "", version: 17n }],
      graph: { name: "small", input: [port("x", ["N", 4])], output: [port("y", ["N", 4])], ...graphInit },
      ...rest,
    }),
  );
}

export const texts = (name: string, values: readonly string[]) =>
  create(AttributeProtoSchema, { name, type: AttributeType.STRINGS, strings: values.map((value) => new TextEncoder().encode(value)) });
