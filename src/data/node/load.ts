/** One door to all data: `digits`, a published data set by name, or the user's own by path. */
import { join } from "node:path";
import type { Tensor } from "../../tensor/index.ts";
import { arrayNames, fromArrays, type Split } from "../arrays.ts";
import { catalogue } from "../catalogue.ts";
import { type Dataset, take } from "../dataset.ts";
import { digits } from "../digits.ts";
import { DataError } from "../errors.ts";
import { decodeNpy, decodeNpz } from "../npy.ts";
import { list, readBytes } from "./files.ts";
import { loadCifar10Jpeg, loadImageFolder } from "./images.ts";
import { loadPublished } from "./published.ts";

export interface LoadOptions {
  split?: Split;
  /** The folder that holds mnist/, cifar10/ …; default: $SADDLE_DATA, then the cache. */
  dataDir?: string;
  /** At most this many examples, the first ones. */
  limit?: number;
  /** Smallest and largest value of an input, for npz: and npy: data whose floats do not lie in [0, 1]. */
  bounds?: readonly number[];
}

/** What `loadData` understands, for messages and help. */
export const sources = ["digits", ...catalogue.map(({ name }) => name), "cifar10-jpeg", "npz:FILE", "npy:FOLDER", "folder:FOLDER"];

/**
 * A split of the data set that `source` names: `digits` (drawn by the package), `mnist`, `fashion-mnist`, `cifar10`, `cifar10-jpeg`; `npz:FILE` or `npy:FOLDER` with the arrays
 * x_train, y_train, x_test, y_test; `folder:FOLDER` with train/CLASS/*.png.
 * @throws DataError for an unknown source, missing files or wrong contents.
 */
export async function loadData(
  source: string,
  { split = "train", dataDir, limit = Number.POSITIVE_INFINITY, bounds }: LoadOptions = {},
): Promise<Dataset> {
  if (!(limit >= 1)) throw new DataError(source, `cannot load ${limit} examples`, "Ask for at least one");
  const [, kind, path] = /^(npy|npz|folder):(.+)$/.exec(source) ?? [];
  if (bounds && kind !== "npz" && kind !== "npy")
    throw new DataError(source, "the bounds of its inputs are known, 0 and 1", "Give bounds for npz: and npy: data only");
  if (kind === "folder") return loadImageFolder(path, split, limit);
  if (kind === "npz") return take(fromArrays(decodeNpz(await readBytes(path), path), { split, name: path, bounds }), limit);
  if (kind === "npy") return take(fromArrays(await readNpyFolder(path, split), { split, name: path, bounds }), limit);
  if (source === "digits") return take(digits({ split }), limit);
  if (source === "cifar10-jpeg") return loadCifar10Jpeg(split, dataDir, limit);
  const published = catalogue.find(({ name }) => name === source);
  if (published) return take(await loadPublished(published, split, dataDir), limit);
  throw new DataError(source, "there is no data set of this name", `Choose one of ${sources.join(", ")}`);
}

/** The arrays of a folder of .npy files that may concern this split. */
async function readNpyFolder(folder: string, split: Split): Promise<Record<string, Tensor>> {
  const names = (await list(folder)).filter((name) => name.endsWith(".npy")).map((name) => name.slice(0, -4));
  const wanted = new Set(["bounds", ...arrayNames(split).flat()]);
  const arrays = names
    .filter((name) => wanted.has(name))
    .map(async (name) => {
      const path = join(folder, `${name}.npy`);
      return [name, decodeNpy(await readBytes(path), path)] as const;
    });
  return Object.fromEntries(await Promise.all(arrays));
}
