/** Adversarial training under three conventions for the learning rate (§2.4, R2.9). None of them is known to be the paper's. */
import type { Bench } from "../laboratory.ts";
import { type TrainingRun, trainAdversarially } from "./adversarial-training.ts";

export const trainingScales = [0.1, 0.3, 1, 3, 10] as const;
/** The adversarial loss whose first crossing is the training time, per ρ: above the plateau of the smallest scales, which is higher for larger ρ. */
export const thresholds: Readonly<Record<number, number>> = { 0.05: 0.3, 0.1: 0.45 };

/** The fixed loss for a perturbation ratio. @throws RangeError for a ratio that has none. */
export function thresholdAt(rho: number): number {
  if (rho in thresholds) return thresholds[rho];
  throw new RangeError(`no fixed adversarial loss is known for ρ = ${rho}, only for ρ = ${Object.keys(thresholds).join(", ")}`);
}

export const conventions = {
  normalized: "rate 10/c²",
  common: "rate 10 for every c",
  best: "best rate for each c",
} as const;
export type Convention = keyof typeof conventions;

/** Mean adversarial loss per epoch over seeds, per scale, and what follows from it. */
export interface TrainingCurve {
  c: number;
  learningRate: number;
  loss: number[];
  /** First epoch at which a seed's loss is ≤ `thresholds[ρ]`, per seed; `loss.length` where it never is. */
  times: number[];
}

/** What was run at one perturbation ratio: a list of curves per convention, in the order of `trainingScales`. */
export interface RatioComparison {
  rho: number;
  /** `best` is there where it was searched for. */
  curves: Record<Exclude<Convention, "best">, TrainingCurve[]> & { best?: TrainingCurve[] };
  /** Multiples of 10/c² among which the best rate was searched, increasing. */
  factors: number[];
}
export type TrainingComparison = RatioComparison[];

export interface TrainingSizes {
  /** Perturbation ratios ρ, and those among them for which the best rate is searched. */
  ratios: readonly number[];
  searched: readonly number[];
  seeds: number;
  /** Multiples of 10/c² that are tried beside 1 for the best rate (at c = 10 the factor 100 is the common rate), and seeds for the search. */
  grid: readonly number[];
  gridSeeds: number;
  epochs: number;
}

/** @throws RangeError for a perturbation ratio without a fixed loss. */
export async function compareLearningRates(
  { key, remember, progress }: Pick<Bench, "key" | "remember" | "progress">,
  { ratios, searched, seeds, grid, gridSeeds, epochs }: TrainingSizes,
): Promise<TrainingComparison> {
  const levels = ratios.map(thresholdAt); // before anything long
  const comparison: TrainingComparison = [];
  for (const [i, rho] of ratios.entries()) {
    const train = (part: 0 | 1 | 2, label: string, rates: (c: number) => readonly number[], count: number) =>
      remember(`training ρ=${rho} ${label}`, async () => {
        const cases = trainingScales.flatMap((c) => rates(c).map((learningRate) => ({ c, learningRate })));
        const runs: TrainingRun[] = cases.flatMap((one) => Array.from({ length: count }, (_, seed) => ({ ...one, seed })));
        const before = (i + part / 3) / ratios.length;
        const report = (fraction: number) =>
          progress(`adversarial training, ρ = ${rho}, rate ${label}`, 0.6 + 0.3 * (before + fraction / 3 / ratios.length));
        const losses = await trainAdversarially(runs, { key, rho, epochs, progress: report });
        return cases.map((one, j) => summarize(one, levels[i], losses.slice(j * count, (j + 1) * count)));
      });
    const normalized = await train(0, "normalized", (c) => [10 / c ** 2], seeds);
    // at c = 1 both rates are the same
    const elsewhere = await train(1, "common", (c) => (c === 1 ? [] : [10]), seeds);
    const common = [...elsewhere, ...normalized.filter(({ c }) => c === 1)].sort((a, b) => a.c - b.c);
    if (!searched.includes(rho)) {
      comparison.push({ rho, curves: { normalized, common }, factors: [] });
      continue;
    }
    const tried = [...normalized, ...(await train(2, "grid", (c) => grid.map((factor) => (10 * factor) / c ** 2), gridSeeds))];
    const best = trainingScales.map((c) => tried.filter((curve) => curve.c === c).reduce((a, b) => (area(b) < area(a) ? b : a)));
    comparison.push({ rho, curves: { normalized, common, best }, factors: [1, ...grid].sort((a, b) => a - b) });
  }
  return comparison;
}

function summarize(
  { c, learningRate }: Omit<TrainingRun, "seed">,
  threshold: number,
  losses: readonly (readonly number[])[],
): TrainingCurve {
  const epochs = losses[0].length;
  const loss = Array.from({ length: epochs }, (_, t) => losses.reduce((total, curve) => total + curve[t], 0) / losses.length);
  const times = losses.map((curve) => {
    const first = curve.findIndex((value) => value <= threshold);
    return first < 0 ? epochs : first;
  });
  return { c, learningRate, loss, times };
}

/** The mean loss along the way: small when training is fast. */
function area({ loss }: TrainingCurve): number {
  return loss.reduce((total, value) => total + value, 0);
}
