/** Where data lie on this machine, and reading them from there. */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { DataError } from "../errors.ts";
import { unzipped } from "../gzip.ts";

/** The folder that downloads go to: saddlepoint/data in the user's cache folder ($XDG_CACHE_HOME or ~/.cache). */
export function cacheFolder(): string {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "saddlepoint", "data");
}

/** The folders in which published data sets are looked for: the given one alone, else $SADDLE_DATA and the cache. @throws DataError when a named folder is not there. */
export function dataFolders(dataDir?: string): string[] {
  const named = dataDir ?? (process.env.SADDLE_DATA || undefined);
  if (named !== undefined && !existsSync(named)) {
    const source = dataDir === undefined ? "SADDLE_DATA" : "the data folder";
    throw new DataError(
      named,
      `${source} names a folder that does not exist`,
      "Create it, or name the folder that holds mnist/, fashion-mnist/ or cifar10/",
    );
  }
  if (dataDir !== undefined) return [dataDir];
  return named === undefined ? [cacheFolder()] : [named, cacheFolder()];
}

/** The bytes of a file, unzipped when gzipped. @throws DataError when it cannot be read. */
export async function readData(path: string): Promise<Uint8Array> {
  return unzipped(await readBytes(path), path);
}

/** The bytes of a file as they are. @throws DataError when it cannot be read. */
export async function readBytes(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw new DataError(path, `cannot be read (${(cause as NodeJS.ErrnoException).code})`, "Give the path of an existing, readable file", {
      cause,
    });
  }
}

/** Names in a folder, sorted; with `/` behind those of folders. @throws DataError when there is no such folder. */
export async function list(folder: string): Promise<string[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries.map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name)).sort();
  } catch (cause) {
    throw new DataError(
      folder,
      `is not a readable folder (${(cause as NodeJS.ErrnoException).code})`,
      "Give the path of an existing folder",
      { cause },
    );
  }
}

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
