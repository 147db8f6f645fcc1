/**
 * A defense says how the loss of a batch is made: what is done to the inputs before (an attack, usually), and the loss as a symbolic function.
 * Everything else (order, optimizer, schedule, averages, evaluation, checkpoints) belongs to the loop.
 */
import type { Value } from "../graph/index.ts";
import type { Network, NetworkMode, Weights } from "../models/index.ts";
import type { CompileOptions } from "../runtime/index.ts";
import type { Key, Tensor } from "../tensor/index.ts";

/** What a defense may know when it prepares for a run. */
export interface Workbench {
  readonly network: Network;
  readonly batchSize: number;
  readonly epochs: number;
  readonly runtime: CompileOptions;
}

/**
 * The network's logits. In training mode (the default) the running statistics take part in the order of the calls, as they would one after the
 * other, unless `statistics` is false. Other `weights` than the batch's may be given.
 */
export type Forward = (
  x: Value,
  options?: { mode?: NetworkMode; weights?: Readonly<Record<string, Value>>; statistics?: boolean },
) => Value;

/** Placeholders of the update graph. */
export interface LossInputs {
  /** Clean inputs [B, …]. */
  readonly x: Value;
  /** int32 [B] */
  readonly labels: Value;
  /** What `craft` hands over, by name. */
  readonly crafted: Readonly<Record<string, Value>>;
  /** The weights that are differentiated. */
  readonly weights: Readonly<Record<string, Value>>;
}

export interface BatchLoss {
  /** Scalar to be minimized. */
  readonly loss: Value;
  /** Logits that the training accuracy is counted on. */
  readonly logits: Value;
  /** Further numbers of the step that the defense wants to `observe`. */
  readonly outputs?: Readonly<Record<string, Value>>;
}

export interface TrainingBatch {
  readonly x: Tensor<"float32">;
  readonly y: Tensor<"int32">;
  readonly indices: Int32Array;
  /** Position in training, in epochs from 0. */
  readonly epoch: number;
  /** Which of the defense's weight steps on this batch, from 0. */
  readonly replay: number;
  readonly key: Key;
}

export interface Crafted {
  /** Data for the placeholders that `crafted` declares. */
  readonly feeds: Readonly<Record<string, Tensor>>;
  /** Gradient evaluations per example, on average, beside that of the weight step. */
  readonly gradientEvaluations: number;
}

/** A defense made ready for a network and a batch size. */
export interface PreparedDefense {
  /** Shapes and dtypes of what `craft` hands to the loss, by name. */
  readonly crafted: Readonly<Record<string, { shape: readonly number[]; dtype: "float32" | "int32" }>>;
  /** Weight steps per batch (default 1). */
  readonly replays?: number;
  /** What the defense remembers from batch to batch. The tensors are overwritten in place, and belong to the checkpoint. */
  readonly state?: Readonly<Record<string, Tensor<"float32">>>;
  /** Works on the inputs with the weights as they are now. */
  craft(batch: TrainingBatch, weights: Weights): Promise<Crafted>;
  loss(inputs: LossInputs, forward: Forward): BatchLoss;
  /** Told what each weight step gave: the training accuracy, and the `outputs` that the loss declared. */
  observe?(result: { accuracy: number; outputs: Readonly<Record<string, Tensor>> }): void;
  release(): Promise<void>;
}

export interface Defense {
  readonly name: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  prepare(workbench: Workbench): Promise<PreparedDefense>;
}
