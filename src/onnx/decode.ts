/** Tensors of a model file: from raw or typed data or a file beside the model, checked against what they declare. */
import { type ArrayByDType, allocate, type DType, type Tensor } from "../tensor/index.ts";
import { type ElementType, elementName, elementTypes } from "./elements.ts";
import { OnnxError } from "./errors.ts";
import { type TensorProto, TensorProto_DataLocation } from "./schema/onnx_pb.ts";

/** Gives the bytes of a file beside the model, by its relative path there. */
export type ExternalData = (location: string) => Uint8Array;

/** @throws OnnxError when the declaration is impossible, of a type that we do not take, or does not match the data. */
export function decodeTensor(proto: TensorProto, externalData?: ExternalData): Tensor {
  const label = `tensor "${proto.name}"`;
  const type = elementTypes.get(proto.dataType);
  if (!type) throw new OnnxError(`${label} has elements of ${elementName(proto.dataType)}, which are not supported`);
  if (proto.segment) throw new OnnxError(`${label} is stored in segments, which are not supported`);
  const shape = proto.dims.map((extent) => {
    if (extent < 0n) throw new OnnxError(`${label} declares the negative dimension ${extent}`);
    return Number(extent);
  });
  const count = shape.reduce((product, extent) => product * extent, 1);
  if (!Number.isSafeInteger(count * type.width))
    throw new OnnxError(`${label} declares the impossible shape [${shape}] of ${count} elements`);
  const raw =
    proto.dataLocation === TensorProto_DataLocation.EXTERNAL
      ? externalBytes(proto, label, count * type.width, externalData)
      : proto.rawData;
  if (raw.length > 0 || count === 0 || proto[type.field].length === 0) {
    if (raw.length !== count * type.width) {
      throw new OnnxError(
        `${label} declares ${count} elements of ${type.name} [${shape}], ${bytesInWords(count * type.width)}, but the file holds ${bytesInWords(raw.length)}`,
      );
    }
    return { dtype: type.dtype, shape, data: type.decode(raw) };
  }
  return { dtype: type.dtype, shape, data: typedData(proto, label, type, count) };
}

function typedData(proto: TensorProto, label: string, type: ElementType, count: number): ArrayByDType[DType] {
  const given = proto[type.field];
  if (given.length !== count) {
    throw new OnnxError(`${label} declares ${count} elements of ${type.name}, but the file holds ${given.length}`);
  }
  const data = allocate(type.dtype, count);
  const convert = type.convert ?? Number;
  if (type.dtype === "int64") for (let i = 0; i < count; i++) (data as BigInt64Array)[i] = BigInt(given[i]);
  else for (let i = 0; i < count; i++) (data as Float64Array)[i] = convert(Number(given[i]));
  return data;
}

function externalBytes(proto: TensorProto, label: string, length: number, externalData?: ExternalData): Uint8Array {
  const entries = new Map(proto.externalData.map(({ key, value }) => [key, value]));
  const location = entries.get("location");
  if (!location) throw new OnnxError(`${label} lies outside the model, but does not say in which file`);
  if (!isConfined(location))
    throw new OnnxError(`${label} lies in "${location}", outside the model's folder; only files in that folder are read`);
  if (!externalData) throw new OnnxError(`${label} lies in the file "${location}" beside the model, which was not given`);
  const file = externalData(location);
  const offset = integerEntry(entries.get("offset") ?? "0", label);
  const declared = integerEntry(entries.get("length") ?? String(length), label);
  if (declared !== length)
    throw new OnnxError(`${label} needs ${bytesInWords(length)}, but declares ${bytesInWords(declared)} in "${location}"`);
  if (offset + length > file.length) {
    throw new OnnxError(
      `${label} lies at ${offset} to ${offset + length} of "${location}", which has only ${bytesInWords(file.length)}: the file is incomplete`,
    );
  }
  return file.subarray(offset, offset + length);
}

/** Whether a relative path stays inside the folder it starts from. */
export function isConfined(location: string): boolean {
  return !/^([/\\]|[a-zA-Z]:)/.test(location) && !location.split(/[/\\]/).includes("..") && !location.includes("\0");
}

function integerEntry(text: string, label: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value)) throw new OnnxError(`${label} has the impossible offset or length "${text}"`);
  return value;
}

function bytesInWords(bytes: number): string {
  if (bytes < 1e4) return `${bytes} bytes`;
  const [unit, name] = bytes < 1e6 ? [1e3, "kB"] : bytes < 1e9 ? [1e6, "MB"] : [1e9, "GB"];
  return `${(bytes / unit).toPrecision(3)} ${name}`;
}
