/**
 * The reference table (d = 50, m = 1000, ρ = .1, s = .1/g²), against two others' medians: the specification's, of 8 seeds, and those of a NumPy program,
 * of 64 (test/fixtures/first-order-adversary.py). Generators differ, so networks do, and medians differ by sampling.
 *
 * Tolerance: resampling both medians from our 32 networks (16 at c = 10; bootstrap) gives the standard error of their difference; 3.9 of them are allowed, which keeps the
 * chance that any of the 220 comparisons fails near 1 in 50, plus half a unit of the last printed digit (for NumPy, of counts: half a step).
 *
 * Hits, n3 and rates hang on reach = εg/|r₀|, whose law has a long tail (r₀ can be 0): a median of 8 says little about it, and so little about them. Against the
 * specification they are therefore measured where reach is its own: with labels y = f(x) ∓ εg/reach. The printed reach itself is held against its law.
 */
import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { norm, row } from "../../../src/analysis/ascent-dynamics.ts";
import {
  type AscentRecord,
  ascendFromMany,
  ascendFromZero,
  type RestartRecord,
} from "../../../src/papers/first-order-adversary/ascents.ts";
import { activations, gaussianMean } from "../../../src/papers/first-order-adversary/moments.ts";
import { drawEnsemble, ensembleObjectives } from "../../../src/papers/first-order-adversary/networks.ts";
import { predict } from "../../../src/papers/first-order-adversary/theory.ts";
import { median } from "../../../src/papers/statistics.ts";
import { key } from "../../../src/tensor/index.ts";
import { printed, standardError } from "./sampling.ts";

/** What is compared on networks as they are drawn, and what at the printed reach. */
const asDrawn = ["g", "h", "kappa", "cosine", "straightness"] as const;
const atReach = ["hit", "hitPredicted", "n3", "rate", "ratePredicted"] as const;
const counts: readonly string[] = ["hit", "hitPredicted", "n3"];
const columns = [...asDrawn, "reach", ...atReach] as const;
type Printed = Record<(typeof columns)[number], string> & { c: number; same: number };

