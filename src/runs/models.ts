/** Where a run's network comes from: a built-in architecture by name, or an ONNX file. */
import { copyFileSync, existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Dataset } from "../data/index.ts";
import {
  architecture,
  exportImported,
  exportModel,
  gradientObstacle,
  type ImportOptions,
  importModel,
  type Model,
  type Network,
  type Weights,
} from "../models/index.ts";
import type { OnnxModel } from "../onnx/index.ts";
import { readOnnxFile } from "../onnx/node/index.ts";
import { key, size } from "../tensor/index.ts";
import { RunError } from "./errors.ts";
import type { TrainingSettings } from "./training-settings.ts";

/** Where a training run's network comes from, and how it goes out again. */
export interface ModelSource {
  readonly network: Network;
  /** Weights at the start of training. */
  initial(): Model;
  /** ONNX bytes with the given weights. */
  export(weights: Weights): Uint8Array | Promise<Uint8Array>;
  /** What was found and changed when a file was imported. */
  readonly notes: readonly string[];
}

const INITIAL = "initial.onnx";

export function isOnnxFile(name: string): boolean {
  return name.endsWith(".onnx");
}

/** The network that settings name. A file is read from the run's directory, where `keepInitial` put it. */
export function modelSource(settings: TrainingSettings, directory: string): ModelSource {
  const { model, width, depth, activation, mean, deviation, inputShape, output, classes, seed } = settings;
  const [low, high] = settings.bounds ?? [0, 1];
  if (isOnnxFile(model)) {
    const imported = importModel(readOnnxFile(join(directory, INITIAL)), {
      mean,
      deviation,
      inputShape,
      output,
      bounds: [low, high],
      name: model,
    });
    const obstacle = gradientObstacle(imported);
    if (obstacle)
      throw new RunError(`${obstacle}, so ${model} cannot be trained against an adversary`, "saddle evaluate attacks it as a black box");
    return {
      network: imported.network,
      initial: () => imported,
      export: (weights) => exportImported(imported, weights),
      notes: imported.notes,
    };
  }
  const normalization = mean || deviation ? { mean: mean ?? [0], deviation: deviation ?? [1] } : undefined;
  const network = architecture(model, { width, depth, activation, normalization, inputShape, classes, domain: { low, high } });
  return {
    network,
    initial: () => network.initialize(key(seed).fold("initialization")),
    export: (weights) => exportModel({ network, weights }),
    notes: [],
  };
}

/** The shape of an example that the settings should say: that of the data, or of what a file leaves open. */
export function exampleShape({ model, inputShape }: Pick<TrainingSettings, "model" | "inputShape">, directory: string, data: Dataset) {
  return isOnnxFile(model) ? fitted({ inputShape }, readOnnxFile(join(directory, INITIAL)), data).inputShape : data.shape;
}

/** Options that say of a file what the examples tell: their bounds, and that vectors as large as they are flattened examples. */
export function fitted(options: ImportOptions, file: OnnxModel, { shape, bounds }: Pick<Dataset, "shape" | "bounds">): ImportOptions {
  const own = file.inputs[0]?.shape;
  const flattened = own?.length === 2 && shape.length > 1 && own[1] === size(shape);
  return { bounds, ...options, inputShape: options.inputShape ?? (flattened ? shape : undefined) };
}

/** Keeps the file that training starts from in the run's directory, so that the run needs nothing else. */
export function keepInitial(model: string, directory: string): void {
  if (!isOnnxFile(model)) return;
  if (!existsSync(model)) throw new RunError(`there is no file ${model}`, "give the path of an ONNX classifier");
  mkdirSync(directory, { recursive: true });
  copyFileSync(model, join(directory, INITIAL));
}
