import { describe, expect, it } from "vitest";
import { distance, row } from "../../../src/papers/ntk-convergence/points.ts";
import {
  disagreements,
  geometryError,
  nearestCentre,
  robustMargin,
  shattering,
  trainRobustAffine,
  value,
} from "../../../src/papers/ntk-convergence/shattering.ts";
import { key, normal, uniform } from "../../../src/tensor/index.ts";

const labelling = (seed: number, count: number) => uniform(key(seed), [count]).data.map((u) => (u < 0.5 ? -1 : 1));

describe("shattering construction", () => {
  it("satisfies its two identities to 1e-12 up to d = 100 and for several pairs", () => {
    for (const d of [2, 3, 10, 100])
      for (const pairs of [1, 4]) expect(geometryError(shattering(labelling(d, d * pairs), d))).toBeLessThan(1e-12);
  });

  it("has disjoint balls of opposite labels, each shattered point in a ball of its own label and in none of the other", () => {
    const { centres, shattered, leastRadius, radiusLimit } = shattering(labelling(1, 30), 10);
    const δ = (leastRadius + radiusLimit) / 2;
    centres.labels.forEach((y, i) => {
      centres.labels.forEach((z, j) => {
        if (y !== z) expect(distance(row(centres.points, i), row(centres.points, j))).toBeGreaterThan(2 * δ);
      });
    });
    shattered.labels.forEach((y, j) => {
      const balls = [...centres.labels].filter((_, i) => distance(row(shattered.points, j), row(centres.points, i)) <= δ);
      expect(balls).toEqual([y]);
    });
  });

  it("w = y is right on the balls with margin √d(√d − δ), and labels every e_j as asked", () => {
    const d = 25;
    const y = labelling(3, d);
    const { centres, shattered } = shattering(y, d);
    const δ = Math.sqrt(d - 1) + 1e-6;
    expect(robustMargin({ w: y, b: 0 }, centres, δ)).toBeCloseTo(5 * (5 - δ), 12);
    expect(robustMargin({ w: y, b: 0 }, centres, 5)).toBeCloseTo(0, 12);
    expect(disagreements((x) => value({ w: y, b: 0 }, x), shattered)).toBe(0);
  });

  it("a trained robust classifier labels the points too, whatever the labelling; a plain one need not", () => {
    let plainErrors = 0;
    for (let seed = 0; seed < 20; seed++) {
      const d = 10;
      const { centres, shattered, leastRadius } = shattering(labelling(seed, d), d);
      const start = { w: normal(key(seed).fold("w"), [d]).data, b: 0.1 };
      const robust = trainRobustAffine(start, centres, leastRadius + 1e-6);
      expect(robustMargin(robust, centres, leastRadius + 1e-6)).toBeGreaterThan(0);
      expect(disagreements((x) => value(robust, x), shattered)).toBe(0);
      const plain = trainRobustAffine(start, centres, 0);
      plainErrors += disagreements((x) => value(plain, x), shattered);
    }
    expect(plainErrors).toBeGreaterThan(0);
  });

  it("with p pairs shatters d·p points by the nearest centre, which is right on all balls", () => {
    const { centres, shattered } = shattering(labelling(8, 60), 6);
    expect(centres.labels.length).toBe(20);
    expect(disagreements(nearestCentre(centres), shattered)).toBe(0);
  });

  it("refuses labels that do not come in groups of d, or are not ±1, and balls that no hyperplane separates", () => {
    expect(() => shattering([1, 1, -1], 2)).toThrow(RangeError);
    expect(() => shattering([1, 0], 2)).toThrow(/\+1 or −1/);
    const { centres, radiusLimit } = shattering([1, -1, 1], 3);
    expect(() => trainRobustAffine({ w: new Float64Array([1, 0, 0]), b: 0 }, centres, radiusLimit, { steps: 100 })).toThrow(/hyperplane/);
  });
});
