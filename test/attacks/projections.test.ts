import { fc, test } from "@fast-check/vitest";
import { describe, expect, it } from "vitest";
import {
  contains,
  distance,
  lengthOf,
  type Norm,
  type PerturbationSet,
  project,
  projectOntoL0,
  projectOntoL1,
  randomPoint,
  stepToHyperplane,
} from "../../src/attacks/index.ts";
import { key } from "../../src/tensor/index.ts";

const value = fc.double({ min: -2, max: 3, noNaN: true });
const inside = fc.double({ min: 0, max: 1, noNaN: true });
const box = (width: number) => ({ low: new Float32Array(width), high: new Float32Array(width).fill(1) });
const sets = fc
  .tuple(
    fc.constantFrom<Norm>("linf", "l2", "l1", "l0"),
    fc.array(inside, { minLength: 1, maxLength: 12 }),
    fc.double({ min: 0.01, max: 2, noNaN: true }),
  )
  .map(([norm, center, epsilon]): PerturbationSet => ({ norm, center: Float32Array.from(center), epsilon, ...box(center.length) }));

test.prop([sets, fc.array(value, { minLength: 12, maxLength: 12 })])(
  "a projected point lies in the set, and stays where it is when projected again",
  (set, raw) => {
    const point = project(set, Float32Array.from(raw.slice(0, set.center.length)));
    expect(contains(set, point)).toBe(true);
    const again = project(set, point.slice());
    for (let i = 0; i < point.length; i++) expect(again[i]).toBeCloseTo(point[i], 5);
  },
);

test.prop([sets.filter(({ norm }) => norm !== "l0"), fc.nat()])("a random point lies in the set and follows its key", (set, seed) => {
  const point = randomPoint(set, key(seed));
  expect(contains(set, point)).toBe(true);
  expect(randomPoint(set, key(seed))).toEqual(point);
});

describe("the projection onto the L1 ball within the box", () => {
  // The variational inequality ⟨y − Πy, z − Πy⟩ ≤ 0 for every z of the set says that Πy is the nearest point.
  test.prop([
    fc.array(fc.tuple(inside, value), { minLength: 1, maxLength: 10 }),
    fc.double({ min: 0.01, max: 3, noNaN: true }),
    fc.array(fc.nat(), { minLength: 5, maxLength: 5 }),
  ])("satisfies the variational inequality", (pairs, epsilon, seeds) => {
    const center = Float32Array.from(pairs, ([c]) => c);
    const y = Float32Array.from(pairs, ([, v]) => v);
    const set: PerturbationSet = { norm: "l1", center, epsilon, ...box(center.length) };
    const nearest = projectOntoL1(set, y.slice());
    const corners = Array.from(center.keys()).flatMap((i) =>
      [-epsilon, epsilon].map((δ) => center.map((c, j) => (i === j ? Math.min(Math.max(c + δ, 0), 1) : c))),
    );
    for (const z of [...corners, ...seeds.map((seed) => randomPoint(set, key(seed)))]) {
      let product = 0;
      for (let i = 0; i < y.length; i++) product += (y[i] - nearest[i]) * (z[i] - nearest[i]);
      expect(product).toBeLessThanOrEqual(1e-5);
    }
  });

  it("is what a fine grid finds in two dimensions", () => {
    const set: PerturbationSet = { norm: "l1", center: Float32Array.of(0.3, 0.9), epsilon: 0.5, ...box(2) };
    for (const raw of [
      [1.3, 0.7],
      [0.2, -0.9],
      [2, 2],
      [0.35, 1.3],
    ]) {
      let best = Number.POSITIVE_INFINITY;
      const steps = 400;
      for (let i = 0; i <= steps; i++)
        for (let j = 0; j <= steps; j++) {
          const z = [i / steps, j / steps];
          if (distance(z, set.center, "l1") <= set.epsilon + 1e-9) best = Math.min(best, distance(z, raw, "l2"));
        }
      const projected = projectOntoL1(set, Float32Array.from(raw));
      expect(contains(set, projected)).toBe(true);
      expect(distance(projected, raw, "l2")).toBeLessThanOrEqual(best + 1e-6);
      expect(distance(projected, raw, "l2")).toBeGreaterThan(best - 0.01);
    }
  });
});