/** Printed as in the specification, so that the number of digits is known. */
function printedLine(line: string): Printed {
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

const numpy = JSON.parse(readFileSync(new URL("../../fixtures/first-order-adversary.json", import.meta.url), "utf8")) as Record<
  string,
  Record<string, number>
>;

const rho = 0.1;

/** Ascents at the printed reach: the label of each network is moved so that |r₀| = εg/reach, on the side on which it is. */
async function ascendAtReach(activation: "tanh" | "softplus", { c, reach }: Printed, networks: number): Promise<AscentRecord[]> {
  const ensemble = drawEnsemble(key(4), { activation, networks, d: 50, m: 1000 });
  const { value, gradient } = await ensembleObjectives(ensemble, 1)
    .output(c)
    .gradient(new Float64Array(networks * 50));
  const labels = ensemble.labels.map((y, b) => value[b] - (Math.sign(value[b] - y) * rho * c * norm(row(gradient, b, 50))) / Number(reach));
  const moved = { ...ensemble, labels };
  return ascendFromZero(moved, ensembleObjectives(moved, 1), { c, rho, key: key(3), steps: c === 10 ? 1500 : 4000, tolerance: 1e-11 });
}

/**
 * What the printed reach leaves open of a rate ≈ 1/(1 + .1(1 + 1/reach)): its rounding, and that a median of 8 is the mean of two networks, whose reaches may lie a fifth
 * on either side of theirs (a concave function's mean falls short by ½|f″|Δ²). Counts have one step for the same reasons.
 */
function rateSlack(reach: string): number {
  const { value, half } = printed(reach);
  const scale = 1.1 * value + 0.1;
  return (0.1 * half) / (scale - 1.1 * half) ** 2 + 0.5 * (0.22 / scale ** 3) * (0.2 * value) ** 2;
}

/** P(εg/|r₀| > reach), r₀ ~ N(−y, σ₀²) and g as predicted. */
function exceeds(activation: "tanh" | "softplus", c: number, reach: number): number {
  const { g, deviation } = predict(activations[activation], { c, d: 50, rho });
  return gaussianMean((z) => (Math.abs(deviation * z - 1) * reach < rho * c * g ? 1 : 0), 1e-3);
}

/** P(at least k of n) for independent events of probability p. */
function atLeast(k: number, n: number, p: number): number {
  let [total, choose] = [0, 1];
  for (let i = 0; i <= n; i++) {
    if (i >= k) total += choose * p ** i * (1 - p) ** (n - i);
    choose = (choose * (n - i)) / (i + 1);
  }
  return total;
}

describe.each(["tanh", "softplus"] as const)("%s", (activation) => {
  interface Found {
    ascents: AscentRecord[];
    conditioned: AscentRecord[];
    restarts: RestartRecord[];
  }
  const lines = table[activation].split("\n").map(printedLine);
  const found = new Map<number, Found>();
  const limit = (c: number) => (c === 10 ? 1500 : 4000);
  beforeAll(async () => {
    for (const line of lines) {
      const { c } = line;
      const long = c === 10; // its ascents take a thousand steps
      const draw = (networks: number) => drawEnsemble(key(2), { activation, networks, d: 50, m: 1000 });
      const options = { c, rho, key: key(3), steps: limit(c), tolerance: 1e-14 };
      const [ensemble, few] = [draw(long ? 16 : 32), draw(8)];
      const ascents = await ascendFromZero(ensemble, ensembleObjectives(ensemble, 1), options);
      const restarts = await ascendFromMany(few, ensembleObjectives(few, 8), ascents.slice(0, 8), { ...options, steps: 1000, restarts: 8 });
      found.set(c, { ascents, restarts, conditioned: await ascendAtReach(activation, line, long ? 8 : 12) });
    }
  }, 400_000);
  const at = (c: number) => found.get(c) as Found;

  it.each(lines)("c = $c: medians", (line) => {
    const { ascents, conditioned } = at(line.c);
    for (const column of columns) {
      const values = ascents.map((record) => record[column]);
      const ours = median(values);
      const close = 3.9 * standardError(values, 64) + (counts.includes(column) ? 0.5 : 1e-6 * Math.abs(ours));
      const other = numpy[`${activation} ${line.c}`][column];
      expect(Math.abs(other - ours), `${column}: NumPy ${other}, ours ${ours}`).toBeLessThanOrEqual(close);
    }
    for (const column of asDrawn) {
      const values = ascents.map((record) => record[column]);
      const [ours, { value, half }] = [median(values), printed(line[column])];
      const allowed = 3.9 * standardError(values, 8) + half;
      expect(Math.abs(value - ours), `${column}: printed ${value}, ours ${ours} ± ${allowed}`).toBeLessThanOrEqual(allowed);
    }
    for (const column of atReach) {
      const values = conditioned.map((record) => record[column]);
      const [ours, { value, half }] = [median(values), printed(line[column])];
      const slack = counts.includes(column) ? 1 : half + rateSlack(line.reach);
      const allowed = 3.9 * standardError(values, 8) + slack;
      expect(Math.abs(value - ours), `${column}: printed ${value}, ours ${ours} ± ${allowed}`).toBeLessThanOrEqual(allowed);
    }
  });

  it.each(lines)("c = $c: the printed reach $reach is a median of 8 of its law, and ours of 32", ({ c, reach }) => {
    const { value, half } = printed(reach);
    expect(atLeast(4, 8, exceeds(activation, c, value - half))).toBeGreaterThan(1e-3);
    expect(atLeast(4, 8, 1 - exceeds(activation, c, value + half))).toBeGreaterThan(1e-3);
    const ours = at(c).ascents.map((record) => record.reach);
    const above = exceeds(activation, c, median(ours));
    expect(Math.abs(above - 0.5)).toBeLessThan((3.9 * 0.5) / Math.sqrt(ours.length));
  });

  it.each(lines)("c = $c: every end is a strict local maximum on the sphere", ({ c }) => {
    const { ascents } = at(c);
    // at c = 10 some are still on their way: those that theory does not expect to arrive within the limit
    const arrived = ascents.filter(({ ratePredicted }) => ratePredicted ** limit(c) < 1e-14);
    if (c < 10) expect(arrived).toHaveLength(ascents.length);
    else expect(arrived.length).toBeGreaterThan(ascents.length / 3);
    for (const { residual } of arrived) expect(residual).toBeLessThan(1e-12);
    for (const { offSphere, margin } of ascents) {
      expect(offSphere).toBeLessThan(1e-9);
      expect(margin).toBeGreaterThanOrEqual(-1);
      expect(margin).toBeLessThan(0);
    }
    // [−1, −.10] was seen on 8 seeds, at c = 10 too; of more networks a few lie above there: no more than would leave 8 of them out once in a hundred
    const flat = ascents.filter(({ margin }) => margin > -0.1).length / ascents.length;
    if (c < 10) expect(flat).toBe(0);
    else expect((1 - flat) ** 8).toBeGreaterThan(0.01);
  });

  it.each(lines)("c = $c: share of starts that end at one point, $same", ({ c, same: theirs, reach }) => {
    const { restarts } = at(c);
    const shares = restarts.map((record) => record.same);
    const mean = shares.reduce((sum, v) => sum + v, 0) / shares.length;
    if (c < 1) {
      expect([theirs, ...shares]).toEqual([1, ...shares.map(() => 1)]); // no valley cuts the ball: reach
      expect(Number(reach)).toBeLessThan(0.5);
    }
    // Two means of 8 shares. A share is 1 or, with a valley, anything from 1/8: its spread over both is at most that of a coin with the pooled mean.
    const pooled = (mean + theirs) / 2;
    expect(Math.abs(mean - theirs)).toBeLessThanOrEqual(2.6 * Math.sqrt((pooled * (1 - pooled)) / 4) + 0.005);
    for (const { ends, allStrict } of restarts) if (c < 10 && ends > 1) expect(allStrict).toBe(true);
  });
});
