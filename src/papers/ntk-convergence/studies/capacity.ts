/** Study 9: robust interpolators need more width. */
import type { Key } from "../../../tensor/index.ts";
import { leastWidths } from "../capacity.ts";
import { gaussianPoints } from "../points.ts";

/** The least width that fits, per data set; undefined (null once stored) where none tried was enough. */
export interface CapacityRow {
  d: number;
  δ: number;
  widths: (number | null)[];
  /** Steps of Adam, and of the attack in each. */
  steps: number;
  attackSteps: number;
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
    lane,
  }: { d: number; n: number; δ: number; dataSeeds: number; widths: readonly number[]; steps: number; attackSteps: number; lane?: number },
): Promise<CapacityRow> {
  const dataSets = Array.from({ length: dataSeeds }, (_, seed) => gaussianPoints(key.fold("data", d, seed), { n, d }));
  const found = await leastWidths(dataSets, widths, { δ, steps, attackSteps, key: key.fold("search", d), lane });
  return { d, δ, widths: found.map((width) => width ?? null), steps, attackSteps };
}
