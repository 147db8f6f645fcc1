/** What can be attacked: the model of a run, a model file, or an endpoint. What has no gradients is a black box, and that is said. */
import { blackBox, modelOracle, type Oracle } from "../attacks/index.ts";
import type { Dataset } from "../data/index.ts";
import {
  gradientObstacle,
  type ImportOptions,
  importModel,
  importPredictor,
  openEndpoint,
  type Predictor,
  type Weights,
} from "../models/index.ts";
import { type OnnxModel, UnsupportedOperatorError } from "../onnx/index.ts";
import { readOnnxFile } from "../onnx/node/index.ts";
import { CompileError, type CompileOptions } from "../runtime/index.ts";
import { RunError } from "./errors.ts";
import { fitted } from "./models.ts";
import { isRun, readModel } from "./open-model.ts";

export interface OpenOracle {
  readonly oracle: Oracle;
  readonly name: string;
  /** Epoch (from 1) of the weights, for the best ones of a run. */
  readonly epoch?: number;
  readonly notes: readonly string[];
  /** The numbers that it is made of, as far as they are known. */
  readonly contents: Weights;
}

export interface OpenOracleOptions extends ImportOptions, CompileOptions {
  weights?: "best" | "last";
  batchSize?: number;
  /** Most seconds to wait for an endpoint. */
  timeout?: number;
}

export function isEndpoint(target: string): boolean {
  return /^https?:\/\//.test(target);
}

/**
 * Opens a target to be asked about examples of `data`. A file with operators that have no gradient is run as it is.
 * @throws RunError when there is no such target, or nothing can run it; OnnxError for a file that is no classifier; EndpointError.
 */
export async function openOracle(
  target: string,
  data: Pick<Dataset, "shape" | "bounds" | "classes">,
  { batchSize, timeout, device, threads, weights, ...options }: OpenOracleOptions = {},
): Promise<OpenOracle> {
  const runtime = { device, threads };
  if (isEndpoint(target)) {
    const { mean, deviation, inputShape = data.shape } = options;
    const [low, high] = data.bounds;
    const endpoint = { inputShape, classes: data.classes.length, domain: { low, high }, mean, deviation, timeout };
    return predicting(await openEndpoint(target, endpoint), {}, batchSize);
  }
  if (isRun(target)) {
    const { model, epoch } = readModel(target, weights);
    return { oracle: modelOracle(model, { batchSize, ...runtime }), name: model.network.name, epoch, notes: [], contents: model.weights };
  }
  const file = readOnnxFile(target);
  const asked = fitted(options, file, data);
  const found = differentiable(file, asked);
  if (typeof found !== "string") {
    const { network, weights: contents, notes } = found;
    return { oracle: modelOracle(found, { batchSize, ...runtime }), name: network.name, notes, contents };
  }
  const predictor = await importPredictor(file, { ...asked, ...runtime }).catch((error: Error) => {
    if (error instanceof CompileError)
      throw new RunError(`${found}, and as it is the file does not run: ${error.message}`, "export it with standard operators");
    throw error;
  });
  const said = [`${found}: the file is run as it is and attacked as a black box`, ...predictor.notes];
  return predicting({ ...predictor, notes: said }, Object.fromEntries(file.initializers), batchSize);
}

function predicting(predictor: Predictor, contents: Weights, batchSize?: number): OpenOracle {
  const { name, notes, predict, release } = predictor;
  return { oracle: { ...blackBox(predict, { ...predictor, batchSize }), release }, name, notes, contents };
}

/** The model in a file, or why it has no gradients. */
function differentiable(file: OnnxModel, options: ImportOptions) {
  try {
    const model = importModel(file, options);
    return gradientObstacle(model) ?? model;
  } catch (error) {
    if (!(error instanceof UnsupportedOperatorError)) throw error;
    return error.reason ?? `the operator ${error.operator} is not among those with a gradient`;
  }
}
