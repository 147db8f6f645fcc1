/** Adversarial points on disk: what an evaluation found, so that anybody can check it again. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { decodeNpz, encodeNpz } from "../data/index.ts";
import { rows, type Tensor, takeRows, tensor } from "../tensor/index.ts";
import { writeAtomic } from "./files.ts";

export interface Witness {
  /** Number of the example in its data set. */
  index: number;
  label: number;
  /** Class that the model gives the point. */
  adversarial: number;
  /** [1, …] */
  point: Tensor<"float32">;
}

const FILE = "witnesses.npz";

/** Writes the points of the broken examples: index, label, adversarial class, point. */
export function writeWitnesses(
  directory: string,
  {
    indices,
    labels,
    predictions,
    points,
  }: { indices: readonly number[]; labels: ArrayLike<number>; predictions: ArrayLike<number>; points: Tensor<"float32"> },
): void {
  const integers = (from: ArrayLike<number>) =>
    tensor(
      indices.map((i) => from[i]),
      [indices.length],
      "int32",
    );
  const index = tensor(indices, [indices.length], "int32");
  writeAtomic(
    join(directory, FILE),
    encodeNpz({ index, label: integers(labels), adversarial: integers(predictions), point: takeRows(points, indices) }),
  );
}

/** The first `limit` witnesses of an evaluation; none where it broke nothing. */
export function readWitnesses(directory: string, limit = Number.POSITIVE_INFINITY): Witness[] {
  const path = join(directory, FILE);
  if (!existsSync(path)) return [];
  const { index, label, adversarial, point } = decodeNpz(readFileSync(path), path);
  return Array.from({ length: Math.min(limit, index.shape[0]) }, (_, i) => ({
    index: Number(index.data[i]),
    label: Number(label.data[i]),
    adversarial: Number(adversarial.data[i]),
    point: rows(point as Tensor<"float32">, i, i + 1),
  }));
}
