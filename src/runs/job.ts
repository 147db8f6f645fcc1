/**
 * Long work in a child process, since the engine blocks the event loop while it computes. A job is a module with a default export
 *
 *     export default async function train(input: Input, { emit, signal }: JobContext<Event>): Promise<Result> { … }
 *
 * that streams events to its parent, looks at `signal` between steps, saves when it is asked to stop, and returns its result. Input, events and
 * result are structured-cloned (typed arrays and NaN survive). The child's stdout goes to the parent's stderr: stdout belongs to the parent.
 */
import { type ChildProcess, fork } from "node:child_process";
import { createRequire } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";
import { moduleBeside } from "../runtime/node/worker.ts";

export { moduleBeside };

/** What a job gets besides its input. */
export interface JobContext<Event> {
  emit(event: Event): void;
  /** Aborted when the job should stop; its reason is a `Stopped`, so `signal.throwIfAborted()` is a way to end. */
  signal: AbortSignal;
}

/** The default export of a job module. */
export type JobFunction<Input, Event, Result> = (input: Input, context: JobContext<Event>) => Promise<Result>;

export interface JobOptions<Event> {
  onEvent?: (event: Event) => void;
  /** Added to the environment of the child. */
  env?: Record<string, string>;
}

export interface Job<Result> {
  /** Rejects with what the job threw, `Stopped` if it ended because it was asked to, `JobDied` if its process ended without a word. */
  result: Promise<Result>;
  /** Asks the job to save and end. */
  stop(): void;
  /** Ends its process at once. */
  kill(): void;
}

/** The job ended because it was asked to. */
export class Stopped extends Error {
  override readonly name = "Stopped";
}

/** The job's process ended without a result. */
export class JobDied extends Error {
  override readonly name = "JobDied";
}

export type ToChild = { kind: "start"; module: string; input: unknown } | { kind: "stop" };
export type FromChild = { kind: "event"; event: unknown } | { kind: "result"; result: unknown } | { kind: "error"; error: JobFailure };
export interface JobFailure {
  name: string;
  message: string;
  stack?: string;
  hint?: string;
}

/** Numbers lie outside of V8's heap; what is left within it, while graphs are compiled, would make its young generation grow by some 30 MiB for good. */
export const jobFlags: readonly string[] = ["--max-semi-space-size=2"];

/** Starts the job in `module` in a child process of its own. */
export function startJob<Input, Event, Result>(module: URL, input: Input, { onEvent, env }: JobOptions<Event> = {}): Job<Result> {
  const child = fork(fileURLToPath(moduleBeside(import.meta.url, "./job-child")), {
    execArgv: [
      ...jobFlags,
      ...(import.meta.url.endsWith(".ts") ? ["--import", pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href] : []),
    ],
    serialization: "advanced",
    stdio: ["ignore", process.stderr.fd, "inherit", "ipc"],
    env: { ...process.env, ...env },
  });
  send(child, { kind: "start", module: module.href, input });
  let stopping = false;
  const result = new Promise<Result>((resolve, reject) => {
    child.on("message", (message: FromChild) => {
      if (message.kind === "event") onEvent?.(message.event as Event);
      else if (message.kind === "result") resolve(message.result as Result);
      else reject(revived(message.error));
    });
    child.on("error", reject);
    child.on("exit", (code, signal) => {
      if (stopping) reject(new Stopped("stopped"));
      else
        reject(new JobDied(`the process of the job ended with ${signal ? `signal ${signal}` : `exit code ${code}`} and without a result`));
    });
  });
  return {
    result,
    stop: () => {
      stopping = true;
      send(child, { kind: "stop" });
    },
    kill: () => void child.kill("SIGKILL"),
  };
}

/**
 * Runs a job to its end under the terminal's control: the first Ctrl-C (or SIGTERM) asks it to stop, saying so through `onStopping`;
 * the second ends it at once.
 */
export async function runJob<Input, Event, Result>(
  module: URL,
  input: Input,
  { onStopping, ...options }: JobOptions<Event> & { onStopping?: () => void } = {},
): Promise<Result> {
  const job = startJob<Input, Event, Result>(module, input, options);
  let asked = false;
  const interrupt = () => {
    if (asked) return job.kill();
    asked = true;
    onStopping?.();
    job.stop();
  };
  process.on("SIGINT", interrupt).on("SIGTERM", interrupt);
  try {
    return await job.result;
  } finally {
    process.off("SIGINT", interrupt).off("SIGTERM", interrupt);
  }
}

function send(child: ChildProcess, message: ToChild): void {
  if (child.connected) child.send(message);
}

function revived({ name, message, stack, hint }: JobFailure): Error {
  if (name === "Stopped") return new Stopped(message);
  return Object.assign(new Error(message), { name, stack, hint });
}
