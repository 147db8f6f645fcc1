/** Whether FOSC measures the quality of an attack (check 5): on one fixed, adversarially trained model. */
import { foscAlongPgd } from "../../analysis/fosc.ts";
import type { Oracle } from "../../attacks/index.ts";
import { type Dataset, take, whole } from "../../data/index.ts";
import type { Key } from "../../tensor/index.ts";

export interface Bin {
  fosc: number;
  accuracy: number;
}

export interface QualityRecord {
  /** After 0 … 10 steps of ε/4. */
  steps: { fosc: number; foscInBox: number; loss: number; accuracy: number }[];
  /** After 20 steps of ε, ε/2, ε/4: mean FOSC and accuracy. */
  stepSizes: { share: number; fosc: number; accuracy: number }[];
  /** Examples after 1 … 10 steps together, in ten bins of equal number by FOSC: mean FOSC and accuracy. */
  bins: Bin[];
  /** The same by FOSC relative to the size of the gradient, c/(ε‖g‖). */
  relativeBins: Bin[];
}

const mean = (values: ArrayLike<number>): number => {
  let total = 0;
  for (let i = 0; i < values.length; i++) total += values[i];
  return total / values.length;
};

export async function studyQuality(
  oracle: Oracle,
  test: Dataset,
  { epsilon, count, key, bins = 10 }: { epsilon: number; count: number; key: Key; bins?: number },
): Promise<QualityRecord> {
  const { x, y } = whole(take(test, count));
  const trace = (steps: number, share: number) =>
    foscAlongPgd(oracle, { x, labels: y.data }, { norm: "linf", epsilon, steps, stepSize: share * epsilon, key });
  const along = await trace(10, 1 / 4);
  const binned = (field: "fosc" | "relative"): Bin[] => {
    const pooled = along
      .slice(1)
      .flatMap((step) => Array.from(step[field], (fosc, i) => ({ fosc, correct: step.correct[i] })))
      .sort((a, b) => a.fosc - b.fosc);
    return Array.from({ length: bins }, (_, b) => {
      const members = pooled.slice(Math.floor((b * pooled.length) / bins), Math.floor(((b + 1) * pooled.length) / bins));
      return { fosc: mean(members.map(({ fosc }) => fosc)), accuracy: mean(members.map(({ correct }) => correct)) };
    });
  };
  const stepSizes: QualityRecord["stepSizes"] = [];
  for (const share of [1, 1 / 2, 1 / 4]) {
    const last = (await trace(20, share))[20];
    stepSizes.push({ share, fosc: mean(last.fosc), accuracy: mean(last.correct) });
  }
  return {
    steps: along.map(({ fosc, foscInBox, loss, correct }) => ({
      fosc: mean(fosc),
      foscInBox: mean(foscInBox),
      loss: mean(loss),
      accuracy: mean(correct),
    })),
    stepSizes,
    bins: binned("fosc"),
    relativeBins: binned("relative"),
  };
}
