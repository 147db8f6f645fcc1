/**
 * NumPy's file formats: .npy (one array) and .npz (a zip of named arrays), read and written.
 * Little-endian f4, f8, i4, i8, u1 and b1; arrays in Fortran order are turned to row-major on reading.
 */
import { strFromU8, strToU8, unzipSync, zipSync } from "fflate";
import { type ArrayByDType, allocate, byteLength, type DType, type Shape, size, strides, type Tensor } from "../tensor/index.ts";
import { DataError } from "./errors.ts";

const codes: Readonly<Record<DType, string>> = { float32: "<f4", float64: "<f8", int32: "<i4", int64: "<i8", uint8: "|u1", bool: "|b1" };
const magic = "\x93NUMPY";

/** The bytes of a .npy file (format 1.0) holding the tensor. */
export function encodeNpy(source: Tensor): Uint8Array {
  const shape = source.shape.length === 1 ? `(${source.shape[0]},)` : `(${source.shape.join(", ")})`;
  const dictionary = `{'descr': '${codes[source.dtype]}', 'fortran_order': False, 'shape': ${shape}, }`;
  const padded = `${dictionary.padEnd(Math.ceil((10 + dictionary.length + 1) / 64) * 64 - 11)}\n`;
  const head = strToU8(`${magic}\x01\x00${String.fromCharCode(padded.length & 255, padded.length >> 8)}${padded}`, true);
  const file = new Uint8Array(head.length + source.data.byteLength);
  file.set(head);
  file.set(new Uint8Array(source.data.buffer, source.data.byteOffset, source.data.byteLength), head.length);
  return file;
}

/** The tensor in a .npy file, in memory of its own. @param where names the file in messages. @throws DataError for anything that is not a whole, supported .npy file. */
export function decodeNpy(bytes: Uint8Array, where = "npy"): Tensor {
  const { dtype, shape, fortran, start } = header(bytes, where);
  const expected = byteLength(dtype, shape);
  if (bytes.length - start !== expected) {
    throw new DataError(
      where,
      `shape [${shape}] of ${dtype} takes ${expected} bytes, the file has ${bytes.length - start}`,
      "The file is cut short or holds something else: write it again",
    );
  }
  const data = allocate(dtype, size(shape));
  new Uint8Array(data.buffer).set(bytes.subarray(start));
  const result: Tensor = { dtype, shape, data };
  return fortran && shape.length > 1 ? toRowMajor(result) : result;
}

/** The bytes of a .npz file of named arrays; the same arrays give the same bytes, as no date is written. */
export function encodeNpz(arrays: Readonly<Record<string, Tensor>>, { compress = true }: { compress?: boolean } = {}): Uint8Array {
  const files = Object.entries(arrays).map(([name, array]) => [`${name}.npy`, encodeNpy(array)]);
  return zipSync(Object.fromEntries(files), { level: compress ? 6 : 0, mtime: new Date(1980, 0, 1) });
}

/** The named arrays of a .npz file. @throws DataError for a broken archive or array. */
export function decodeNpz(bytes: Uint8Array, where = "npz"): Record<string, Tensor> {
  let files: Record<string, Uint8Array>;
  try {
    files = unzipSync(bytes);
  } catch (cause) {
    throw new DataError(where, `not a readable zip archive (${(cause as Error).message})`, "Write it again with numpy.savez", { cause });
  }
  const arrays = Object.entries(files).filter(([name]) => name.endsWith(".npy"));
  return Object.fromEntries(arrays.map(([name, file]) => [name.slice(0, -4), decodeNpy(file, `${where}:${name}`)]));
}

function header(bytes: Uint8Array, where: string): { dtype: DType; shape: Shape; fortran: boolean; start: number } {
  const broken = (problem: string) => new DataError(where, problem, "Write the file again with numpy.save");
  if (strFromU8(bytes.subarray(0, 6), true) !== magic) throw broken("not a .npy file: it does not begin with \\x93NUMPY");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const lengthBytes = bytes[6] === 1 ? 2 : 4;
  if (bytes.length < 8 + lengthBytes || bytes[6] > 3) throw broken(`a .npy header of version ${bytes[6]} is not readable`);
  const start = 8 + lengthBytes + (lengthBytes === 2 ? view.getUint16(8, true) : view.getUint32(8, true));
  if (start > bytes.length) throw broken("the header is cut short");
  const text = strFromU8(bytes.subarray(8 + lengthBytes, start), true);
  const descr = /'descr':\s*'([^']*)'/.exec(text)?.[1];
  const order = /'fortran_order':\s*(True|False)/.exec(text)?.[1];
  const extents = /'shape':\s*\(([\d,\sL]*)\)/.exec(text)?.[1];
  if (order === undefined || extents === undefined) throw broken(`the header ${JSON.stringify(text.trim())} has no valid order and shape`);
  const dtype = (Object.keys(codes) as DType[]).find((name) => codes[name] === descr);
  if (dtype === undefined) {
    throw new DataError(
      where,
      `arrays of type ${descr ?? "(structured)"} are not read`,
      `Convert with numpy's astype to one of ${Object.values(codes).join(", ")}`,
    );
  }
  const shape = extents
    .split(",")
    .filter((extent) => extent.trim() !== "")
    .map((extent) => Number.parseInt(extent, 10));
  return { dtype, shape, fortran: order === "True", start };
}

/** The same array when `source.data` lie in column-major order. */
function toRowMajor(source: Tensor): Tensor {
  const columnMajor = strides([...source.shape].reverse()).reverse();
  const rowMajor = strides(source.shape);
  const data = allocate(source.dtype, source.data.length) as Float64Array;
  for (let i = 0; i < data.length; i++) {
    let from = 0;
    for (let axis = 0, rest = i; axis < rowMajor.length; rest %= rowMajor[axis++])
      from += Math.floor(rest / rowMajor[axis]) * columnMajor[axis];
    data[i] = source.data[from] as number;
  }
  return { dtype: source.dtype, shape: source.shape, data: data as ArrayByDType[DType] };
}
