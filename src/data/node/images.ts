/** Image files: PNG and JPEG to bytes, folders with one subfolder per class, and CIFAR-10 packed as JPEG files. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { convertIndexedToRgb, decode, hasPngSignature } from "fast-png";
import { type Shape, sameShape, type Tensor } from "../../tensor/index.ts";
import { channelsFirst, type Split } from "../arrays.ts";
import { catalogue } from "../catalogue.ts";
import { type Dataset, dataset } from "../dataset.ts";
import { DataError } from "../errors.ts";
import { untar } from "../tar.ts";
import { dataFolders, list, readBytes, readData } from "./files.ts";
import { missing } from "./published.ts";

/**
 * Images in `folder`/train/CLASS/ and `folder`/test/CLASS/, or in `folder`/CLASS/ when there is one split only. Classes are numbered in the
 * order of their names; all images must have one size; grey images among coloured ones get three equal channels.
 * @throws DataError, naming the file.
 */
export async function loadImageFolder(folder: string, split: Split, limit = Number.POSITIVE_INFINITY): Promise<Dataset> {
  const names = await list(folder);
  const splits = names.includes("train/") || names.includes("test/");
  if (splits && !names.includes(`${split}/`)) throw new DataError(folder, `has no subfolder ${split}/`, `Add ${split}/CLASS/*.png`);
  const root = splits ? join(folder, split) : folder;
  const classes = (await list(root)).filter((name) => name.endsWith("/")).map((name) => name.slice(0, -1));
  if (classes.length < 2)
    throw new DataError(root, `holds ${classes.length} subfolders`, "Make one subfolder per class, at least two, with its images inside");
  const files = await Promise.all(
    classes.map(async (name) => (await list(join(root, name))).filter((file) => /\.(png|jpe?g)$/i.test(file))),
  );
  const empty = files.findIndex((names) => names.length === 0);
  if (empty >= 0) throw new DataError(join(root, classes[empty]), "holds no PNG or JPEG images", "Add images, or remove the folder");
  const all = interleave(files.map((names, label) => names.map((name) => ({ path: join(root, classes[label], name), label })))).slice(
    0,
    limit,
  );
  const images = await inChunks(all, async ({ path }) => decodeImage(await readBytes(path), path));
  return dataset({
    name: folder,
    note: splits ? undefined : "one split only: train and test are the same examples",
    inputs: stack(images, (i) => all[i].path),
    labels: all.map(({ label }) => label),
    classes,
  });
}

/** All of CIFAR-10, from JPEG files of quality 75 in cifar10-jpeg-q75.tar.gz: train/NNNNN_L.jpg and test/NNNNN_L.jpg with L the label. */
export async function loadCifar10Jpeg(split: Split, dataDir?: string, limit = Number.POSITIVE_INFINITY): Promise<Dataset> {
  const places = dataFolders(dataDir).flatMap((root) => ["cifar10", "."].map((folder) => join(root, folder, "cifar10-jpeg-q75.tar.gz")));
  const path = places.find((place) => existsSync(place));
  if (path === undefined) {
    const { message } = missing({ name: "cifar10" }, split, dataDir);
    throw new DataError(
      "cifar10-jpeg",
      "no file cifar10-jpeg-q75.tar.gz in the data folder",
      `Use the data set cifar10 instead; ${message}`,
    );
  }
  const pattern = new RegExp(`^(?:\\./)?${split}/\\d+_(\\d)\\.jpg$`);
  const files = [...untar(await readData(path), path)].filter(({ name }) => pattern.test(name));
  const chosen = files.sort((a, b) => (a.name < b.name ? -1 : 1)).slice(0, limit);
  const images = await inChunks(chosen, ({ name, data }) => decodeImage(data, `${path}:${name}`));
  return dataset({
    name: "cifar10-jpeg",
    note: "CIFAR-10 (JPEG q75)",
    inputs: stack(images, (i) => `${path}:${chosen[i].name}`),
    labels: chosen.map(({ name }) => Number(pattern.exec(name)?.[1])),
    classes: catalogue.find(({ name }) => name === "cifar10")?.classes,
  });
}

