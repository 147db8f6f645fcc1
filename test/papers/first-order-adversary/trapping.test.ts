/** The trapping region: nothing to see where the theorem applies, and something to see where it does not. */
import { expect, it } from "vitest";
import { drawEnsemble, ensembleObjectives } from "../../../src/papers/first-order-adversary/networks.ts";
import { followResidual } from "../../../src/papers/first-order-adversary/trapping.ts";
import { key } from "../../../src/tensor/index.ts";

const ensemble = drawEnsemble(key(3), { activation: "tanh", networks: 3, d: 10, m: 200 });
const objectives = ensembleObjectives(ensemble, 1);

it("sees no violation and no step beyond its bound at s = 1/L_F, up to the end of the path", async () => {
  for (const record of await followResidual(ensemble, objectives, { c: 1, rho: 0.1, key: key(5) })) {
    expect(record.violations).toBe(0);
    expect(record.largestShare).toBeLessThanOrEqual(1);
    expect(record.largestShare).toBeGreaterThan(0.1);
    expect([record.arrived, record.steps < 600]).toEqual([true, true]);
  }
});

it("would see both", async () => {
  // an ascent of yf moves the output towards the label, and |r| falls
  const backwards = { ...objectives, loss: (c: number) => objectives.output(c, ensemble.labels) };
  const wrong = await followResidual(ensemble, backwards, { c: 0.1, rho: 0.1, key: key(5), steps: 40 });
  expect(Math.min(...wrong.map(({ violations }) => violations))).toBeGreaterThan(0);
  // of 100 times the function the steps are 100 times too long, and this ball is large enough for them
  const steep = { ...objectives, loss: (c: number) => objectives.output(c, Float64Array.of(100, 100, 100)) };
  const long = await followResidual(ensemble, steep, { c: 10, rho: 0.5, key: key(5), steps: 5 });
  expect(Math.max(...long.map(({ largestShare }) => largestShare))).toBeGreaterThan(1);
});
