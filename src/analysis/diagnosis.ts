/** Every instrument of this floor on one model at a batch of examples: why it breaks under attack, or why it does not. */
import { type Exponent, modelOracle } from "../attacks/index.ts";
import { GraphError } from "../graph/index.ts";
import type { Model } from "../models/index.ts";
import type { CompileOptions } from "../runtime/index.ts";
import { type Key, normal, rows, type Tensor, toFloat64 } from "../tensor/index.ts";
import { innerAscent, randomStart } from "../training/index.ts";
import { alignments, randomAlignment } from "./alignment.ts";
import { cellDistances } from "./cells.ts";
import { classifierObjective } from "./classifier-objective.ts";
import { foscAlongPgd } from "./fosc.ts";
import { largestSingularValues, modelMap, singularTriplets, spectralNorms } from "./jacobian.ts";
import { type LandscapeSlice, planeAlong, sliceLandscape, sliceLine } from "./landscape.ts";
import { deviationFromLinearity } from "./linearity.ts";
import { operatorNorms } from "./operator-norm.ts";
import { type GlobalBound, globalBound } from "./spectral.ts";

/** Lengths along perturbations, as multiples of ε. */
export const shares = [0.1, 0.25, 0.5, 0.75, 1, 1.5, 2] as const;
/** Up to so many outputs whole Jacobians are decomposed. */
const FEW_OUTPUTS = 64;

export interface Diagnosis {
  examples: number;
  norm: "linf" | "l2";
  epsilon: number;
  /** Along PGD, step 0 (the random start) first: means over the examples, and quantiles of FOSC relative to ε‖g‖. */
  ascent: { loss: number; accuracy: number; fosc: number; foscInBox: number; relative: { low: number; median: number; high: number } }[];
  /** Mean singular values by rank, at the inputs and at their adversarial neighbours; only the largest where there are many outputs. */
  spectrum: { clean: number[]; adversarial: number[] };
  /** Mean and largest ‖J(x)‖_{p,q} over the examples. */
  norms: { p: Exponent; q: Exponent; mean: number; largest: number }[];
  /** The bound that holds everywhere, or why there is none. */
  global: GlobalBound | { reason: string };
  /** Mean |cos| of perturbations with the right singular vectors by rank; absent where there are many outputs. */
  alignment?: { adversarial: number[]; random: number[]; law: number };
  /** Distances to the boundary of the activation cell in both norms, or why there is no cell. */
  cell: { walls: number; examined: number; l2: number; linf: number } | { reason: string };
  /** Mean deviation of the logits from linearity, and mean σ₁, at `shares` of ε along adversarial and random directions. */
  along: { deviation: Record<"adversarial" | "random", number[]>; sigma: Record<"adversarial" | "random", number[]> };
  /** Mean cross-entropy at x + tδ. */
  line: { t: number[]; adversarial: number[]; random: number[] };
  /** Cross-entropy of the first example on the plane of its adversarial perturbation (across) and a random direction, in ℓ₂ units. */
  around: LandscapeSlice;
}

export interface DiagnosisOptions extends CompileOptions {
  norm: "linf" | "l2";
  epsilon: number;
  steps?: number;
  /** Walls looked at per example, those that seem nearest; with fewer than there are, distances to the cell's boundary are upper bounds. */
  walls?: number;
  key: Key;
  progress?(label: string, fraction: number): void;
}

