/** What must be known of the machine and the program to judge, or to repeat, a run. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { availableParallelism, cpus, totalmem } from "node:os";
import { fileURLToPath } from "node:url";

export interface Machine {
  processor: string;
  cores: number;
  memoryGiB: number;
  /** Operating system and architecture, e.g. "linux x64". */
  platform: string;
  node: string;
  saddlepoint: string;
}

/** The machine that we are on, and the version of this program (with the commit where it runs from a checkout). */
export function machine(): Machine {
  return {
    processor: cpus()[0]?.model.trim() ?? "unknown",
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    platform: `${process.platform} ${process.arch}`,
    node: process.version,
    saddlepoint: [version(), commit()].filter(Boolean).join(" "),
  };
}

const root = fileURLToPath(new URL("../..", import.meta.url));

/** The version in package.json. */
export function version(): string {
  return (JSON.parse(readFileSync(`${root}/package.json`, "utf8")) as { version: string }).version;
}

function commit(): string | undefined {
  if (!existsSync(`${root}/.git`)) return undefined;
  try {
    return `(${execFileSync("git", ["describe", "--always", "--dirty"], { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim()})`;
  } catch {
    return undefined;
  }
}
