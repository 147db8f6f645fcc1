/** What is measured on a trained network: its singular values, where perturbations point, how affine it is, and how its Jacobian changes. */
import { alignments } from "../../analysis/alignment.ts";
import { modelMap, singularTriplets, spectralNorms } from "../../analysis/jacobian.ts";
import { deviationFromLinearity } from "../../analysis/linearity.ts";
import type { Batch } from "../../data/index.ts";
import type { Model } from "../../models/index.ts";
import { type Key, normal, toFloat64 } from "../../tensor/index.ts";
import { innerAscent, randomStart } from "../../training/index.ts";

/** Lengths of perturbations as multiples of ε_train. */
export const multiples = [0.1, 0.25, 0.5, 0.75, 1, 1.5, 2] as const;
const AT_TRAINING = multiples.indexOf(1);

/** Means over the test examples. */
export interface Geometry {
  /** Singular values by rank, at clean inputs and at perturbed ones. */
  spectrum: number[];
  perturbedSpectrum: number[];
  /** |cos| with the right singular vectors by rank, of adversarial and of random perturbations. */
  alignment: number[];
  randomAlignment: number[];
  /** |cos| of the adversarial perturbation with v₁, for each length. */
  alignmentByLength: number[];
  /** Deviation of the features from linearity, and σ₁ at the perturbed input, for each length. */
  deviation: Record<Direction, number[]>;
  sigmaAlong: Record<Direction, number[]>;
}

export type Direction = "adversarial" | "random";

/**
 * Perturbations are made by ℓ₂-PGA on the cross-entropy without a box, as in the paper, each with its own length, to which it is then scaled.
 */
export async function measureGeometry(model: Model, { x, y }: Batch, epsilon: number, iterations: number, key: Key): Promise<Geometry> {
  const batch = x.shape[0];
  const { network, weights } = model;
  const map = modelMap(model, { batch });
  const features = modelMap(model, { batch, of: "features" });
  const points = toFloat64(x);
  const n = map.inputs;

  const ascent = await innerAscent({ network, batchSize: batch, epochs: 1, runtime: {} }, { norm: "l2", box: false });
  const adversarial = async (length: number) => {
    const start = randomStart(x, { norm: "l2", epsilon: length }, key.fold("start"));
    const stepSize = (2 * length) / iterations;
    const found = toFloat64(await ascent.ascend({ x, start, y, weights, steps: iterations, epsilon: length, stepSize }));
    return scaled(
      found.map((value, i) => value - points[i]),
      n,
      length,
    );
  };
  const noise = normal(key.fold("random"), [batch, n]).data;
  const lengths = multiples.map((multiple) => multiple * epsilon);
  const perturbations: Record<Direction, Float64Array[]> = { adversarial: [], random: lengths.map((length) => scaled(noise, n, length)) };
  for (const length of lengths) perturbations.adversarial.push(await adversarial(length));

  const clean = await singularTriplets(map, points);
  const attacked = await singularTriplets(map, moved(points, perturbations.adversarial[AT_TRAINING]));
  const along = (direction: Direction, measure: (z: Float64Array) => Promise<number>) => inTurn(perturbations[direction], measure);
  const deviation = async (z: Float64Array) => mean(await deviationFromLinearity(features, points, z));
  const sigma = async (z: Float64Array) => mean(await spectralNorms(map, moved(points, z)));
  const result = {
    spectrum: byRank(clean.map(({ values }) => [...values])),
    perturbedSpectrum: byRank(attacked.map(({ values }) => [...values])),
    alignment: byRank(alignments(perturbations.adversarial[AT_TRAINING], clean)),
    randomAlignment: byRank(alignments(perturbations.random[AT_TRAINING], clean)),
    alignmentByLength: perturbations.adversarial.map((z) => byRank(alignments(z, clean))[0]),
    deviation: { adversarial: await along("adversarial", deviation), random: await along("random", deviation) },
    sigmaAlong: { adversarial: await along("adversarial", sigma), random: await along("random", sigma) },
  };
  await Promise.all([map.release(), features.release(), ascent.release()]);
  return result;
}

async function inTurn(list: readonly Float64Array[], measure: (z: Float64Array) => Promise<number>): Promise<number[]> {
  const found: number[] = [];
  for (const z of list) found.push(await measure(z));
  return found;
}

/** Rows of n numbers scaled to a length; rows of zeros stay. */
function scaled(rows: Float64Array, n: number, length: number): Float64Array {
  const result = rows.slice();
  for (let start = 0; start < rows.length; start += n) {
    const row = result.subarray(start, start + n);
    let own = 0;
    for (const value of row) own += value * value;
    own = Math.sqrt(own);
    if (own > 0) row.forEach((value, i) => void (row[i] = (length * value) / own));
  }
  return result;
}

const moved = (x: Float64Array, z: Float64Array) => x.map((value, i) => value + z[i]);

const mean = (values: ArrayLike<number>) => Array.from(values).reduce((total, value) => total + value, 0) / values.length;

/** Means over examples, rank by rank. */
function byRank(rows: readonly (readonly number[])[]): number[] {
  return rows[0].map((_, rank) => mean(rows.map((row) => row[rank])));
}