/** @throws what the model's graph does not allow: GraphError, DifferentiationError. */
export async function diagnose(
  model: Model,
  x: Tensor<"float32">,
  y: Tensor<"int32">,
  { norm, epsilon, steps = 20, walls = 200, key, progress = () => {}, ...runtime }: DiagnosisOptions,
): Promise<Diagnosis> {
  const { network, weights } = model;
  const batch = x.shape[0];
  const map = modelMap(model, { batch, ...runtime });
  const points = toFloat64(x);
  const n = map.inputs;

  progress("ascent", 0);
  const oracle = modelOracle(model, { batchSize: batch, ...runtime });
  const stepSize = (2.5 * epsilon) / steps;
  const trace = await foscAlongPgd(oracle, { x, labels: y.data }, { norm, epsilon, steps, stepSize, key: key.fold("ascent") });
  await oracle.release();
  const ascent = await innerAscent({ network, batchSize: batch, epochs: 1, runtime }, { norm });
  const start = randomStart(x, { norm, epsilon }, key.fold("start"), network.domain);
  const found = toFloat64(await ascent.ascend({ x, start, y, weights, steps, epsilon, stepSize }));
  await ascent.release();
  const adversarial = found.map((value, i) => value - points[i]);
  const random = scaledLike(normal(key.fold("random"), [batch, n]).data, adversarial, n, norm);

  progress("singular values", 0.15);
  const few = map.outputs <= FEW_OUTPUTS;
  const clean = few ? await singularTriplets(map, points) : undefined;
  const sigma = (at: Float64Array) => (few ? spectralNorms(map, at) : largestSingularValues(map, at, { key: key.fold("lanczos") }));
  const attacked = few
    ? (await singularTriplets(map, found)).map(({ values }) => [...values])
    : (await sigma(found)).map((value) => [value]);
  const spectrum = {
    clean: byRank(clean ? clean.map(({ values }) => [...values]) : (await sigma(points)).map((value) => [value])),
    adversarial: byRank(attacked),
  };

  progress("operator norms", 0.3);
  const norms: Diagnosis["norms"] = [];
  for (const [p, q] of [
    [2, 2],
    [Number.POSITIVE_INFINITY, 2],
    [Number.POSITIVE_INFINITY, 1],
  ]) {
    const { values } = await operatorNorms(map, points, { p, q, key: key.fold("norm"), restarts: p === 2 ? 1 : 5 });
    norms.push({ p, q, mean: mean(values), largest: Math.max(...values) });
  }
  progress("global bound", 0.45);
  const global = await orReason(() => globalBound(model));
  progress("cells", 0.5);
  const cell = await orReason(async () => {
    const [l2, linf] = [
      await cellDistances(model, points, { p: 2, limit: walls, ...runtime }),
      await cellDistances(model, points, { p: Number.POSITIVE_INFINITY, limit: walls, ...runtime }),
    ];
    const middle = (list: typeof l2) =>
      quantile(
        list.map(({ distance }) => distance),
        0.5,
      );
    return { walls: l2[0].walls, examined: l2[0].examined, l2: middle(l2), linf: middle(linf) };
  });

  progress("along perturbations", 0.7);
  const directions = { adversarial, random };
  const each = async (measure: (z: Float64Array) => Promise<ArrayLike<number>>) => {
    const result: Record<"adversarial" | "random", number[]> = { adversarial: [], random: [] };
    for (const name of ["adversarial", "random"] as const)
      for (const share of shares) result[name].push(mean(await measure(directions[name].map((value) => share * value))));
    return result;
  };
  const along = {
    deviation: await each((z) => deviationFromLinearity(map, points, z)),
    sigma: await each((z) => sigma(points.map((value, i) => value + z[i]))),
  };
  await map.release();

  progress("loss", 0.9);
  const losses = classifierObjective(model, x, y.data, { dtype: "float32", ...runtime });
  const segments = (z: Float64Array) =>
    Array.from({ length: batch }, (_, b) => {
      const to = z.slice(b * n, (b + 1) * n).map((value) => 2 * value);
      return { from: to.map((value) => -value / 2), to };
    });
  const meanAlong = async (z: Float64Array) =>
    byRank((await sliceLine(losses, segments(z), { resolution: 31 })).map(({ values }) => values));
  const one = classifierObjective(model, rows(x, 0, 1), y.data.slice(0, 1), { points: 41, dtype: "float32", ...runtime });
  const first = adversarial.slice(0, n);
  const extent = 1.5 * Math.hypot(...first);
  const around =
    extent > 0
      ? (await sliceLandscape(one, [planeAlong(first, { key: key.fold("plane") })], { extent: [extent] }))[0]
      : { x: [], y: [], values: [] };
  return {
    examples: batch,
    norm,
    epsilon,
    ascent: trace.map(({ loss, correct, fosc, foscInBox, relative }) => ({
      loss: mean(loss),
      accuracy: mean(correct),
      fosc: mean(fosc),
      foscInBox: mean(foscInBox),
      relative: { low: quantile(relative, 0.1), median: quantile(relative, 0.5), high: quantile(relative, 0.9) },
    })),
    spectrum,
    norms,
    global,
    ...(clean && {
      alignment: {
        adversarial: byRank(alignments(adversarial, clean)),
        random: byRank(alignments(random, clean)),
        law: randomAlignment(n),
      },
    }),
    cell,
    along,
    line: {
      t: Array.from({ length: 31 }, (_, i) => -1 + i / 10),
      adversarial: await meanAlong(adversarial),
      random: await meanAlong(random),
    },
    around,
  };
}

/** What a model's graph does not allow is said in place of the result. */
async function orReason<T>(measure: () => Promise<T>): Promise<T | { reason: string }> {
  try {
    return await measure();
  } catch (error) {
    if (error instanceof GraphError) return { reason: error.message };
    throw error;
  }
}

/** Rows scaled to the length, in the norm, of the rows of another. */
function scaledLike(noise: Float64Array, like: Float64Array, n: number, norm: "linf" | "l2"): Float64Array {
  const result = norm === "linf" ? noise.map(Math.sign) : noise;
  const length = (row: Float64Array) =>
    norm === "l2" ? Math.hypot(...row) : row.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
  for (let start = 0; start < result.length; start += n) {
    const row = result.subarray(start, start + n);
    const factor = length(like.subarray(start, start + n)) / length(row);
    for (let i = 0; i < n; i++) row[i] *= factor;
  }
  return result;
}

const mean = (values: ArrayLike<number>) => Array.from(values).reduce((total, value) => total + value, 0) / values.length;

function quantile(values: ArrayLike<number>, share: number): number {
  const sorted = Array.from(values).sort((a, b) => a - b);
  return sorted[Math.round(share * (sorted.length - 1))];
}

/** Means over examples, place by place. */
function byRank(list: readonly (readonly number[])[]): number[] {
  return list[0].map((_, rank) => mean(list.map((row) => row[rank])));
}
