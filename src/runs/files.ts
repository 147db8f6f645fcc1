/**
 * Files of a run directory. A file is written whole or not at all, so that a run killed at any moment leaves nothing half-written:
 * `writeAtomic` writes beside the file and renames; a JSON-lines file is only ever appended to, and a last line cut short is dropped.
 *
 * JSON has no NaN or infinities. They are written as the strings "NaN", "Infinity" and "-Infinity" and read back as numbers.
 */
import {
  appendFileSync,
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  truncateSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";

/** Writes `data` to `path` so that a reader sees the old content or the new, never a mixture. Makes the folder if need be. */
export function writeAtomic(path: string, data: string | Uint8Array): void {
  mkdirSync(dirname(path), { recursive: true });
  const beside = `${path}.${process.pid}.tmp`;
  const file = openSync(beside, "w");
  try {
    const bytes = typeof data === "string" ? Buffer.from(data) : data;
    for (let written = 0; written < bytes.length; ) written += writeSync(file, bytes, written);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(beside, path);
}

/** Writes a value as indented JSON, atomically. @throws TypeError if the value would not survive (typed arrays, maps, functions). */
export function writeJson(path: string, value: unknown): void {
  writeAtomic(path, `${toJson(value, 2)}\n`);
}

/** The value in a JSON file, or undefined if there is no such file. @throws Error naming the file if it is not JSON. */
export function readJson<T>(path: string): T | undefined {
  return existsSync(path) ? fromJson<T>(readFileSync(path, "utf8"), path) : undefined;
}

/** Opens a JSON-lines file for appending; a last line that a kill cut short is cut off first. */
export function jsonLines<T>(path: string): { append(value: T): void } {
  mkdirSync(dirname(path), { recursive: true });
  if (existsSync(path)) truncateSync(path, readFileSync(path).lastIndexOf(0x0a) + 1);
  return { append: (value) => appendFileSync(path, `${toJson(value)}\n`) };
}

/** The values of a JSON-lines file in order, without an unfinished last line; none if there is no such file. @throws Error naming file and line if a whole line is not JSON. */
export function readJsonLines<T>(path: string): T[] {
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, "utf8").split("\n").slice(0, -1);
  return lines.map((line, i) => fromJson<T>(line, `${path}:${i + 1}`));
}

/** JSON text of a value. @throws TypeError if JSON would lose something of it. */
export function toJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, keep, indent);
}

/** The value of a JSON text; `source` names it in errors. */
export function fromJson<T>(text: string, source: string): T {
  try {
    return JSON.parse(text, revive) as T;
  } catch (error) {
    throw new Error(`${source} is not valid JSON: ${error instanceof Error ? error.message : error}`);
  }
}

function keep(name: string, value: unknown): unknown {
  if (typeof value === "number" && !Number.isFinite(value)) return String(value);
  if (typeof value === "function" || typeof value === "symbol" || ArrayBuffer.isView(value) || value instanceof Map || value instanceof Set)
    throw new TypeError(`"${name}" is a ${value?.constructor.name ?? typeof value}, which JSON cannot hold; use plain arrays and objects`);
  return value;
}

function revive(_name: string, value: unknown): unknown {
  return value === "NaN" || value === "Infinity" || value === "-Infinity" ? Number(value) : value;
}
