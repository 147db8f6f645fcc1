/** Downloads published data sets from their public homes, checked by SHA-256 before anything is kept. */
import { existsSync } from "node:fs";
import { mkdir, rename, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import type { Published, PublishedFile } from "../catalogue.ts";
import { DataError } from "../errors.ts";
import { unzipped } from "../gzip.ts";
import { untar } from "../tar.ts";
import { cacheFolder, readBytes, sha256 } from "./files.ts";

export interface DownloadOptions {
  /** The data folder; a subfolder with the data set's name is made in it. */
  folder?: string;
  /** Told about bytes as they arrive; `total` is missing when the server does not say. */
  progress?: (file: string, received: number, total?: number) => void;
}

/**
 * Brings all files of a published data set into `folder`/NAME (by default the cache) and returns that folder. Files that are there with the right
 * checksum stay; an archive is unpacked. @throws DataError when the network fails or a checksum is wrong; nothing wrong is kept.
 */
export async function download(published: Published, { folder = cacheFolder(), progress }: DownloadOptions = {}): Promise<string> {
  const target = join(folder, published.name);
  await mkdir(target, { recursive: true });
  for (const file of published.files) {
    const path = join(target, file.name);
    if (!existsSync(path) || sha256(await readBytes(path)) !== file.sha256) await save(path, await fetched(file, progress));
    if (file.name.endsWith(".tar.gz")) await unpack(path, target);
  }
  return target;
}

async function fetched(file: PublishedFile, progress: DownloadOptions["progress"]): Promise<Uint8Array> {
  const bytes = await receive(file, progress).catch((cause) => {
    const { message, cause: deeper } = cause as Error;
    const reason = deeper instanceof Error ? deeper.message : message;
    throw new DataError(file.url, `the download failed (${reason})`, "Check the network, or put the file into the data folder by hand", {
      cause,
    });
  });
  const digest = sha256(bytes);
  if (digest !== file.sha256) {
    throw new DataError(
      file.url,
      `the SHA-256 of the ${bytes.length} bytes received is ${digest}, expected ${file.sha256}`,
      "The file was changed on the way or at its home: nothing was kept; get it from another mirror",
    );
  }
  return bytes;
}

async function receive({ url, name }: PublishedFile, progress: DownloadOptions["progress"]): Promise<Uint8Array> {
  const response = await fetch(url);
  if (!response.ok || !response.body) throw new Error(`HTTP ${response.status} ${response.statusText}`);
  const total = Number(response.headers.get("content-length")) || undefined;
  const chunks: Uint8Array[] = [];
  let received = 0;
  for await (const chunk of response.body) {
    chunks.push(chunk);
    received += chunk.length;
    progress?.(name, received, total);
  }
  return Buffer.concat(chunks);
}

async function unpack(path: string, target: string): Promise<void> {
  for (const { name, data } of untar(await unzipped(await readBytes(path), path), path)) await save(join(target, basename(name)), data);
}

/** Writes beside the target and renames, so that a stopped download leaves no half file under the real name. */
async function save(path: string, bytes: Uint8Array): Promise<void> {
  await writeFile(`${path}.part`, bytes);
  await rename(`${path}.part`, path);
}
