/** Study 4: convergence to the best robust loss in a ball. */
import type { Key } from "../../../tensor/index.ts";
import { evaluator } from "../evaluator.ts";
import { twoLayerNetwork } from "../networks.ts";
import { type Labelled, spherePoints } from "../points.ts";
import { fgsm, type Problem, pgd, robustLoss } from "../problem.ts";
import { caps } from "../sets.ts";
import { weightDistance } from "../theory.ts";
import { trainAdversarially } from "../training.ts";
import { runningMinimum } from "./regret.ts";

/** Radius of the caps in studies 4 to 6. */
export const δ = 0.25;

/** Eight points of S⁵, pairwise and antipodal separation above 2.2 δ: compatible perturbation sets, and a universal kernel. */
export function standardData(key: Key): Labelled {
  return spherePoints(key, { n: 8, d: 6, separation: 2.2 * δ });
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
  const { network, weights } = twoLayerNetwork(key.fold("network"), { m, d: 6 });
  const problem: Problem = {
    evaluator: evaluator(network),
    initial: weights,
    data: standardData(key.fold("data")),
    sets: caps(δ),
  };
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
