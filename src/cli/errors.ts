/** Errors as the user of a terminal sees them: one readable line, a hint what to do, an exit code; the stack only with SADDLE_DEBUG. */
import { Stopped } from "../runs/job.ts";

/** The command was given something that it cannot use (exit code 2). */
export class UsageError extends Error {
  override readonly name = "UsageError";
  readonly hint?: string;
  constructor(message: string, hint?: string) {
    super(message);
    this.hint = hint;
  }
}

/** 2 for a wrong call, 130 for a stop by Ctrl-C, otherwise 1. */
export function exitCode(error: unknown): number {
  return error instanceof UsageError ? 2 : error instanceof Stopped ? 130 : 1;
}

/** The lines to print for an error. */
export function errorLines(error: unknown, debug = Boolean(process.env.SADDLE_DEBUG)): string[] {
  if (!(error instanceof Error)) return [String(error)];
  if (debug) return [error.stack ?? error.message];
  const hint = "hint" in error && typeof error.hint === "string" ? error.hint : MISTAKES.has(error.name) ? UNEXPECTED : undefined;
  return [systemMessage(error) ?? error.message, ...(hint ? [hint] : [])];
}

const MISTAKES = new Set(["TypeError", "ReferenceError", "SyntaxError", "AssertionError"]);
const UNEXPECTED = "this looks like a mistake in Saddlepoint; with SADDLE_DEBUG=1 it shows where";

/** What the operating system refused, in words. */
function systemMessage(error: Error & { code?: unknown; path?: unknown }): string | undefined {
  const words = typeof error.code === "string" ? SYSTEM[error.code] : undefined;
  return words && `${words}${typeof error.path === "string" ? `: ${error.path.replace(/\.\d+\.tmp$/, "")}` : ""}`;
}

const SYSTEM: Record<string, string> = {
  ENOENT: "no such file or folder",
  EACCES: "no permission",
  EPERM: "not permitted",
  EISDIR: "a folder where a file is expected",
  ENOTDIR: "a file where a folder is expected",
  EROFS: "the file system is read-only",
  ENOSPC: "the disk is full",
};
