/** Small ONNX messages: tensors, attributes, descriptions of inputs and outputs. */
import { create } from "@bufbuild/protobuf";
import type { DType, Shape, Tensor } from "../tensor/index.ts";
import {
  type AttributeProto,
  AttributeProtoSchema,
  AttributeProto_AttributeType as AttributeType,
  TensorProto_DataType as DataType,
  type TensorProto,
  TensorProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from "./schema/onnx_pb.ts";

/** ONNX's code of each dtype. */
export const dataTypes: Readonly<Record<DType, DataType>> = {
  float32: DataType.FLOAT,
  float64: DataType.DOUBLE,
  int32: DataType.INT32,
  int64: DataType.INT64,
  uint8: DataType.UINT8,
  bool: DataType.BOOL,
};

/** What a node's attribute may be: an integer, integers, a truth value (0 or 1), a text, or a number marked as `float`. */
export type NodeAttribute = number | boolean | string | readonly number[] | { readonly float: number };

export function attributeProto(name: string, value: NodeAttribute): AttributeProto {
  if (typeof value === "number" || typeof value === "boolean")
    return create(AttributeProtoSchema, { name, type: AttributeType.INT, i: BigInt(value) });
  if (typeof value === "string")
    return create(AttributeProtoSchema, { name, type: AttributeType.STRING, s: new TextEncoder().encode(value) });
  if ("float" in value) return create(AttributeProtoSchema, { name, type: AttributeType.FLOAT, f: Math.fround(value.float) });
  return create(AttributeProtoSchema, { name, type: AttributeType.INTS, ints: value.map(BigInt) });
}

/** The data are referred to, not copied. */
export function tensorProto(name: string, { dtype, shape, data }: Tensor): TensorProto {
  return create(TensorProtoSchema, {
    name,
    dims: shape.map(BigInt),
    dataType: dataTypes[dtype],
    rawData: new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength),
  });
}

export function valueInfoProto(name: string, dtype: DType, shape: Shape): ValueInfoProto {
  const dim = shape.map((extent) => ({ value: { case: "dimValue" as const, value: BigInt(extent) } }));
  return create(ValueInfoProtoSchema, {
    name,
    type: { value: { case: "tensorType", value: { elemType: dataTypes[dtype], shape: { dim } } } },
  });
}
