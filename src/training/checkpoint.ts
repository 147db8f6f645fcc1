/** Checkpoints: everything that a run needs to go on as if it had never stopped, as a record and as one npz file. */
import { decodeNpz, encodeNpz } from "../data/index.ts";
import type { Weights } from "../models/index.ts";
import type { Tensor } from "../tensor/index.ts";
import type { EpochRecord } from "./monitor.ts";
import type { TrainingState } from "./update.ts";

/** Sums over the steps of the epoch in progress. */
export interface EpochSums {
  steps: number;
  loss: number;
  accuracy: number;
  gradientEvaluations: number;
}

/** The weights that did best on the robust validation split. */
export interface BestWeights {
  epoch: number;
  clean: number;
  robust: number;
  weights: Weights;
}

export interface Checkpoint {
  /** Steps done since the start of training. */
  readonly step: number;
  readonly state: TrainingState;
  readonly sums: EpochSums;
  readonly best?: BestWeights;
  /** Validation after each epoch so far, where there is any. */
  readonly history: readonly EpochRecord[];
  /** What the defense remembers. */
  readonly defense: Readonly<Record<string, Tensor>>;
}

/** A file that is not a checkpoint of this run. */
export class CheckpointError extends Error {
  override name = "CheckpointError";
}

/** The checkpoint as an uncompressed npz archive; numbers are kept bit for bit. */
export function encodeCheckpoint({ step, state, sums, best, history, defense }: Checkpoint): Uint8Array {
  const meta = { step, sums, history, best: best && { epoch: best.epoch, clean: best.clean, robust: best.robust } };
  const text = new TextEncoder().encode(JSON.stringify(meta));
  const groups = { weights: state.weights, slots: state.slots, average: state.average, defense, best: best?.weights ?? {} };
  const arrays: Record<string, Tensor> = { meta: { dtype: "uint8", shape: [text.length], data: text } };
  for (const [group, tensors] of Object.entries(groups)) {
    for (const [name, tensor] of Object.entries(tensors)) arrays[`${group}:${name.replaceAll("/", "|")}`] = tensor;
  }
  return encodeNpz(arrays, { compress: false });
}

/** @throws CheckpointError when the archive is not one, DataError when it is damaged. */
export function decodeCheckpoint(bytes: Uint8Array, where = "checkpoint"): Checkpoint {
  const arrays = decodeNpz(bytes, where);
  if (!arrays.meta) throw new CheckpointError(`${where} is not a training checkpoint: it has no "meta"`);
  const {
    step,
    sums,
    best,
    history = [],
  } = JSON.parse(new TextDecoder().decode(arrays.meta.data as Uint8Array)) as Omit<Checkpoint, "state">;
  const group = (prefix: string): Record<string, Tensor> =>
    Object.fromEntries(
      Object.entries(arrays).flatMap(([name, tensor]) =>
        name.startsWith(`${prefix}:`)
          ? [[name.slice(prefix.length + 1).replaceAll("|", "/"), { ...tensor, data: tensor.data.slice() as Float32Array }]]
          : [],
      ),
    );
  const state = { weights: group("weights"), slots: group("slots"), average: group("average") };
  return { step, sums, state, history, defense: group("defense"), best: best && { ...best, weights: group("best") } };
}
