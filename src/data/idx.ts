/** The IDX format of MNIST and its kin: two zero bytes, type, rank, big-endian extents, then the numbers. Unsigned bytes only, as in all of them. */
import { size, type Tensor } from "../tensor/index.ts";
import { DataError } from "./errors.ts";

/**
 * The array of bytes in an (uncompressed) IDX file, in memory of its own.
 * @param rank what the file must hold: 3 for images [N, height, width], 1 for labels [N].
 * @throws DataError for another magic number, another rank or a length that does not fit.
 */
export function decodeIdx(bytes: Uint8Array, rank: number, where = "idx"): Tensor<"uint8"> {
  const expected = 0x0800 + rank;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const magic = bytes.length >= 4 ? view.getUint32(0) : undefined;
  if (magic !== expected) {
    const found = magic === undefined ? `only ${bytes.length} bytes` : `the magic number ${magic}`;
    const kind = rank === 1 ? "labels" : "images";
    throw new DataError(
      where,
      `an IDX file of ${kind} begins with ${expected}, this one has ${found}`,
      "Check that images and labels are not swapped, or get the file again",
    );
  }
  const start = 4 + 4 * rank;
  if (bytes.length < start) throw new DataError(where, "the IDX header is cut short", "Get the file again");
  const shape = Array.from({ length: rank }, (_, axis) => view.getUint32(4 + 4 * axis));
  if (bytes.length - start !== size(shape)) {
    throw new DataError(
      where,
      `the header says [${shape}], ${size(shape)} bytes, but ${bytes.length - start} follow`,
      "The file is cut short or damaged: get it again",
    );
  }
  return { dtype: "uint8", shape, data: bytes.slice(start) };
}

/** The bytes of an IDX file. */
export function encodeIdx(source: Tensor<"uint8">): Uint8Array {
  const start = 4 + 4 * source.shape.length;
  const file = new Uint8Array(start + source.data.length);
  const view = new DataView(file.buffer);
  view.setUint32(0, 0x0800 + source.shape.length);
  for (const [axis, extent] of source.shape.entries()) view.setUint32(4 + 4 * axis, extent);
  file.set(source.data, start);
  return file;
}
