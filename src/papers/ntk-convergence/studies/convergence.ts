/** Studies 4, 5 and 6: convergence to the best robust loss in a ball, robust loss near zero, and how far training moves from initialization. */
import type { Key } from "../../../tensor/index.ts";
import { evaluator } from "../evaluator.ts";
import { deepNetwork, type InitializedNetwork, twoLayerNetwork } from "../networks.ts";
import { type Labelled, spherePoints } from "../points.ts";
import { fgsm, type Problem, pgd, robustLoss } from "../problem.ts";
import { caps } from "../sets.ts";
import { layerRadius, weightDistance, weightNorm } from "../theory.ts";
import { trainAdversarially } from "../training.ts";
import { runningMinimum } from "./regret.ts";

const δ = 0.25;

/** Eight points of S⁵, pairwise and antipodal separation above 2.2 δ: compatible perturbation sets, and a universal kernel. */
function standardData(key: Key): Labelled {
  return spherePoints(key.fold("data"), { n: 8, d: 6, separation: 2.2 * δ });
}

function problemOf({ network, weights }: InitializedNetwork, data: Labelled): Problem {
  return { evaluator: evaluator(network), initial: weights, data, sets: caps(δ) };
}

/** Training with one attack, judged by the same attack, against the best robust loss known in the ball. */
export interface ConvergenceRow {
  R: number;
  attack: string;
  /** min_{s ≤ t} L_A(W_s). */
  losses: number[];
  /** ‖W_T − W_0‖. */
  distance: number;
  /** L_*(W_ref), W_ref the best iterate of PGD-20 training five times as long. */
  reference: number;
}

export async function studyConvergence(key: Key, { m, T, R }: { m: number; T: number; R: number }): Promise<ConvergenceRow[]> {
  const problem = problemOf(twoLayerNetwork(key.fold("network"), { m, d: 6 }), standardData(key));
  const long = await trainAdversarially(problem, pgd(20), { α: 1, T: 5 * T, radius: R, key: key.fold("reference", R) });
  const reference = (await robustLoss(problem, long.best.weights, key.fold("judge"))).loss;
  const rows: ConvergenceRow[] = [];
  for (const attack of [fgsm, pgd(5), pgd(20)]) {
    const run = await trainAdversarially(problem, attack, { α: 1, T, radius: R, key: key.fold("train", R, attack.name) });
    rows.push({
      R,
      attack: attack.name,
      losses: runningMinimum(run.losses),
      distance: weightDistance(run.weights, problem.initial),
      reference,
    });
  }
  await problem.evaluator.release();
  return rows;
}

/** PGD-5 training of one network. */
export interface WidthRow {
  architecture: string;
  m: number;
  /** L_A(W_t) at t = 0 and after T steps. */
  initialLoss: number;
  finalLoss: number;
  /** ‖W_T − W_0‖ and ‖W_T − W_0‖/‖W_0‖ of the trained layers. */
  displacement: number;
  relative: number;
  /** Steps until min L_A was below 0.8 of the target for the robust loss, in multiples of T up to 10 T. */
  steps: number;
  /** L_*(W) there, by 20 steps from 10 starts, and the robust accuracy. */
  robustLoss: number;
  robustAccuracy: number;
}

/** The robust loss that studies of the width train for. */
export const targetLoss = 0.05;

/** The symmetric two-layer network of width m, α = 1. */
export function studyWidth(key: Key, { m, T, R }: { m: number; T: number; R: number }): Promise<WidthRow> {
  return trainedRow("two layers, quadratic ReLU", twoLayerNetwork(key.fold("network", m), { m, d: 6 }), key, {
    α: 1,
    T,
    radius: R,
    longest: 10,
  });
}

/** The paper's deep network of depth 2 (softplus, rescaled; α = 1/m, balls of radius R/√m), whose displacement should fall as m^{-1/2}. */
export function studyDeepWidth(key: Key, { m, T, R }: { m: number; T: number; R: number }): Promise<WidthRow> {
  const start = deepNetwork(key.fold("deep", m), { m, d: 6, H: 2, activation: "softplus", rescaled: true });
  return trainedRow("depth 2, softplus", start, key, { α: 1 / m, T, radius: layerRadius(R, m), longest: 1 });
}

async function trainedRow(
  architecture: string,
  { network, weights }: InitializedNetwork,
  key: Key,
  { longest, ...options }: { α: number; T: number; radius: number; longest: number },
): Promise<WidthRow> {
  const problem = problemOf({ network, weights }, standardData(key));
  const { A: _fixed, a, ...trained } = weights;
  const first = await trainAdversarially(problem, pgd(5), { ...options, key: key.fold("train", 1) });
  const displacement = weightDistance(first.weights, weights);
  let [run, multiples] = [first, 1];
  while (run.best.loss > 0.8 * targetLoss && multiples < longest) {
    run = await trainAdversarially(problem, pgd(5), { ...options, key: key.fold("train", ++multiples), start: run.weights });
  }
  const judged = await robustLoss(problem, run.best.weights, key.fold("judge"));
  await problem.evaluator.release();
  return {
    architecture,
    m: a.shape[0],
    initialLoss: first.losses[0],
    finalLoss: first.losses[options.T - 1],
    displacement,
    relative: displacement / weightNorm(trained),
    steps: multiples * options.T,
    robustLoss: judged.loss,
    robustAccuracy: judged.accuracy,
  };
}
