/**
 * ONNX's element types and how their bytes become numbers. Types that we do not compute in are widened: 16-bit floats to float32,
 * small integers to int32, unsigned 32- and 64-bit ones to int64.
 */
import { type ArrayByDType, type DType, type Tensor, tensor } from "../tensor/index.ts";
import { TensorProto_DataType as DataType } from "./schema/onnx_pb.ts";

export interface ElementType {
  readonly name: string;
  readonly dtype: DType;
  /** Bytes of one element in raw data. */
  readonly width: number;
  /** The field that holds the numbers when there are no raw data. */
  readonly field: "floatData" | "doubleData" | "int32Data" | "int64Data" | "uint64Data";
  /** Numbers from little-endian raw bytes, in memory of their own. */
  decode(bytes: Uint8Array): ArrayByDType[DType];
  /** Numbers from the typed field, where they stand for themselves or, for 16-bit floats, for their bits. */
  convert?(bits: number): number;
  /** Raw bytes of numbers. */
  encode(data: Tensor["data"]): Uint8Array;
}

export const elementTypes: ReadonlyMap<number, ElementType> = new Map<number, ElementType>([
  [DataType.FLOAT, plain("float32", "float32", Float32Array, "floatData")],
  [DataType.DOUBLE, plain("float64", "float64", Float64Array, "doubleData")],
  [DataType.INT32, plain("int32", "int32", Int32Array, "int32Data")],
  [DataType.INT64, plain("int64", "int64", BigInt64Array, "int64Data")],
  [DataType.UINT8, plain("uint8", "uint8", Uint8Array, "int32Data")],
  [DataType.BOOL, plain("bool", "bool", Uint8Array, "int32Data")],
  [DataType.INT8, widened("int8", "int32", Int8Array, "int32Data")],
  [DataType.INT16, widened("int16", "int32", Int16Array, "int32Data")],
  [DataType.UINT16, widened("uint16", "int32", Uint16Array, "int32Data")],
  [DataType.UINT32, widened("uint32", "int64", Uint32Array, "uint64Data")],
  [DataType.UINT64, widened("uint64", "int64", BigUint64Array, "uint64Data")],
  [DataType.FLOAT16, half("float16", halfToNumber, numberToHalf)],
  [DataType.BFLOAT16, half("bfloat16", brainToNumber, numberToBrain)],
]);

/** ONNX's name of an element type, also of those that we do not take. */
export function elementName(code: number): string {
  return elementTypes.get(code)?.name ?? DataType[code]?.toLowerCase() ?? `type ${code}`;
}

function plain(
  name: string,
  dtype: DType,
  kind: { readonly BYTES_PER_ELEMENT: number; new (buffer: ArrayBuffer): ArrayByDType[DType] },
  field: ElementType["field"],
): ElementType {
  return {
    name,
    dtype,
    width: kind.BYTES_PER_ELEMENT,
    field,
    decode: (bytes) => new kind(copied(bytes)),
    encode: ({ buffer, byteOffset, byteLength }) => new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength).slice(),
  };
}

type SmallInteger = Int8Array | Int16Array | Uint16Array | Uint32Array | BigUint64Array;

function widened(
  name: string,
  dtype: "int32" | "int64",
  kind: { readonly BYTES_PER_ELEMENT: number; new (buffer: ArrayBuffer): SmallInteger },
  field: ElementType["field"],
): ElementType {
  return {
    name,
    dtype,
    width: kind.BYTES_PER_ELEMENT,
    field,
    decode: (bytes) => tensor(new kind(copied(bytes)), undefined, dtype).data,
    encode: (data) => {
      const own = new kind(new ArrayBuffer(data.length * kind.BYTES_PER_ELEMENT));
      for (let i = 0; i < data.length; i++) own[i] = own instanceof BigUint64Array ? BigInt(data[i]) : Number(data[i]);
      return new Uint8Array(own.buffer as ArrayBuffer);
    },
  };
}

function half(name: string, decodeBits: (bits: number) => number, encodeBits: (x: number) => number): ElementType {
  return {
    name,
    dtype: "float32",
    width: 2,
    field: "int32Data",
    decode: (bytes) => Float32Array.from(new Uint16Array(copied(bytes)), decodeBits),
    convert: (bits) => decodeBits(bits & 0xffff),
    encode: (data) => new Uint8Array(Uint16Array.from(data as Float32Array, encodeBits).buffer),
  };
}

function copied(bytes: Uint8Array): ArrayBuffer {
  return new Uint8Array(bytes).buffer;
}

/** IEEE 754 binary16. */
function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** To the nearest binary16, ties to even; beyond its range to infinity. */
function numberToHalf(x: number): number {
  const sign = x < 0 || Object.is(x, -0) ? 0x8000 : 0;
  const a = Math.abs(x);
  if (Number.isNaN(x)) return 0x7e00;
  if (a >= 65520) return sign | 0x7c00;
  const exponent = Math.max(a < 2 ** -14 ? -14 : Math.floor(Math.log2(a)), -14);
  const units = roundToEven(a / 2 ** (exponent - 10));
  return sign | (a < 2 ** -14 ? units : ((exponent + 14) << 10) + units);
}

function brainToNumber(bits: number): number {
  return new Float32Array(Uint32Array.of(bits << 16).buffer)[0];
}

function numberToBrain(x: number): number {
  const bits = new Uint32Array(Float32Array.of(x).buffer)[0];
  if (Number.isNaN(x)) return 0x7fc0;
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) / 65536) & 0xffff;
}

function roundToEven(x: number): number {
  const floor = Math.floor(x);
  const rest = x - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}
