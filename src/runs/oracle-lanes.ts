/**
 * An oracle that answers on several processors at once: every lane is a worker thread that opens the target itself and computes on one thread, while
 * this thread makes the attacks' steps. Small models gain more from that than from several threads in each of their operations.
 */
import { Worker } from "node:worker_threads";
import type { Oracle, Query } from "../attacks/index.ts";
import type { Dataset } from "../data/index.ts";
import { size } from "../tensor/index.ts";
import { moduleBeside } from "./job.ts";
import type { OpenOracleOptions } from "./open-oracle.ts";

/** What a lane is started with. */
export interface LaneInput {
  readonly target: string;
  readonly data: Pick<Dataset, "shape" | "bounds" | "classes">;
  readonly options: OpenOracleOptions;
  readonly memory: LaneMemory;
}

/** Rows of a batch, shared by the two threads: questions are written here, and answers. */
export interface LaneMemory {
  readonly points: Float32Array;
  readonly labels: Int32Array;
  readonly targets: Int32Array;
  readonly logits: Float32Array;
  readonly losses: Float64Array;
  readonly gradients: Float32Array;
}

export type ToLane = { want: Query["want"]; count: number } | "release";
export type FromLane = { error?: { name: string; message: string } };

/** `oracle`, opened from `target`, with `count` lanes beside it. */
export function withLanes(oracle: Oracle, count: number, { target, data, options }: Omit<LaneInput, "memory">): Oracle {
  const { shape, bounds, classes } = data;
  const input = { target, data: { shape, bounds, classes }, options: { ...options, threads: 1 } };
  const lanes = Array.from({ length: count }, () => openLane(oracle, input));
  return {
    ...oracle,
    lanes,
    async release() {
      await Promise.all([oracle, ...lanes].map((each) => each.release()));
    },
  };
}

function openLane(oracle: Oracle, input: Omit<LaneInput, "memory">): Oracle {
  const { batchSize, classes } = oracle;
  const width = size(oracle.inputShape);
  const memory = laneMemory(batchSize, width, classes);
  const { points, labels, targets, logits, losses, gradients } = memory;
  const worker = startWorker(moduleBeside(import.meta.url, "./oracle-lane"), { ...input, memory });
  // A lane that waits keeps no process alive.
  worker.unref();
  const ask = (message: ToLane) =>
    new Promise<void>((resolve, reject) => {
      const settle = ({ error }: FromLane) => {
        worker.off("error", reject).unref();
        if (error) reject(Object.assign(new Error(error.message), { name: error.name }));
        else resolve();
      };
      worker.once("message", settle).once("error", reject).ref();
      worker.postMessage(message);
    });
  return {
    ...oracle,
    async answer(queries) {
      if (queries.length === 0) return [];
      queries.forEach(({ point, label, target = label }, i) => {
        points.set(point, i * width);
        labels[i] = label;
        targets[i] = target;
      });
      const { want } = queries[0];
      await ask({ want, count: queries.length });
      return queries.map((_, i) => ({
        logits: logits.subarray(i * classes, (i + 1) * classes),
        loss: losses[i],
        gradient: want === "logits" ? gradients.subarray(0, 0) : gradients.subarray(i * width, (i + 1) * width),
      }));
    },
    async release() {
      await ask("release");
    },
  };
}

/** A worker thread is not given its parent's loader of TypeScript: in development it registers that first. */
function startWorker(module: URL, workerData: LaneInput): Worker {
  if (!module.pathname.endsWith(".ts")) return new Worker(module, { workerData });
  const loader = import.meta.resolve("tsx/esm/api");
  return new Worker(`import("${loader}").then(({ register }) => (register(), import("${module}")))`, { eval: true, workerData });
}

function laneMemory(batch: number, width: number, classes: number): LaneMemory {
  const bytes = (each: number, length: number) => new SharedArrayBuffer(each * batch * length);
  return {
    points: new Float32Array(bytes(4, width)),
    labels: new Int32Array(bytes(4, 1)),
    targets: new Int32Array(bytes(4, 1)),
    logits: new Float32Array(bytes(4, classes)),
    losses: new Float64Array(bytes(8, 1)),
    gradients: new Float32Array(bytes(4, width)),
  };
}
