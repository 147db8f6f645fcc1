/** Models that are there: in the directory of a training run, or in an ONNX file. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Dataset } from "../data/index.ts";
import { type ImportOptions, importModel, type Model } from "../models/index.ts";
import { readOnnxFile } from "../onnx/node/index.ts";
import { type Checkpoint, decodeCheckpoint } from "../training/index.ts";
import { RunError } from "./errors.ts";
import { readJson } from "./files.ts";
import { fitted, modelSource } from "./models.ts";
import type { TrainingSettings } from "./training-settings.ts";

/** A model to be looked at or attacked, with the settings of its run where it has one. */
export interface OpenModel {
  readonly model: Model;
  readonly settings?: TrainingSettings;
  /** Epoch (from 1) of the weights, for the best ones of a run. */
  readonly epoch?: number;
  readonly notes: readonly string[];
}

export interface OpenModelOptions extends ImportOptions {
  weights?: "best" | "last";
  /** Examples of what the model will be given, which tell what a file leaves open. */
  data?: Pick<Dataset, "shape" | "bounds">;
}

/** The model in a file or a run directory. @throws RunError when there is neither; OnnxError for a file that is no classifier. */
export function openModel(target: string, { weights = "best", data, ...options }: OpenModelOptions = {}): OpenModel {
  if (isRun(target)) return { ...readModel(target, weights), notes: [] };
  const file = readOnnxFile(target);
  const { network, weights: own, notes } = importModel(file, data ? fitted(options, file, data) : options);
  return { model: { network, weights: own }, notes };
}

/** Whether a target is a folder rather than a file. @throws RunError when there is nothing under that name. */
export function isRun(target: string): boolean {
  if (!existsSync(target))
    throw new RunError(
      `there is no file or folder ${target}`,
      "give an ONNX file, or the directory of a training run (saddle train --out DIR makes one)",
    );
  return statSync(target).isDirectory();
}

/** Settings of the run in a directory. @throws RunError where there is none. */
export function readSettings(directory: string): TrainingSettings {
  const settings = readJson<TrainingSettings>(join(directory, "config.json"));
  if (!settings) throw new RunError(`there is no training run in ${directory}`, "saddle train --out DIR makes one");
  return settings;
}

/** The network of a run with its best or its last weights. @throws RunError when the run has saved none yet. */
export function readModel(
  directory: string,
  which: "best" | "last" = "best",
): { model: Model; settings: TrainingSettings; epoch?: number } {
  const settings = readSettings(directory);
  const checkpoint = readCheckpoint(directory);
  if (!checkpoint)
    throw new RunError(`the run in ${directory} has not saved a checkpoint yet`, `saddle train --resume ${directory} goes on with it`);
  const best = which === "best" ? checkpoint.best : undefined;
  const weights = best?.weights ?? { ...checkpoint.state.weights, ...checkpoint.state.average };
  return { model: { network: modelSource(settings, directory).network, weights }, settings, epoch: best && best.epoch + 1 };
}

/** The last checkpoint of the run in a directory, where it has saved one. */
export function readCheckpoint(directory: string): Checkpoint | undefined {
  const path = join(directory, "checkpoint.npz");
  return existsSync(path) ? decodeCheckpoint(readFileSync(path), path) : undefined;
}