test.prop([fc.array(fc.tuple(inside, value), { minLength: 1, maxLength: 7 }), fc.nat({ max: 7 })])(
  "the projection onto the L0 ball is the best of all choices of components",
  (pairs, kept) => {
    const center = Float32Array.from(pairs, ([c]) => c);
    const y = Float32Array.from(pairs, ([, v]) => v);
    const clipped = y.map((v) => Math.min(Math.max(v, 0), 1));
    let best = Number.POSITIVE_INFINITY;
    for (let choice = 0; choice < 2 ** y.length; choice++) {
      const chosen = Array.from(y.keys()).filter((i) => (choice >> i) & 1);
      if (chosen.length > kept) continue;
      best = Math.min(
        best,
        distance(
          y,
          center.map((c, i) => (chosen.includes(i) ? clipped[i] : c)),
          "l2",
        ),
      );
    }
    const projected = projectOntoL0({ center, epsilon: kept, ...box(y.length) }, y.slice());
    expect(distance(projected, center, "l0")).toBeLessThanOrEqual(kept);
    expect(distance(projected, y, "l2")).toBeCloseTo(best, 5);
  },
);

describe("the step to a hyperplane within the box", () => {
  const cases = fc.tuple(
    fc.array(fc.tuple(inside, fc.double({ min: -2, max: 2, noNaN: true })), { minLength: 1, maxLength: 6 }),
    fc.double({ min: -2, max: 2, noNaN: true }),
  );
  for (const norm of ["linf", "l2", "l1"] as const) {
    test.prop([cases])(`reaches it in ${norm}, or the corner nearest to it, and stays in the box`, ([pairs, offset]) => {
      const point = Float64Array.from(pairs, ([v]) => v);
      const w = Float64Array.from(pairs, ([, v]) => v);
      const δ = stepToHyperplane({ point, ...box(w.length) }, w, offset, norm);
      const product = (z: ArrayLike<number>) => w.reduce((total, v, i) => total + v * z[i], 0);
      const reached = product(point.map((v, i) => v + δ[i]));
      const [least, most] = [w.reduce((t, v) => t + Math.min(v, 0), 0), w.reduce((t, v) => t + Math.max(v, 0), 0)];
      expect(reached).toBeCloseTo(Math.min(Math.max(offset, least), most), 8);
      δ.forEach((v, i) => {
        expect(point[i] + v).toBeGreaterThanOrEqual(-1e-9);
        expect(point[i] + v).toBeLessThanOrEqual(1 + 1e-9);
      });
    });

    it(`is the shortest in ${norm} that a fine grid finds`, () => {
      const [point, w, offset] = [[0.2, 0.9], [1, 0.8], 1.5];
      const δ = stepToHyperplane({ point, ...box(2) }, w, offset, norm);
      let best = Number.POSITIVE_INFINITY;
      for (let i = 0; i <= 20_000; i++) {
        const z = [i / 20_000, (offset - i / 20_000) / w[1]];
        if (z[1] >= 0 && z[1] <= 1) best = Math.min(best, distance(z, point, norm));
      }
      expect(lengthOf(δ, norm)).toBeCloseTo(best, 3);
    });
  }
});

it("random points of the L2 ball are uniform in volume: the radius has the law r^d", () => {
  const d = 3;
  const set: PerturbationSet = { norm: "l2", center: new Float32Array(d).fill(0.5), epsilon: 0.25, ...box(d) };
  const draws = 4000;
  let within = 0;
  for (let i = 0; i < draws; i++) within += distance(randomPoint(set, key(1).fold(i)), set.center, "l2") <= 0.125 ? 1 : 0;
  const expected = 1 / 2 ** d;
  expect(Math.abs(within / draws - expected)).toBeLessThan(4 * Math.sqrt((expected * (1 - expected)) / draws));
});
