/** What an engine must offer. There are two: ONNX Runtime in Node and in the browser. */
import type { Tensor } from "../tensor/index.ts";

export type Device = "cpu" | "cuda" | "webgpu" | "wasm";

export interface SessionOptions {
  readonly device: Device;
  /** Threads that compute one operator. Default: as many as there are cores. */
  readonly threads?: number;
  /** The thread that runs the session: 0 (default) is this one, where it blocks all else; 1, 2, … compute beside it, on one thread each. */
  readonly lane?: number;
  /** Whether the model is one of ours, to which an output may be added that has results written in place. */
  readonly own?: boolean;
  /** File name prefix of a profile by operator, written when the session is released (Node only). */
  readonly profile?: string;
}

/** Runs one after the other, in which outputs of a run are inputs of the next. */
export interface Iteration {
  /** For each of the runs, the data of those inputs that are not the same in all. */
  readonly each: readonly Readonly<Record<string, Tensor>>[];
  /** Names of inputs, and of the outputs that they are in the next run. */
  readonly carry: Readonly<Record<string, string>>;
}

export interface Session {
  /** Computes the outputs named in `wanted`: into the given tensor, or fresh where there is none. */
  run(feeds: Readonly<Record<string, Tensor>>, wanted: Readonly<Record<string, Tensor | undefined>>): Promise<Record<string, Tensor>>;
  /** The outputs of the last run. */
  iterate(
    feeds: Readonly<Record<string, Tensor>>,
    wanted: Readonly<Record<string, Tensor>>,
    iteration: Iteration,
  ): Promise<Readonly<Record<string, Tensor>>>;
  release(): Promise<void>;
}

export interface Backend {
  /** The devices that this engine was built for, the default first. */
  readonly candidates: readonly Device[];
  /** How many sessions can compute at once, one of them on this thread. */
  readonly lanes: number;
  /** Whether a device is really there. */
  has(device: Device): Promise<boolean>;
  /** Version of the engine, as evidence. */
  readonly version: string;
  session(model: Uint8Array, options: SessionOptions): Promise<Session>;
}

const inNode = typeof process !== "undefined" && process.versions?.node !== undefined;
let loaded: Promise<Backend> | undefined;

/** The backend of this environment. */
export function backend(): Promise<Backend> {
  loaded ??= inNode ? import("./node/backend.ts").then((m) => m.nodeBackend()) : import("./web/backend.ts").then((m) => m.webBackend());
  return loaded;
}