/** One PNG or JPEG image as bytes [1, channels, height, width] with 1 or 3 channels. @throws DataError for a broken image, transparency or 16 bits. */
export async function decodeImage(bytes: Uint8Array, where: string): Promise<Tensor<"uint8">> {
  const { width, height, channels, data } = hasPngSignature(bytes) ? decodePng(bytes, where) : await decodeJpeg(bytes, where);
  return channelsFirst({ dtype: "uint8", shape: [1, height, width, channels], data: Uint8Array.from(data) });
}

interface Pixels {
  width: number;
  height: number;
  channels: number;
  data: ArrayLike<number>;
}

function decodePng(bytes: Uint8Array, where: string): Pixels {
  let png: ReturnType<typeof decode>;
  let data: Pixels["data"];
  try {
    png = decode(bytes, { checkCrc: true });
    data = png.palette ? convertIndexedToRgb(png) : png.data;
  } catch (cause) {
    throw new DataError(where, `the PNG is damaged (${(cause as Error).message})`, "Save the image again, or remove it", { cause });
  }
  const { width, height, depth } = png;
  if (!png.palette && depth !== 8) throw new DataError(where, `the PNG has ${depth} bits per channel`, "Save it with 8 bits");
  const channels = data.length / (width * height);
  if (channels === 2 || channels === 4 || png.transparency) throw new DataError(where, "the PNG has transparency", "Save it without");
  return { width, height, channels, data };
}

async function decodeJpeg(bytes: Uint8Array, where: string): Promise<Pixels> {
  const { default: sharp } = await import("sharp");
  try {
    const { data, info } = await sharp(bytes, { failOn: "warning" }).raw().toBuffer({ resolveWithObject: true });
    if (info.channels !== 1 && info.channels !== 3) throw new Error(`${info.channels} channels`);
    return { width: info.width, height: info.height, channels: info.channels, data };
  } catch (cause) {
    throw new DataError(where, `not a readable PNG or JPEG image (${(cause as Error).message})`, "Save the image again, or remove it", {
      cause,
    });
  }
}

/** Images of one size as one tensor; grey ones are widened when others have colours. */
function stack(images: readonly Tensor<"uint8">[], where: (i: number) => string): Tensor<"uint8"> {
  if (images.length === 0) throw new DataError("images", "there are none", "Ask for at least one");
  const [, , height, width] = images[0].shape;
  const area = height * width;
  const channels = Math.max(...images.map((image) => image.shape[1]));
  const data = new Uint8Array(images.length * channels * area);
  images.forEach((image, i) => {
    const found: Shape = image.shape.slice(2);
    if (!sameShape(found, [height, width])) {
      throw new DataError(
        where(i),
        `the image is ${found[1]}×${found[0]}, the first one ${width}×${height}`,
        "Scale all images to one size",
      );
    }
    for (let channel = 0; channel < channels; channel++) {
      const from = image.shape[1] === 1 ? 0 : channel * area;
      data.set(image.data.subarray(from, from + area), (i * channels + channel) * area);
    }
  });
  return { dtype: "uint8", shape: [images.length, channels, height, width], data };
}

/** The first of each list, then the second of each, … so that a beginning holds all classes. */
function interleave<T>(lists: readonly (readonly T[])[]): T[] {
  const longest = Math.max(...lists.map((items) => items.length));
  return Array.from({ length: longest }, (_, i) => lists.filter((items) => i < items.length).map((items) => items[i])).flat();
}

/** Maps with at most 64 promises under way. */
async function inChunks<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let start = 0; start < items.length; start += 64) results.push(...(await Promise.all(items.slice(start, start + 64).map(work))));
  return results;
}
