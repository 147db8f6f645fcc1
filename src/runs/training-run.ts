/**
 * A training run on disk:
 *
 *     config.json       every setting, so that the run can be resumed and evaluated
 *     metrics.jsonl     one line per epoch, and one per hundred steps
 *     checkpoint.npz    the state after the last saved step, with the best weights so far
 *     model.onnx        the best weights by robust accuracy on the validation split (the last ones where there is none)
 *
 * A run that was stopped or killed goes on from its checkpoint; lines of the metrics beyond it are dropped, so that the files
 * are those of a run that was never stopped.
 */
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { perturbationSets, pgd } from "../attacks/index.ts";
import { augmentation, batch, count, type Dataset, split, take } from "../data/index.ts";
import { loadData } from "../data/node/index.ts";
import type { Model } from "../models/index.ts";
import { key } from "../tensor/index.ts";
import { type BestWeights, encodeCheckpoint, schedule, type TrainingEvent, type TrainingOptions, train } from "../training/index.ts";
import { RunError } from "./errors.ts";
import { jsonLines, readJsonLines, writeAtomic, writeJson } from "./files.ts";
import { lock } from "./lock.ts";
import { exampleShape, keepInitial, modelSource } from "./models.ts";
import { readCheckpoint, readSettings } from "./open-model.ts";
import { chooseDefense, chooseOptimizer, resolveSettings, type TrainingRequest, type TrainingSettings } from "./training-settings.ts";

/** What is known at the end of a run, or when it was stopped. Accuracies are on the validation split. */
export interface TrainingSummary {
  directory: string;
  stopped: boolean;
  epochs: number;
  parameters: number;
  clean?: number;
  robust?: number;
  /** Epoch (from 1) of the best weights. */
  bestEpoch?: number;
  lastClean?: number;
  lastRobust?: number;
  /** Whether the last epoch was hardly more often right than guessing. */
  guessing?: boolean;
  seconds: number;
}

/** What happens during a run: the loop's events without their tensors. */
export type RunEvent = Exclude<TrainingEvent, { type: "checkpoint" | "end" }>;

const STEPS_PER_LINE = 100;

/** Trains in a directory: what `request` asks for, or without it on from the checkpoint there. */
export async function runTraining(
  directory: string,
  request: TrainingRequest | undefined,
  { emit, signal }: { emit(event: RunEvent): void; signal: AbortSignal },
): Promise<TrainingSummary> {
  const began = performance.now();
  if (request && existsSync(join(directory, "config.json"))) {
    throw new RunError(`${directory} already holds a training run`, `go on with it by --resume ${directory}, or choose another --out`);
  }
  const asked = request ?? readSettings(directory);
  if (request) keepInitial(request.model, directory);
  const { dataDir, bounds } = asked;
  const data = take(await loadData(asked.data, { split: "train", dataDir, bounds }), asked.examples ?? Number.POSITIVE_INFINITY);
  const settings = resolveSettings(asked, data, exampleShape(asked, directory, data));
  const source = modelSource(settings, directory);
  const { network } = source;
  // An ε that cannot be is refused before anything is written.
  perturbationSets([batch(data, [0]).x.data], { norm: settings.norm, epsilon: settings.eps }, network.domain);
  const { training, options } = prepare(settings, data);
  const chance = 1 / settings.classes;
  if (request) writeJson(join(directory, "config.json"), settings);
  const release = lock(directory);
  try {
    const checkpoint = request ? undefined : readCheckpoint(directory);
    const metrics = openMetrics(join(directory, "metrics.jsonl"), checkpoint?.step ?? 0);
    const start = checkpoint ? { network, weights: checkpoint.state.weights } : source.initial();
    const summary: TrainingSummary = { directory, stopped: false, epochs: settings.epochs, parameters: parameterCount(start), seconds: 0 };
    for await (const event of train(start, training, { ...options, resume: checkpoint, signal })) {
      if (event.type === "checkpoint") writeAtomic(join(directory, "checkpoint.npz"), encodeCheckpoint(event.checkpoint));
      else if (event.type === "end") {
        Object.assign(summary, { stopped: event.stopped }, bestOf(event.best));
        if (!event.stopped) writeAtomic(join(directory, "model.onnx"), await source.export(event.best?.weights ?? event.weights));
      } else {
        if (event.type === "epoch") {
          metrics.append(withoutTime(event));
          Object.assign(summary, {
            lastClean: event.clean,
            lastRobust: event.robust,
            guessing: event.accuracy < chance + 0.05 * (1 - chance),
          });
        } else if (event.type === "overfitting") metrics.append(event);
        else if (event.type === "step" && event.step % STEPS_PER_LINE === 0) metrics.append(withoutTime(event));
        emit(event);
      }
    }
    return { ...summary, seconds: (performance.now() - began) / 1000 };
  } finally {
    release();
  }
}

function prepare(settings: TrainingSettings, all: Dataset): { training: Dataset; options: TrainingOptions } {
  const root = key(settings.seed);
  const [training, held] =
    settings.validation > 0
      ? split(all, Math.min(settings.validation, Math.floor(count(all) / 2)), { key: root.fold("validation") })
      : [all, undefined];
  return {
    training,
    options: {
      defense: chooseDefense(settings),
      optimizer: chooseOptimizer(settings),
      schedule: schedule(settings.schedule, { rate: settings.rate, epochs: settings.epochs, milestones: settings.milestones }),
      epochs: settings.epochs,
      batchSize: settings.batch,
      key: root.fold("training"),
      augment:
        settings.augment === "none"
          ? undefined
          : augmentation(settings.augment === "crop-flip" ? { crop: 4, flip: true } : { rotate: 10, shift: 0.1 }),
      clipNorm: settings.clip,
      averageDecay: settings.ema,
      validation: held && { data: held, attack: pgd({ steps: 10 }), threat: { norm: settings.norm, epsilon: settings.eps } },
      monitor:
        settings.onOverfitting === undefined || settings.onOverfitting === "ignore" ? undefined : { onOverfitting: settings.onOverfitting },
      checkpointSeconds: settings.checkpointSeconds,
      runtime: { threads: settings.threads, device: settings.device },
    },
  };
}

/** The metrics file, cut back to what lies before step `step`. */
function openMetrics(path: string, step: number): { append(value: unknown): void } {
  const lines = readJsonLines<{ step: number }>(path).filter((line) => line.step <= step);
  rmSync(path, { force: true });
  const file = jsonLines<unknown>(path);
  for (const line of lines) file.append(line);
  return file;
}

/** Seconds differ from run to run; without them the metrics of a resumed run are those of an uninterrupted one. */
function withoutTime<T extends { seconds: number }>({ seconds: _, ...rest }: T): Omit<T, "seconds"> {
  return rest;
}

function bestOf(best: BestWeights | undefined): Partial<TrainingSummary> {
  return best ? { clean: best.clean, robust: best.robust, bestEpoch: best.epoch + 1 } : {};
}

function parameterCount({ network, weights }: Model): number {
  return Object.entries(network.weights).reduce(
    (total, [name, { role }]) => total + (role === "trained" ? weights[name].data.length : 0),
    0,
  );
}
