/** The pieces of a running evaluation on disk, one file each, so that a stopped one continues where it was. */
import { createHash } from "node:crypto";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { decodeNpz, encodeNpz } from "../data/index.ts";
import type { Pieces } from "../evaluation/index.ts";
import type { Weights } from "../models/index.ts";
import { type Tensor, tensor } from "../tensor/index.ts";
import { readJson, toJson, writeAtomic, writeJson } from "./files.ts";

export interface StoredPieces extends Pieces {
  /** A small value that is computed once. */
  remember<T>(name: string, compute: () => Promise<T>): Promise<T>;
  /** How many pieces were there already. */
  readonly found: number;
  /** Deletes all of them. */
  clear(): void;
}

/** Opens the pieces of the evaluation that `identity` describes; those of any other are deleted. */
export function openPieces(directory: string, identity: unknown): StoredPieces {
  const marker = join(directory, "identity.json");
  if (toJson(readJson(marker) ?? null) !== toJson(identity)) {
    rmSync(directory, { recursive: true, force: true });
    writeJson(marker, identity);
  }
  const names = new Set<string>();
  const pathOf = (id: string, extension: string) => join(directory, `${id.replace(/[^\w.-]/g, "_")}.${extension}`);
  const counted = readJson<string[]>(join(directory, "index.json")) ?? [];
  for (const name of counted) names.add(name);
  const book = (id: string) => {
    names.add(id);
    writeJson(join(directory, "index.json"), [...names]);
  };
  return {
    found: counted.length,
    get(id) {
      const path = pathOf(id, "npz");
      if (!existsSync(path)) return undefined;
      const { broken, points, predictions, distances, totals } = decodeNpz(readFileSync(path), path);
      const [forwardEvaluations, gradientEvaluations, seconds] = totals.data as Float64Array;
      return {
        broken: broken.data as Int32Array,
        points: points as Tensor<"float32">,
        predictions: predictions.data as Int32Array,
        distances: distances.data as Float64Array,
        forwardEvaluations,
        gradientEvaluations,
        seconds,
      };
    },
    put(id, { broken, points, predictions, distances, forwardEvaluations, gradientEvaluations, seconds }) {
      const list = <D extends "int32" | "float64">(data: ArrayLike<number>, dtype: D) => tensor(data, [data.length], dtype);
      const arrays = {
        broken: list(broken, "int32"),
        points,
        predictions: list(predictions, "int32"),
        distances: list(distances, "float64"),
        totals: list([forwardEvaluations, gradientEvaluations, seconds], "float64"),
      };
      writeAtomic(pathOf(id, "npz"), encodeNpz(arrays));
      book(id);
    },
    async remember(name, compute) {
      const path = pathOf(name, "json");
      const kept = readJson<Awaited<ReturnType<typeof compute>>>(path);
      if (kept !== undefined) return kept;
      const value = await compute();
      writeJson(path, value);
      book(name);
      return value;
    },
    clear: () => rmSync(directory, { recursive: true, force: true }),
  };
}

/** SHA-256 over names, shapes and numbers of weights and data. */
export function fingerprint(tensors: Weights): string {
  const hash = createHash("sha256");
  for (const name of Object.keys(tensors).sort()) {
    const { dtype, shape, data } = tensors[name];
    hash.update(`${name} ${dtype} ${shape}\n`).update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  return hash.digest("hex");
}
