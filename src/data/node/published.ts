/** Published data sets (the catalogue) from the folders of this machine. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { size, type Tensor } from "../../tensor/index.ts";
import type { Split } from "../arrays.ts";
import { catalogue, type Published } from "../catalogue.ts";
import { decodeCifar10 } from "../cifar.ts";
import { type Dataset, dataset } from "../dataset.ts";
import { DataError } from "../errors.ts";
import { unzipped } from "../gzip.ts";
import { decodeIdx } from "../idx.ts";
import { dataFolders, readBytes, readData, sha256 } from "./files.ts";

/** The folder that holds a split of a published data set, or undefined when it is nowhere on this machine. */
export function locate(published: Published, split: Split, dataDir?: string): string | undefined {
  const folders = dataFolders(dataDir).flatMap((root) => published.folders.map((folder) => join(root, folder)));
  return folders.find((folder) => filesOf(published, split, folder).length > 0);
}

/** A split of a published data set. @throws DataError when its files are missing or wrong. */
export async function loadPublished(published: Published, split: Split, dataDir?: string): Promise<Dataset> {
  const folder = locate(published, split, dataDir);
  if (folder === undefined) throw missing(published, split, dataDir);
  const files = filesOf(published, split, folder);
  return published.format === "idx" ? loadIdx(published, split, files) : loadCifar10(published, split, files);
}

/** The complaint that a data set is not on this machine. */
export function missing({ name }: { name: string }, split: Split, dataDir?: string): DataError {
  return new DataError(
    name,
    `no files of its ${split} split in ${dataFolders(dataDir).join(" or ")}`,
    `Set SADDLE_DATA or --data-dir to a folder that holds ${name}/, or download it with \`saddle data get ${name}\``,
  );
}

/** The files of a split that are in the folder, packed or not: all that a split needs, or none. */
function filesOf(published: Published, split: Split, folder: string): string[] {
  const present = (names: readonly string[]) => names.map((name) => join(folder, name)).find((path) => existsSync(path));
  if (published.format === "cifar10") {
    const batches = split === "test" ? ["test_batch"] : [1, 2, 3, 4, 5].map((batch) => `data_batch_${batch}`);
    return batches
      .map((batch) => present([".bin", ".bin.gz", ".part.bin", ".part.bin.gz"].map((end) => batch + end)))
      .filter((path) => path !== undefined);
  }
  const prefix = split === "test" ? "t10k" : "train";
  const kinds = ["images-idx3-ubyte", "labels-idx1-ubyte"].map((kind) => present([`${prefix}-${kind}.gz`, `${prefix}-${kind}`]));
  return kinds.every((path) => path !== undefined) ? (kinds as string[]) : [];
}

async function loadIdx(published: Published, split: Split, [imagesPath, labelsPath]: string[]): Promise<Dataset> {
  const [images, labels] = await Promise.all([readBytes(imagesPath), readBytes(labelsPath)]);
  rejectOthers(published, labelsPath, labels);
  const pixels = decodeIdx(await unzipped(images, imagesPath), 3, imagesPath);
  const [count, height, width] = pixels.shape;
  return dataset({
    name: published.name,
    note: partial(published, split, count),
    inputs: { ...pixels, shape: [count, 1, height, width] },
    labels: decodeIdx(await unzipped(labels, labelsPath), 1, labelsPath).data,
    classes: published.classes,
  });
}

/** MNIST and Fashion-MNIST name their files alike: a folder may hold the other one. */
function rejectOthers(wanted: Published, path: string, bytes: Uint8Array): void {
  const digest = sha256(bytes);
  const other = catalogue.find((entry) => entry !== wanted && entry.files.some((file) => file.sha256 === digest));
  if (other)
    throw new DataError(
      path,
      `this file belongs to ${other.name}, not to ${wanted.name}`,
      `Put the files of ${wanted.name} into a folder ${wanted.name}/`,
    );
}

async function loadCifar10(published: Published, split: Split, paths: readonly string[]): Promise<Dataset> {
  const batches = await Promise.all(paths.map(async (path) => decodeCifar10(await readData(path), path)));
  const images = concatenate(batches.map((batch) => batch.images));
  return dataset({
    name: published.name,
    note: partial(published, split, images.shape[0]),
    inputs: images,
    labels: batches.flatMap((batch) => [...batch.labels]),
    classes: published.classes,
  });
}

function partial({ sizes }: Published, split: Split, found: number): string | undefined {
  return found < sizes[split] ? `partial: ${found} of ${sizes[split]} ${split === "train" ? "training" : "test"} images` : undefined;
}

function concatenate(parts: readonly Tensor<"uint8">[]): Tensor<"uint8"> {
  const shape = [parts.reduce((count, part) => count + part.shape[0], 0), ...parts[0].shape.slice(1)];
  const data = new Uint8Array(size(shape));
  let at = 0;
  for (const part of parts) {
    data.set(part.data, at);
    at += part.data.length;
  }
  return { dtype: "uint8", shape, data };
}
