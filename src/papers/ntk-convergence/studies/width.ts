/** Studies 5 and 6: robust loss near zero, and how far training moves from initialization, for several draws of data and network. */
import type { Key } from "../../../tensor/index.ts";
import { evaluator } from "../evaluator.ts";
import { deepNetwork, twoLayerNetwork } from "../networks.ts";
import { pgd, robustLoss } from "../problem.ts";
import { caps } from "../sets.ts";
import { layerRadius } from "../theory.ts";
import { trainAdversarially } from "../training.ts";
import { standardData, δ } from "./convergence.ts";
import { type DistanceRow, distanceByWidth } from "./distance.ts";

/** PGD-5 training of T steps, of one draw of data and network. */
export interface WidthRow extends DistanceRow {
  architecture: string;
  draw: number;
}

/** Training that goes on until the robust loss is at its target. */
export interface LongRow {
  m: number;
  draw: number;
  /** Steps until min L_A was below 0.8 of the target, in multiples of T, or the most that were allowed. */
  steps: number;
  robustLoss: number;
  robustAccuracy: number;
}

/** The robust loss that counts as close to zero. */
export const targetLoss = 0.05;

interface Sizes {
  m: number;
  draw: number;
  T: number;
  R: number;
}

/** The symmetric two-layer network of width m, α = 1. */
export async function studyWidth(key: Key, { m, draw, T, R }: Sizes): Promise<WidthRow> {
  const [row] = await distanceByWidth([m], () => twoLayer(key, m, draw), {
    ...setting(key, draw),
    training: { α: 1, T, radius: R },
  });
  return { architecture: "two layers, quadratic ReLU", draw, ...row };
}

/** The paper's deep network of depth 2 (softplus, rescaled; α = 1/m, balls of radius R/√m), whose displacement should fall as m^{-1/2}. */
export async function studyDeepWidth(key: Key, { m, draw, T, R }: Sizes): Promise<WidthRow> {
  const network = () => deepNetwork(key.fold("deep", m, draw), { m, d: 6, H: 2, activation: "softplus", rescaled: true });
  const [row] = await distanceByWidth([m], network, {
    ...setting(key, draw),
    training: { α: 1 / m, T, radius: layerRadius(R, m) },
  });
  return { architecture: "depth 2, softplus", draw, ...row };
}

/** Goes on, T steps at a time, with what `studyWidth` trains from the same key. */
export async function studyLong(key: Key, { m, draw, T, R, longest }: Sizes & { longest: number }): Promise<LongRow> {
  const { network, weights } = twoLayer(key, m, draw);
  const { data, sets, attack } = setting(key, draw);
  const problem = { evaluator: evaluator(network), initial: weights, data, sets };
  let [start, steps] = [weights, 0];
  for (;;) {
    const run = await trainAdversarially(problem, attack, { α: 1, T, radius: R, key: key.fold("train", steps), start });
    steps += T;
    if (run.best.loss > 0.8 * targetLoss && steps < longest) {
      start = run.weights;
      continue;
    }
    const judged = await robustLoss(problem, run.best.weights, key.fold("judge"));
    await problem.evaluator.release();
    return { m, draw, steps, robustLoss: judged.loss, robustAccuracy: judged.accuracy };
  }
}

const twoLayer = (key: Key, m: number, draw: number) => twoLayerNetwork(key.fold("network", m, draw), { m, d: 6 });

const setting = (key: Key, draw: number) => ({
  data: standardData(key.fold("data", draw)),
  sets: caps(δ),
  attack: pgd(5),
  key: key.fold("run", draw),
});
