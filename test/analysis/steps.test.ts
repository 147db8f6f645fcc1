/** Many copies are dealt out to lanes, have their copies innermost there and stay there for several steps: each must go where it would go alone. */
import { describe, expect, it } from "vitest";
import { type Adversary, weightedDirection } from "../../src/analysis/adversarial-direction.ts";
import { type Learner, weightCount } from "../../src/analysis/learner.ts";
import { compileSteps, type Steps } from "../../src/analysis/steps.ts";
import { matMul, mul, reshape, square, sub, tanh } from "../../src/graph/index.ts";
import { type FloatDType, key, normal } from "../../src/tensor/index.ts";

const [N, d, width] = [32, 2, 3];
const learner: Learner = {
  weights: { W: [d, width], a: [width] },
  losses: ({ W, a }, x, y) => mul(square(sub(reshape(matMul(tanh(matMul(x, W)), reshape(a, [width, 1])), [N]), y)), 0.5),
};
const p = weightCount(learner);
const data = { x: normal(key(1), [N, d]), y: normal(key(2), [N]) };
const adversary: Adversary = { α: 0.1, K: 2 };
const steps = (copies: number, precision: FloatDType = "float64"): Promise<Steps> =>
  compileSteps(data, { copies, precision, weights: p, drives: N }, ({ θ, drive, dt }, x, y) =>
    weightedDirection(learner, θ, x, y, mul(drive, dt), adversary),
  );
const dt = 0.01;
const drivesOf = (copies: number, count: number) => Array.from({ length: count }, (_, i) => normal(key(10 + i), [copies, N]).data);
const worst = (a: ArrayLike<number>, b: ArrayLike<number>) => Math.max(...Array.from(a, (v, i) => Math.abs(v - b[i])));

describe.each([20, 130, 201])("%i copies", (copies) => {
  const start = normal(key(3), [copies, p]).data;
  const drives = drivesOf(copies, 3);

  it("go where each goes alone, one step at a time", async () => {
    const [all, single] = [await steps(copies), await steps(1)];
    const given = start.slice();
    const found = await all.follow(start, dt, drives);
    expect(start).toEqual(given);
    for (const copy of [0, 1, 63, 64, 65, 100, copies - 1].filter((copy) => copy < copies)) {
      let X: Float64Array = start.slice(copy * p, (copy + 1) * p);
      for (const drive of drives) X = await single.follow(X, dt, [drive.slice(copy * N, (copy + 1) * N)]);
      expect(worst(X, found.subarray(copy * p, (copy + 1) * p))).toBeLessThan(1e-13);
      expect(worst(X, start.subarray(copy * p, (copy + 1) * p))).toBeGreaterThan(1e-4);
    }
    await Promise.all([all.release(), single.release()]);
  });

  it("of several simulations at once do not disturb each other, and are written where that is asked for", async () => {
    const all = await steps(copies);
    const expected = [];
    for (const drive of drives) expected.push(await all.follow(start, dt, [drive]));
    const into = drives.map(() => new Float64Array(copies * p));
    const together = await Promise.all(drives.map((drive, i) => all.follow(start, dt, [drive], into[i])));
    expect(together).toEqual(expected);
    for (const [i, place] of into.entries()) expect(together[i]).toBe(place);
    await all.release();
  });
});

it("a float32 pull moves weights that stay in float64", async () => {
  const copies = 200;
  const start = normal(key(3), [copies, p]).data;
  const [rough, exact] = [await steps(copies, "float32"), await steps(copies)];
  const drives = drivesOf(copies, 2);
  const apart = worst(await rough.follow(start, dt, drives), await exact.follow(start, dt, drives));
  expect(apart).toBeGreaterThan(0);
  expect(apart).toBeLessThan(1e-5);
  expect(await rough.follow(start, 0, drives)).toEqual(start);
  await Promise.all([rough.release(), exact.release()]);
});

it("what goes wrong in a lane is said", async () => {
  const copies = 200;
  const all = await steps(copies);
  await expect(all.follow(new Float64Array(copies * p), dt, [new Float64Array(copies * N - 1)])).rejects.toThrow();
  await all.release();
  await expect(compileSteps({ ...data, y: normal(key(2), [N + 1]) }, { copies, weights: p, drives: N }, ({ θ }) => θ)).rejects.toThrow(
    "do not belong",
  );
});
