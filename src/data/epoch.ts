/**
 * The order in which training sees the examples: a pure function of (key, epoch), so that a run resumes bit-exactly at any step.
 */
import { type Key, permutation, type Tensor } from "../tensor/index.ts";
import type { Augmentation } from "./augment.ts";
import { type Batch, batch, count, type Dataset } from "./dataset.ts";

export interface EpochOptions {
  key: Key;
  /** Which pass over the data, from 0: each has its own order and its own augmentations. */
  epoch: number;
  batchSize: number;
  /** The first step to hand out; a resumed run gives the step it stopped at. */
  from?: number;
  /** Leave out a last batch that is smaller than the others. */
  dropLast?: boolean;
  augment?: Augmentation;
  /** Where the inputs of every batch are written, each over those of the one before; without it every batch has memory of its own. */
  memory?: Tensor<"float32">;
}

/** Number of batches in one pass over `examples` examples. */
export function stepsPerEpoch(examples: number, batchSize: number, dropLast = false): number {
  if (!Number.isInteger(batchSize) || batchSize < 1) throw new RangeError(`a batch holds at least one example, not ${batchSize}`);
  return dropLast ? Math.floor(examples / batchSize) : Math.ceil(examples / batchSize);
}

/** One pass over the data in random order, every example once: steps `from`, `from` + 1, … Each batch depends only on (key, epoch, step). */
export function* epoch(data: Dataset, options: EpochOptions): Generator<Batch & { readonly step: number }> {
  const { key, batchSize, from = 0, dropLast = false, augment, memory } = options;
  const steps = stepsPerEpoch(count(data), batchSize, dropLast);
  const order = permutation(key.fold("order", options.epoch), count(data));
  const augmentKey = key.fold("augment", options.epoch);
  for (let step = from; step < steps; step++) {
    const chosen = order.subarray(step * batchSize, (step + 1) * batchSize);
    const drawn = batch(data, chosen, chosen.length === memory?.shape[0] ? memory : undefined);
    yield { ...drawn, x: augment ? augment(drawn.x, drawn.indices, augmentKey) : drawn.x, step };
  }
}

/** All examples in the data set's own order, in batches: for evaluation. */
export function* inOrder(data: Dataset, batchSize: number): Generator<Batch & { readonly step: number }> {
  const steps = stepsPerEpoch(count(data), batchSize);
  for (let step = 0; step < steps; step++) {
    const [start, end] = [step * batchSize, Math.min((step + 1) * batchSize, count(data))];
    yield {
      ...batch(
        data,
        Int32Array.from({ length: end - start }, (_, i) => start + i),
      ),
      step,
    };
  }
}
