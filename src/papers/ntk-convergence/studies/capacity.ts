/** Studies 8 and 9: robust interpolators shatter, and need more width. */
import { type Key, normal, uniform } from "../../../tensor/index.ts";
import { leastWidths } from "../capacity.ts";
import { gaussianPoints } from "../points.ts";
import { disagreements, geometryError, nearestCentre, robustMargin, shattering, trainRobustAffine, value } from "../shattering.ts";

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
  /** Of d·p points from p pairs: how many, and labels that the nearest centre misses. */
  manyPoints: number;
  manyMissed: number;
}

export function studyShattering(key: Key, { d, labellings, pairs }: { d: number; labellings: number; pairs: number }): ShatteringRow {
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
    geometryError: Math.max(result.geometryError, geometryError(many)),
    manyPoints: d * pairs,
    manyMissed: disagreements(nearestCentre(many.centres), many.shattered),
  };
}

/** The least width that fits, per data set; undefined (null once stored) where none tried was enough. */
export interface CapacityRow {
  d: number;
  δ: number;
  widths: (number | null)[];
}

export async function studyCapacity(
  key: Key,
  {
    d,
    n,
    δ,
    dataSeeds,
    widths,
    steps,
    attackSteps,
  }: { d: number; n: number; δ: number; dataSeeds: number; widths: readonly number[]; steps: number; attackSteps: number },
): Promise<CapacityRow> {
  const dataSets = Array.from({ length: dataSeeds }, (_, seed) => gaussianPoints(key.fold("data", d, seed), { n, d }));
  const found = await leastWidths(dataSets, widths, { δ, steps, attackSteps, key: key.fold("search", d) });
  return { d, δ, widths: found.map((width) => width ?? null) };
}

function signs(key: Key, count: number): Float64Array {
  return uniform(key, [count]).data.map((u) => (u < 0.5 ? -1 : 1));
}
