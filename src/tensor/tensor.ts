/**
 * Tensors: a dtype, a static shape and the typed array that holds the numbers, row-major.
 * They are plain records without methods, so that they pass unchanged through files, processes and the runtime.
 */

/** The arrays behind each dtype. `int64` is a BigInt64Array because that is what ONNX and its runtime want. */
export interface ArrayByDType {
  float32: Float32Array;
  float64: Float64Array;
  int32: Int32Array;
  int64: BigInt64Array;
  uint8: Uint8Array;
  bool: Uint8Array;
}
export type DType = keyof ArrayByDType;
export type FloatDType = "float32" | "float64";
export type Shape = readonly number[];

export interface Tensor<D extends DType = DType> {
  readonly dtype: D;
  readonly shape: Shape;
  readonly data: ArrayByDType[D];
}

/** A shape or a number of elements that does not fit the data. */
export class ShapeError extends Error {
  override name = "ShapeError";
}

const constructors = {
  float32: Float32Array,
  float64: Float64Array,
  int32: Int32Array,
  int64: BigInt64Array,
  uint8: Uint8Array,
  bool: Uint8Array,
};

/** A zero-filled array for `length` elements of a dtype; with `memory` a view of that from `offset` on. */
export function allocate<D extends DType>(dtype: D, length: number, memory?: ArrayBuffer, offset = 0): ArrayByDType[D] {
  return (memory ? new constructors[dtype](memory, offset, length) : new constructors[dtype](length)) as ArrayByDType[D];
}

/** Number of elements of a shape: the product of its extents (1 for a scalar). */
export function size(shape: Shape): number {
  let product = 1;
  for (const extent of shape) product *= extent;
  return product;
}

/** Row-major strides of a shape, in elements. */
export function strides(shape: Shape): number[] {
  const result = new Array<number>(shape.length);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    result[axis] = stride;
    stride *= shape[axis];
  }
  return result;
}

/** Whether two shapes (or any two lists of numbers) are the same. */
export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((extent, axis) => extent === b[axis]);
}

/** Bytes that a tensor of this dtype and shape takes. */
export function byteLength(dtype: DType, shape: Shape): number {
  return size(shape) * constructors[dtype].BYTES_PER_ELEMENT;
}

/**
 * A tensor from numbers. The data are copied and converted to `dtype` unless they already are the right typed array.
 * @throws ShapeError when the number of elements is not the product of the shape.
 */
export function tensor<D extends DType = "float32">(
  data: ArrayLike<number> | ArrayLike<bigint>,
  shape: Shape = [data.length],
  dtype: D = "float32" as D,
): Tensor<D> {
  if (data.length !== size(shape)) {
    throw new ShapeError(`${data.length} numbers do not fill the shape [${shape}], which holds ${size(shape)}`);
  }
  if (data instanceof constructors[dtype]) return { dtype, shape: [...shape], data: data as ArrayByDType[D] };
  const target = allocate(dtype, data.length);
  if (dtype === "int64") {
    for (let i = 0; i < data.length; i++) (target as BigInt64Array)[i] = BigInt(data[i]);
  } else {
    for (let i = 0; i < data.length; i++) (target as Float64Array)[i] = Number(data[i]);
  }
  return { dtype, shape: [...shape], data: target };
}

/** A tensor with one value everywhere. */
export function full<D extends DType = "float32">(shape: Shape, value: number, dtype: D = "float32" as D): Tensor<D> {
  const data = allocate(dtype, size(shape));
  if (value !== 0) (data as Float64Array).fill((dtype === "int64" ? BigInt(value) : value) as number);
  return { dtype, shape: [...shape], data };
}

/** A tensor of zeros. */
export function zeros<D extends DType = "float32">(shape: Shape, dtype: D = "float32" as D): Tensor<D> {
  return full(shape, 0, dtype);
}

/** A tensor of rank 0. */
export function scalar<D extends DType = "float32">(value: number, dtype: D = "float32" as D): Tensor<D> {
  return full([], value, dtype);
}

/** The same numbers under another dtype; the tensor itself when it already has it. Integers beyond 2⁵³ lose digits. */
export function cast<D extends DType>(source: Tensor, dtype: D): Tensor<D> {
  return (source.dtype as DType) === dtype ? (source as Tensor<D>) : tensor(source.data, source.shape, dtype);
}

/** The numbers of a tensor in float64: the tensor's own array when it is float64, else a copy. */
export function toFloat64(source: Tensor): Float64Array {
  return cast(source, "float64").data;
}

/**
 * Rows `start` to `end` (exclusive) of the leading axis, as a view on the same memory.
 * @throws ShapeError for a scalar or a range outside the axis.
 */
export function rows<D extends DType>(source: Tensor<D>, start: number, end: number): Tensor<D> {
  const [count, ...rest] = source.shape;
  if (count === undefined || start < 0 || end > count || start > end) {
    throw new ShapeError(`rows ${start}..${end} do not lie in a tensor of shape [${source.shape}]`);
  }
  const width = size(rest);
  return { dtype: source.dtype, shape: [end - start, ...rest], data: source.data.subarray(start * width, end * width) as ArrayByDType[D] };
}

/** Chosen rows of the leading axis, in the given order (repeats allowed), copied into fresh memory at offset 0. */
export function takeRows<D extends DType>(source: Tensor<D>, indices: ArrayLike<number>): Tensor<D> {
  const [count, ...rest] = source.shape;
  const width = size(rest);
  const data = allocate(source.dtype, indices.length * width);
  for (let i = 0; i < indices.length; i++) {
    const row = indices[i];
    if (!(row >= 0 && row < count)) throw new ShapeError(`row ${row} does not lie in a tensor of shape [${source.shape}]`);
    (data as Float32Array).set(source.data.subarray(row * width, (row + 1) * width) as Float32Array, i * width);
  }
  return { dtype: source.dtype, shape: [indices.length, ...rest], data };
}

/** Tensors of one dtype and one shape behind the leading axis, one after the other. @throws ShapeError when they do not fit. */
export function concatRows<D extends DType>(parts: readonly Tensor<D>[]): Tensor<D> {
  const [{ dtype, shape }] = parts;
  const rest = shape.slice(1);
  if (parts.some((part) => part.dtype !== dtype || !sameShape(part.shape.slice(1), rest))) {
    throw new ShapeError(`rows of ${parts.map((part) => `${part.dtype}[${part.shape}]`).join(", ")} do not fit each other`);
  }
  const data = allocate(
    dtype,
    parts.reduce((total, part) => total + part.data.length, 0),
  );
  let offset = 0;
  for (const part of parts) {
    (data as Float32Array).set(part.data as Float32Array, offset);
    offset += part.data.length;
  }
  return { dtype, shape: [parts.reduce((total, part) => total + part.shape[0], 0), ...rest], data };
}
