/**
 * Attacks in several threads at once: every lane is a worker thread that opens the target itself, computes on one thread and runs attacks on its share
 * of the examples. Small models gain more from that than from several threads in each of their operations.
 */
import type { Worker } from "node:worker_threads";
import { type Attack, type AttackData, type AttackResult, catalogue, type Lane, type Oracle, type ThreatModel } from "../attacks/index.ts";
import type { Dataset } from "../data/index.ts";
import { moduleBeside, startWorker } from "../runtime/node/worker.ts";
import { Stopped } from "./job.ts";
import type { OpenOracleOptions } from "./open-oracle.ts";

/** What a lane is started with. */
export interface LaneInput {
  readonly target: string;
  readonly data: Pick<Dataset, "shape" | "bounds" | "classes">;
  readonly options: OpenOracleOptions;
}

/** An attack as it is sent to a lane: by name. */
export interface LaneTask {
  readonly name: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly data: AttackData;
  readonly threat: ThreatModel;
  readonly key: readonly [number, number];
  readonly stopAtSuccess?: boolean;
}

export type ToLane = LaneTask | "stop" | "release";
export type FromLane = { done: number; total: number } | { result?: AttackResult } | { error: { name: string; message: string } };

/** `oracle`, opened from `target`, with `count` lanes beside it. They stop when `signal` says so. */
export function withLanes(
  oracle: Oracle,
  count: number,
  { target, data, options, signal }: LaneInput & { signal?: AbortSignal },
): Oracle & { lanes: readonly Lane[] } {
  const { shape, bounds, classes } = data;
  const input = { target, data: { shape, bounds, classes }, options: { ...options, threads: 1 } };
  const workers = Array.from({ length: count }, () => startWorker(moduleBeside(import.meta.url, "./oracle-lane"), input));
  signal?.addEventListener("abort", () => {
    for (const worker of workers) worker.postMessage("stop" satisfies ToLane);
  });
  return {
    ...oracle,
    lanes: workers.map(laneIn),
    async release() {
      await Promise.all(workers.map((worker) => ask(worker, "release")));
      await oracle.release();
    },
  };
}

/** The constructor in the catalogue of attacks with this name. */
export function catalogued(name: string) {
  return Object.values(catalogue).find((construct) => construct().name === name);
}

function laneIn(worker: Worker): Lane {
  return {
    runs: ({ name }: Attack) => catalogued(name) !== undefined,
    async run({ name, parameters }, data, threat, { key, stopAtSuccess, onProgress }) {
      const result = await ask(worker, { name, parameters, data, threat, key: key.words, stopAtSuccess }, onProgress);
      return result as AttackResult;
    },
  };
}

/** Sends a message and waits for its end. A lane that is not waited for keeps no process alive. */
function ask(worker: Worker, message: ToLane, onProgress?: (done: number, total: number) => void): Promise<AttackResult | undefined> {
  return new Promise((resolve, reject) => {
    const settle = (end: () => void) => {
      worker.off("message", hear).off("error", reject).unref();
      end();
    };
    const hear = (said: FromLane) => {
      if ("done" in said) onProgress?.(said.done, said.total);
      else if ("error" in said) settle(() => reject(revived(said.error)));
      else settle(() => resolve(said.result));
    };
    worker.on("message", hear).once("error", reject).ref();
    worker.postMessage(message);
  });
}

function revived({ name, message }: { name: string; message: string }): Error {
  return name === "Stopped" ? new Stopped(message) : Object.assign(new Error(message), { name });
}
