/** CIFAR-10's binary format: records of one label byte and 3072 bytes, the red, green and blue planes of 32×32 pixels. */
import type { Tensor } from "../tensor/index.ts";
import { DataError } from "./errors.ts";

const pixels = 3 * 32 * 32;
const record = 1 + pixels;

/** Images [N, 3, 32, 32] and labels of a (whole or partial) batch; N is the length over 3073. @throws DataError when that is no whole number or a label is above 9. */
export function decodeCifar10(bytes: Uint8Array, where = "cifar10"): { images: Tensor<"uint8">; labels: Int32Array } {
  const count = bytes.length / record;
  if (!Number.isInteger(count) || count === 0) {
    throw new DataError(
      where,
      `${bytes.length} bytes are not a whole number of records of ${record} bytes`,
      "The file is cut short or is not CIFAR-10's binary version: get it again",
    );
  }
  const data = new Uint8Array(count * pixels);
  const labels = Int32Array.from({ length: count }, (_, i) => bytes[i * record]);
  const wrong = labels.findIndex((label) => label > 9);
  if (wrong >= 0) {
    throw new DataError(
      where,
      `record ${wrong} has the label ${labels[wrong]}, CIFAR-10 has 0 to 9`,
      "The file is not CIFAR-10's binary version (CIFAR-100 has two label bytes)",
    );
  }
  for (let i = 0; i < count; i++) data.set(bytes.subarray(i * record + 1, (i + 1) * record), i * pixels);
  return { images: { dtype: "uint8", shape: [count, 3, 32, 32], data }, labels };
}
