/** One writer per run directory: a lock file that names the process which holds it. */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";

interface Holder {
  pid: number;
  host: string;
  since: string;
}

/** The locks of this process: a lock with our own number that is not among them was left by an earlier process of the same number. */
const held = new Set<string>();

/** Another process writes to the directory. */
export class LockedError extends Error {
  override readonly name = "LockedError";
  readonly hint: string;
  constructor(directory: string, path: string, holder: Holder) {
    super(`${directory} is being written by process ${holder.pid} on ${holder.host} (since ${holder.since})`);
    this.hint = `wait for it, choose another directory, or remove ${path} if that process is not ours`;
  }
}

/**
 * Takes the lock of an existing `directory` and returns the function that gives it back. The lock of a process of this machine that is no
 * longer alive is taken over. @throws LockedError if the directory is taken.
 */
export function lock(directory: string): () => void {
  const path = join(directory, "lock");
  const mine: Holder = { pid: process.pid, host: hostname(), since: new Date().toISOString() };
  const take = () => writeFileSync(path, JSON.stringify(mine), { flag: "wx" });
  try {
    take();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    const holder = readHolder(path);
    if (holder && (held.has(path) || isAlive(holder))) throw new LockedError(directory, path, holder);
    rmSync(path, { force: true });
    take();
  }
  held.add(path);
  const release = () => {
    process.off("exit", release);
    held.delete(path);
    if (readHolder(path)?.pid === process.pid) rmSync(path, { force: true });
  };
  process.on("exit", release);
  return release;
}

/** Undefined where the file is gone or was cut short. */
function readHolder(path: string): Holder | undefined {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as Holder;
  } catch {
    return undefined;
  }
}

/** Whether another process holds the lock. Signal 0 asks for its existence (EPERM: it exists, and is someone else's); of other machines nothing is known. */
function isAlive({ pid, host }: Holder): boolean {
  if (host !== hostname()) return true;
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
