/** Study 8: robust interpolators of one pair of points shatter. */
import { type Key, normal, uniform } from "../../../tensor/index.ts";
import { evaluator } from "../evaluator.ts";
import { twoLayerNetwork } from "../networks.ts";
import { pgd, robustLoss } from "../problem.ts";
import { balls } from "../sets.ts";
import { disagreements, geometryError, nearestCentre, robustMargin, shattering, trainRobustAffine, value } from "../shattering.ts";
import { trainAdversarially } from "../training.ts";

/** Over random labellings of e_1 … e_d. */
export interface ShatteringRow {
  d: number;
  labellings: number;
  /** Largest error of the two distances of the construction, relative to nothing. */
  geometryError: number;
  /** Least certified margin on the balls of radius √(d−1) + 1e-6, and labels missed: of w = y, and of a trained affine classifier. */
  exactMargin: number;
  exactMissed: number;
  trainedMargin: number;
  trainedMissed: number;
  /** Labels that the same classifier, trained on the two centres only, misses on average: robustness is what shatters. */
  plainMissed: number;
  /**
   * Two-layer tanh networks trained against PGD-5, one for each of so many labellings: how many came to be right wherever 20 steps from 10 starts
   * look (which certifies nothing), and labels that these missed.
   */
  networks: number;
  robustNetworks: number;
  networkMissed: number;
  /** Of d·p points from p pairs: how many, and labels that the nearest centre misses. */
  manyPoints: number;
  manyMissed: number;
}

export async function studyShattering(
  key: Key,
  { d, labellings, pairs, networks }: { d: number; labellings: number; pairs: number; networks: number },
): Promise<ShatteringRow> {
  const result = { geometryError: 0, exactMargin: Infinity, exactMissed: 0, trainedMargin: Infinity, trainedMissed: 0, plainMissed: 0 };
  for (let i = 0; i < labellings; i++) {
    const y = signs(key.fold("labels", d, i), d);
    const { centres, shattered, leastRadius } = shattering(y, d);
    const δ = leastRadius + 1e-6;
    const start = { w: normal(key.fold("start", d, i), [d]).data, b: 0 };
    const [exact, trained, plain] = [{ w: y, b: 0 }, trainRobustAffine(start, centres, δ), trainRobustAffine(start, centres, 0)];
    result.geometryError = Math.max(result.geometryError, geometryError({ centres, shattered, leastRadius, radiusLimit: Math.sqrt(d) }));
    result.exactMargin = Math.min(result.exactMargin, robustMargin(exact, centres, δ));
    result.exactMissed += disagreements((x) => value(exact, x), shattered);
    result.trainedMargin = Math.min(result.trainedMargin, robustMargin(trained, centres, δ));
    result.trainedMissed += disagreements((x) => value(trained, x), shattered);
    result.plainMissed += disagreements((x) => value(plain, x), shattered) / labellings;
  }
  const many = shattering(signs(key.fold("many", d), d * pairs), d);
  return {
    d,
    labellings,
    ...result,
    ...(await trainedNetworks(key, d, networks)),
    geometryError: Math.max(result.geometryError, geometryError(many)),
    manyPoints: d * pairs,
    manyMissed: disagreements(nearestCentre(many.centres), many.shattered),
  };
}

/** One network per labelling, for as many of the labellings above; trained 50 steps at a time. */
async function trainedNetworks(key: Key, d: number, networks: number) {
  const result = { networks, robustNetworks: 0, networkMissed: 0 };
  for (let i = 0; i < networks; i++) {
    const { centres, shattered, leastRadius } = shattering(signs(key.fold("labels", d, i), d), d);
    const { network, weights: initial } = twoLayerNetwork(key.fold("network", d, i), { m: 64, d, activation: "tanh" });
    const problem = { evaluator: evaluator(network), initial, data: centres, sets: balls(leastRadius + 1e-6) };
    let [weights, robust] = [initial, false];
    for (let block = 0; !robust && block < 20; block++) {
      const options = { α: 4, T: 50, radius: 1000, key: key.fold("train", d, i, block), start: weights };
      weights = (await trainAdversarially(problem, pgd(5), options)).weights;
      robust = (await robustLoss(problem, weights, key.fold("judge", d, i, block))).accuracy === 1;
    }
    if (robust) {
      result.robustNetworks++;
      const outputs = await problem.evaluator.outputs(weights, shattered.points);
      result.networkMissed += outputs.reduce((missed, f, j) => missed + (Math.sign(f) === shattered.labels[j] ? 0 : 1), 0);
    }
    await problem.evaluator.release();
  }
  return result;
}

function signs(key: Key, count: number): Float64Array {
  return uniform(key, [count]).data.map((u) => (u < 0.5 ? -1 : 1));
}
