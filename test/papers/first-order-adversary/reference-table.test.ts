/**
 * The reference table (d = 50, m = 1000, ρ = .1, s = .1/g²), against two others' medians: the specification's, of 8 seeds, and those of a NumPy program,
 * of 64 (test/fixtures/first-order-adversary.py). Generators differ, so networks do, and medians differ by sampling.
 *
 * Tolerance: resampling both medians from our 32 networks (16 at c = 10; bootstrap) gives the standard error of their difference; 3.9 of them are allowed, which keeps the
 * chance that any of the 220 comparisons fails near 1 in 50, plus half a unit of the last printed digit (for NumPy, of counts: half a step).
 */
import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import {
  type AscentRecord,
  ascendFromMany,
  ascendFromZero,
  type RestartRecord,
} from "../../../src/papers/first-order-adversary/ascents.ts";
import { drawEnsemble, ensembleObjectives } from "../../../src/papers/first-order-adversary/networks.ts";
import { median } from "../../../src/papers/statistics.ts";
import { integers, key } from "../../../src/tensor/index.ts";

const columns = ["g", "h", "kappa", "reach", "hit", "hitPredicted", "n3", "cosine", "rate", "ratePredicted", "straightness"] as const;
type Printed = Record<(typeof columns)[number], string> & { c: number; same: number };

/** Printed as in the specification, so that the number of digits is known. */
function printed(line: string): Printed {
  const [c, g, h, kappa, reach, hit, hitPredicted, n3, cosine, same, rate, ratePredicted, straightness] = line.trim().split(/\s+/);
  return { c: Number(c), g, h, kappa, reach, hit, hitPredicted, n3, cosine, same: Number(same), rate, ratePredicted, straightness };
}

const table = {
  tanh: `.1   7.16  3.07  .004   .07   1   1   3    1.0000  1.00  .406  .409  .997
         .3   6.72  6.85  .031   .23   2   2   9    .9998   1.00  .653  .661  .988
         1    4.84  8.02  .167   .84   7   7   27   .9965   .94   .831  .839  .954
         3    3.24  5.63  .524   1.69  11  10  56   .9717   .92   .913  .916  .881
         10   1.75  3.50  2.00   2.21  16  13  263  .790    .88   .977  .977  .666`,
  softplus: `.1   3.60  3.75  .010   .03   1   1   2    1.0000  1.00  .212  .218  .995
             .3   3.61  3.67  .029   .09   1   1   4    .9999   1.00  .457  .468  .988
             1    3.91  3.19  .079   .50   5   5   16   .9993   .94   .768  .778  .979
             3    4.50  2.14  .137   .73   6   6   23   .9984   1.00  .820  .830  .970
             10   4.93  1.26  .238   .74   6   6   26   .9958   1.00  .836  .844  .952`,
};

const unit = (text: string) => 10 ** -(text.split(".")[1]?.length ?? 0);

/** Standard error of (a median of `count` networks) − (our median), both drawn with replacement from `values`. */
function standardError(values: readonly number[], count: number): number {
  const medians = (label: string, size: number) => {
    const draws = integers(key(11).fold(label), 1000 * size, values.length);
    return Array.from({ length: 1000 }, (_, i) => median([...draws.subarray(size * i, size * (i + 1))].map((j) => values[j])));
  };
  const [theirs, ours] = [medians("theirs", count), medians("ours", values.length)];
  return Math.sqrt(theirs.reduce((sum, v, i) => sum + (v - ours[i]) ** 2, 0) / 1000);
}

const numpy = JSON.parse(readFileSync(new URL("../../fixtures/first-order-adversary.json", import.meta.url), "utf8")) as Record<
  string,
  Record<string, number>
>;

describe.each(["tanh", "softplus"] as const)("%s", (activation) => {
  const found = new Map<number, { ascents: AscentRecord[]; restarts: RestartRecord[] }>();
  beforeAll(async () => {
    for (const { c } of table[activation].split("\n").map(printed)) {
      const long = c === 10; // its ascents take a thousand steps
      const ensemble = drawEnsemble(key(2), { activation, networks: long ? 16 : 32, d: 50, m: 1000 });
      const options = { c, rho: 0.1, key: key(3), steps: long ? 1200 : 4000, tolerance: 1e-12 };
      const ascents = await ascendFromZero(ensemble, ensembleObjectives(ensemble, 1), options);
      const restarts = c === 1 ? await ascendFromMany(ensemble, ensembleObjectives(ensemble, 8), ascents, { ...options, restarts: 8 }) : [];
      found.set(c, { ascents, restarts });
    }
  }, 180_000);

  it.each(table[activation].split("\n").map(printed))("c = $c", (line) => {
    const { ascents, restarts } = found.get(line.c) as { ascents: AscentRecord[]; restarts: RestartRecord[] };
    for (const column of columns) {
      const values = ascents.map((record) => record[column]);
      const ours = median(values);
      const allowed = 3.9 * standardError(values, 8) + 0.5 * unit(line[column]);
      expect(Math.abs(Number(line[column]) - ours), `${column}: printed ${line[column]}, ours ${ours}`).toBeLessThanOrEqual(allowed);
      const close = 3.9 * standardError(values, 64) + (["hit", "hitPredicted", "n3"].includes(column) ? 0.5 : 1e-6 * Math.abs(ours));
      const other = numpy[`${activation} ${line.c}`][column];
      expect(Math.abs(other - ours), `${column}: NumPy ${other}, ours ${ours}`).toBeLessThanOrEqual(close);
    }
    for (const { offSphere, residual, margin } of ascents) {
      expect(offSphere).toBeLessThan(1e-9);
      if (line.c < 10) expect(residual).toBeLessThan(1e-9); // at c = 10 a few are still on their way after 1200 steps
      expect(margin).toBeLessThan(0);
    }
    // 8 seeds × 8 starts: shares between .88 and 1; a difference of means beyond three standard errors of such a share would show
    if (restarts.length > 0) {
      const same = restarts.map((record) => record.same);
      const mean = same.reduce((sum, v) => sum + v, 0) / same.length;
      expect(Math.abs(mean - line.same)).toBeLessThan(0.12);
      expect(restarts.every(({ allStrict }) => allStrict)).toBe(true);
    }
  });
});
