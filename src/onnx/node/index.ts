/** Model files on disk, with the tensors beside them. */
import { readFileSync, realpathSync, statSync } from "node:fs";
import { dirname, join, sep } from "node:path";
import { OnnxError } from "../errors.ts";
import type { OnnxModel } from "../model.ts";
import { readOnnx } from "../read.ts";

/** Node cannot hold a file in one buffer beyond this. */
const largestFile = 2 ** 31;

/**
 * The model in an .onnx file. Files that it refers to are read from its own folder only; links that lead out of it are not followed.
 * @throws OnnxError when a file is not there or not readable, and all that `readOnnx` throws.
 */
export function readOnnxFile(path: string): OnnxModel {
  const bytes = readBytes(path, path);
  const folder = realpathSync(dirname(path));
  const read = new Map<string, Uint8Array>();
  const externalData = (location: string): Uint8Array => {
    const known = read.get(location);
    if (known) return known;
    const file = join(folder, location);
    const bytes = readBytes(file, location, folder);
    read.set(location, bytes);
    return bytes;
  };
  return readOnnx(bytes, { externalData });
}

function readBytes(path: string, name: string, folder?: string): Uint8Array {
  try {
    const real = realpathSync(path);
    if (folder && !real.startsWith(folder + sep)) throw new OnnxError(`the file "${name}" lies outside the model's folder; it is not read`);
    const { size } = statSync(real);
    if (size >= largestFile) throw new OnnxError(`the file "${name}" has ${(size / 1e9).toFixed(1)} GB; files of less than 2 GB are read`);
    return new Uint8Array(readFileSync(real));
  } catch (cause) {
    if (cause instanceof OnnxError) throw cause;
    const { code, message } = cause as NodeJS.ErrnoException;
    throw new OnnxError(code === "ENOENT" ? `there is no file "${name}"` : `the file "${name}" cannot be read: ${message}`, { cause });
  }
}
