/** The child's side of `job.ts`: loads the job module, runs it, and reports to the parent. Started by `startJob` only. */
import { type FromChild, type JobFailure, type JobFunction, Stopped, type ToChild } from "./job.ts";

const stop = new AbortController();
const GRACE_MS = 30_000;

// The terminal sends Ctrl-C to the whole process group; only the parent decides what it means.
process.on("SIGINT", () => {});
process.on("SIGTERM", () => stop.abort(new Stopped("stopped")));
process.on("disconnect", () => {
  stop.abort(new Stopped("the parent process ended"));
  setTimeout(() => process.exit(1), GRACE_MS).unref();
});
process.on("message", (message: ToChild) => {
  if (message.kind === "start") void run(message.module, message.input);
  else stop.abort(new Stopped("stopped"));
});

async function run(module: string, input: unknown): Promise<void> {
  try {
    const job = (await import(module)) as { default: JobFunction<unknown, unknown, unknown> };
    const result = await job.default(input, { emit: (event) => report({ kind: "event", event }), signal: stop.signal });
    report({ kind: "result", result }, () => process.exit(0));
  } catch (error) {
    report({ kind: "error", error: describe(error) }, () => process.exit(1));
  }
}

function report(message: FromChild, then?: () => void): void {
  if (process.connected && process.send) process.send(message, undefined, undefined, then);
  else then?.();
}

function describe(error: unknown): JobFailure {
  if (!(error instanceof Error)) return { name: "Error", message: String(error) };
  const hint = "hint" in error && typeof error.hint === "string" ? error.hint : undefined;
  return { name: error.name, message: error.message, stack: error.stack, hint };
}
