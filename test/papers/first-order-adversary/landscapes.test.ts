import { expect, it } from "vitest";
import { attackImages } from "../../../src/papers/first-order-adversary/images.ts";
import { surveyLandscape } from "../../../src/papers/first-order-adversary/landscapes.ts";
import { drawEnsemble, ensembleObjectives } from "../../../src/papers/first-order-adversary/networks.ts";
import { compareScales } from "../../../src/papers/first-order-adversary/scale-control.ts";
import { key } from "../../../src/tensor/index.ts";

const small = (activation: "tanh" | "softplus" | "relu") => drawEnsemble(key(3), { activation, networks: 3, d: 10, m: 200 });

it("measures nonlinearity within the derived bound, more on the ball than on the slice, and growing with c", async () => {
  const ensemble = small("tanh");
  const [near, far] = await Promise.all(
    [0.1, 3].map((c) => surveyLandscape(ensemble, { c, rho: 0.1, key: key(4), resolution: 11, starts: 2 })),
  );
  for (const { onSlice, onBall, bound } of [near, far]) {
    for (const [b, error] of onBall.entries()) {
      expect(error).toBeGreaterThanOrEqual(onSlice[b]);
      expect(error).toBeLessThanOrEqual(bound[b]);
      expect(onSlice[b]).toBeGreaterThan(0);
    }
  }
  expect(Math.min(...far.onBall)).toBeGreaterThan(Math.max(...near.onBall));
});

it("draws the ascent from the centre of the slice to the end of its first axis", async () => {
  const { paths, slice } = await surveyLandscape(small("tanh"), { c: 1, rho: 0.1, key: key(4), resolution: 11, starts: 3 });
  expect(paths).toHaveLength(3);
  expect([paths[0].x[0], paths[0].y[0]]).toEqual([0, 0]);
  expect(paths[0].x[paths[0].x.length - 1]).toBeCloseTo(1, 9);
  expect(paths[0].y[paths[0].y.length - 1]).toBeCloseTo(0, 9);
  expect(slice.x[0]).toBeCloseTo(-1.1, 12);
  // the highest value inside the disc lies next to δ*
  const inside = slice.y.flatMap((v, i) => slice.x.flatMap((u, j) => (Math.hypot(u, v) <= 1 ? [{ u, v, f: slice.values[i][j] }] : [])));
  const top = inside.reduce((a, b) => (b.f > a.f ? b : a));
  expect(Math.hypot(top.u - 1, top.v)).toBeLessThan(0.35);
});

it("finds the same relative path at every scale for ReLU, and not for softplus", async () => {
  const [relu, softplus] = await Promise.all(
    (["relu", "softplus"] as const).map((activation) => {
      const ensemble = small(activation);
      return compareScales(ensemble, ensembleObjectives(ensemble, 1), { scales: [0.1, 1, 10], rho: 0.1, steps: 30 });
    }),
  );
  expect(relu.difference).toBeLessThan(1e-12);
  expect(softplus.difference).toBeGreaterThan(0.01);
});

it("attacks pictures before and after a training that works", async () => {
  const records = await attackImages({ scales: [0.3], rho: 0.1, count: 10, trainingCount: 100, side: 7, m: 200, key: key(1) });
  expect(records.map(({ state }) => state)).toEqual(["initial", "trained"]);
  expect(records[1].accuracy).toBeGreaterThanOrEqual(0.7);
  for (const { ascents } of records) for (const { strict, offSphere } of ascents) expect([strict, offSphere < 1e-9]).toEqual([true, true]);
  await expect(attackImages({ scales: [1], rho: 0.1, count: 2, trainingCount: 2, side: 5, m: 10, key: key(1) })).rejects.toThrow(/side/);
});
