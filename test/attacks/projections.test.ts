import { fc, test } from "@fast-check/vitest";
import { expect, it } from "vitest";
import { contains, distance, type Norm, type PerturbationSet, project, projectOntoL1Ball, randomPoint } from "../../src/attacks/index.ts";
import { key } from "../../src/tensor/index.ts";

const value = fc.double({ min: -2, max: 3, noNaN: true });
const inside = fc.double({ min: 0, max: 1, noNaN: true });
const sets = fc
  .tuple(
    fc.constantFrom<Norm>("linf", "l2", "l1"),
    fc.array(inside, { minLength: 1, maxLength: 12 }),
    fc.double({ min: 0.01, max: 2, noNaN: true }),
  )
  .map(([norm, center, epsilon]): PerturbationSet => ({ norm, center: Float32Array.from(center), epsilon, low: 0, high: 1 }));

test.prop([sets, fc.array(value, { minLength: 12, maxLength: 12 })])(
  "a projected point lies in the set, and stays where it is when projected again",
  (set, raw) => {
    const point = project(set, Float32Array.from(raw.slice(0, set.center.length)));
    expect(contains(set, point)).toBe(true);
    const again = project(set, point.slice());
    for (let i = 0; i < point.length; i++) expect(again[i]).toBeCloseTo(point[i], 5);
  },
);

test.prop([sets, fc.nat()])("a random point lies in the set and follows its key", (set, seed) => {
  const point = randomPoint(set, key(seed));
  expect(contains(set, point)).toBe(true);
  expect(randomPoint(set, key(seed))).toEqual(point);
});

/** Brute force: the nearest point of the L1 ball, over a fine grid in two dimensions. */
it("projects onto the L1 ball as brute force does", () => {
  const center = [0.3, 0.6];
  for (const raw of [
    [1.3, 0.7],
    [0.2, -0.9],
    [2, 2],
    [0.35, 0.62],
  ]) {
    const radius = 0.5;
    let best = Number.POSITIVE_INFINITY;
    for (let k = -500; k <= 500; k++) {
      const a = (radius * k) / 500;
      for (const b of [radius - Math.abs(a), Math.abs(a) - radius, 0])
        best = Math.min(best, distance([center[0] + a, center[1] + b], raw, "l2"));
    }
    if (distance(raw, center, "l1") <= radius) best = 0;
    const projected = projectOntoL1Ball(Float32Array.from(raw), center, radius);
    expect(distance(projected, center, "l1")).toBeLessThanOrEqual(radius + 1e-6);
    expect(distance(projected, raw, "l2")).toBeCloseTo(best, 3);
  }
});

it("random points of the L2 ball are uniform in volume: the radius has the law r^d", () => {
  const d = 3;
  const set: PerturbationSet = { norm: "l2", center: new Float32Array(d).fill(0.5), epsilon: 0.25, low: 0, high: 1 };
  const draws = 4000;
  let within = 0;
  for (let i = 0; i < draws; i++) within += distance(randomPoint(set, key(1).fold(i)), set.center, "l2") <= 0.125 ? 1 : 0;
  const expected = 1 / 2 ** d;
  expect(Math.abs(within / draws - expected)).toBeLessThan(4 * Math.sqrt((expected * (1 - expected)) / draws));
});
