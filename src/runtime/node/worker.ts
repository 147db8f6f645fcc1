/**
 * Worker threads from modules of ours, which are TypeScript in development and JavaScript once compiled. A thread that were ended while the engine computes
 * in it would take the whole process down, so a process that ends waits for that.
 */
import { extname } from "node:path";
import { Worker, workerData } from "node:worker_threads";

/** The URL of the module beside `from` (an `import.meta.url`) named `specifier` without extension. */
export function moduleBeside(from: string, specifier: string): URL {
  return new URL(specifier + extname(new URL(from).pathname), from);
}

interface WorkerInput<T> {
  readonly data: T;
  /** How many computations are going on in the thread, and whether it may begin others. */
  readonly state: Int32Array;
}

const [computing, over] = [0, 1];
const states = new Set<Int32Array>();

/** Starts a module in a thread. That is not given its parent's loader of TypeScript: in development it registers one first. */
export function startWorker<T>(module: URL, data: T): Worker {
  const state = new Int32Array(new SharedArrayBuffer(8));
  if (states.size === 0) process.once("exit", waitForAll);
  states.add(state);
  const options = { workerData: { data, state } satisfies WorkerInput<T> };
  const worker = module.pathname.endsWith(".ts")
    ? new Worker(`import("${import.meta.resolve("tsx/esm/api")}").then(({ register }) => (register(), import("${module}")))`, {
        ...options,
        eval: true,
      })
    : new Worker(module, options);
  return worker.on("exit", () => states.delete(state));
}

/** In a worker: what it was started with. */
export const startedWith = <T>(): T => (workerData as WorkerInput<T>).data;

/** Computes what must not be cut off. In a worker of ours it does not even begin once the process ends. */
export async function uninterrupted<T>(compute: () => Promise<T>): Promise<T> {
  const state = (workerData as Partial<WorkerInput<unknown>> | null)?.state;
  if (!state) return compute();
  const leave = () => {
    Atomics.sub(state, computing, 1);
    Atomics.notify(state, computing);
  };
  Atomics.add(state, computing, 1);
  if (Atomics.load(state, over) !== 0) {
    leave();
    return new Promise<T>(() => {});
  }
  return compute().finally(leave);
}

function waitForAll(): void {
  for (const state of states) Atomics.store(state, over, 1);
  for (const state of states) {
    for (let going = Atomics.load(state, computing); going > 0; going = Atomics.load(state, computing)) {
      if (Atomics.wait(state, computing, going, patience) === "timed-out") break;
    }
  }
}

/** Milliseconds after which a thread is thought to hang. */
const patience = 30_000;
