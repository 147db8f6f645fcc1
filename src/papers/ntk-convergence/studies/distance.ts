/**
 * How far adversarial training moves from initialization, against the width: for any networks by width, data and attack. In the weights, relative to
 * ‖W_0‖, and in the features: the change of the empirical tangent kernel.
 */
import { Matrix } from "ml-matrix";
import { empiricalKernel } from "../../../analysis/ntk-empirical.ts";
import { weightNames } from "../../../models/index.ts";
import { type Key, type Tensor, tensor } from "../../../tensor/index.ts";
import { evaluator } from "../evaluator.ts";
import type { InitializedNetwork } from "../networks.ts";
import type { Labelled } from "../points.ts";
import { type Attack, robustLoss } from "../problem.ts";
import type { PerturbationSets } from "../sets.ts";
import { type Weights, weightDistance, weightNorm } from "../theory.ts";
import { trainAdversarially } from "../training.ts";

/** One trained network. */
export interface DistanceRow {
  m: number;
  /** L_A(W_0), and the least L_A(W_t). */
  initialLoss: number;
  leastLoss: number;
  /** ‖W_T − W_0‖ and ‖W_T − W_0‖/‖W_0‖ of the trained layers. */
  displacement: number;
  relative: number;
  /** ‖K̂_T − K̂_0‖_F/‖K̂_0‖_F on the data points: 0 if training learns no features. */
  kernelChange: number;
  /** Of the iterate with the least loss: L_*(W), by 20 steps from 10 starts, and the robust accuracy. */
  robustLoss: number;
  robustAccuracy: number;
}

/** Data and attack, and the training that a network of width m gets: T steps of size α, every layer in a ball of `radius`. */
export interface DistanceOptions {
  data: Labelled;
  sets: PerturbationSets;
  attack: Attack;
  training: TrainingOptions | ((m: number) => TrainingOptions);
  key: Key;
}

export interface TrainingOptions {
  α: number;
  T: number;
  radius: number;
}

/** Trains the network of every width and says how far it went. */
export async function distanceByWidth(
  widths: readonly number[],
  network: (m: number) => InitializedNetwork,
  { training, key, ...problem }: DistanceOptions,
): Promise<DistanceRow[]> {
  const rows: DistanceRow[] = [];
  for (const m of widths) {
    rows.push(await distanceOf(m, network(m), problem, typeof training === "function" ? training(m) : training, key.fold(m)));
  }
  return rows;
}

async function distanceOf(
  m: number,
  { network, weights: initial }: InitializedNetwork,
  { attack, ...given }: Pick<DistanceOptions, "data" | "sets" | "attack">,
  training: TrainingOptions,
  key: Key,
): Promise<DistanceRow> {
  const problem = { ...given, evaluator: evaluator(network), initial };
  const run = await trainAdversarially(problem, attack, { ...training, key: key.fold("train") });
  const judged = await robustLoss(problem, run.best.weights, key.fold("judge"));
  await problem.evaluator.release();
  const displacement = weightDistance(run.weights, initial);
  const trained = Object.fromEntries(weightNames(network, "trained").map((name) => [name, initial[name]]));
  return {
    m,
    initialLoss: run.losses[0],
    leastLoss: run.best.loss,
    displacement,
    relative: displacement / weightNorm(trained),
    kernelChange: await kernelChange(network, [initial, run.weights], given.data.points),
    robustLoss: judged.loss,
    robustAccuracy: judged.accuracy,
  };
}

async function kernelChange(network: InitializedNetwork["network"], [before, after]: [Weights, Weights], points: Tensor<"float64">) {
  const n = points.shape[0];
  const x = tensor(points.data, [n, ...network.inputShape], "float64");
  const compiled = await empiricalKernel(network, "float64", { block: n, runtime: { threads: 1 } });
  const [K0, KT] = [await compiled.at(before, x), await compiled.at(after, x)];
  await compiled.release();
  return Matrix.sub(KT, K0).norm() / K0.norm();
}
