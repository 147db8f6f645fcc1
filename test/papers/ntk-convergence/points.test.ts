import { describe, expect, it } from "vitest";
import {
  ballProjection,
  capProjection,
  capSamples,
  distance,
  gaussianPoints,
  oppositeSeparation,
  repeatRows,
  row,
  spherePoints,
  stack,
} from "../../../src/papers/ntk-convergence/points.ts";
import { key, normal } from "../../../src/tensor/index.ts";

const δ = 0.25;
const { points, labels } = spherePoints(key(1), { n: 8, d: 6, separation: 2.2 * δ });

describe("data", () => {
  it("lies on the sphere, apart from itself and its antipodes, with alternating labels", () => {
    for (let i = 0; i < 8; i++) {
      expect(Math.hypot(...row(points, i))).toBeCloseTo(1, 14);
      expect(labels[i]).toBe(i % 2 === 0 ? 1 : -1);
      for (let j = 0; j < i; j++) {
        expect(distance(row(points, i), row(points, j))).toBeGreaterThan(2.2 * δ);
        expect(
          distance(
            row(points, i),
            row(points, j).map((v) => -v),
          ),
        ).toBeGreaterThan(2.2 * δ);
      }
    }
    expect(() => spherePoints(key(1), { n: 20, d: 2, separation: 1 })).toThrow(/fewer/);
  });

  it("of the capacity experiment has opposite labels exactly 2 apart", () => {
    const data = gaussianPoints(key(4), { n: 40, d: 5 });
    expect(oppositeSeparation(data)).toBeCloseTo(2, 12);
    expect(new Set(data.labels)).toEqual(new Set([1, -1]));
  });
});

describe("projection", () => {
  const anywhere = normal(key(2), [8, 6], 0.8);

  it("onto the cap lands in it, is idempotent, and no point of the cap is nearer (points of the sphere)", () => {
    const unit = stack(Array.from({ length: 8 }, (_, i) => row(anywhere, i).map((v, _k, x) => v / Math.hypot(...x))));
    const projected = capProjection(δ)(unit, points);
    const samples = capSamples(key(3), points, δ, 500);
    const again = capProjection(δ)(projected, points);
    for (let i = 0; i < 8; i++) {
      const x = row(projected, i);
      expect(Math.hypot(...x)).toBeCloseTo(1, 13);
      expect(distance(x, row(points, i))).toBeLessThanOrEqual(δ + 1e-13);
      expect(distance(x, row(again, i))).toBeLessThan(1e-13);
      const reached = distance(x, row(unit, i));
      for (let s = 0; s < 500; s++) expect(distance(row(samples, 500 * i + s), row(unit, i))).toBeGreaterThanOrEqual(reached - 1e-12);
    }
  });

  it("onto the cap keeps what lies inside, takes the radius δ = 0 to the centre and the origin too", () => {
    const inside = capSamples(key(5), points, 0.9 * δ, 1);
    const kept = capProjection(δ)(inside, points);
    kept.data.forEach((v, i) => {
      expect(v).toBeCloseTo(inside.data[i], 13);
    });
    const none = capProjection(0)(anywhere, points);
    const origin = capProjection(δ)({ ...points, data: points.data.map(() => 0) }, points);
    points.data.forEach((v, i) => {
      expect(none.data[i]).toBeCloseTo(v, 13);
      expect(origin.data[i]).toBe(v);
    });
  });

  it("onto the ball scales the difference back", () => {
    const projected = ballProjection(δ)(anywhere, points);
    for (let i = 0; i < 8; i++) expect(distance(row(projected, i), row(points, i))).toBeCloseTo(δ, 13);
  });

  it("samples lie in their own caps, half of them on the rim", () => {
    const samples = capSamples(key(6), points, δ, 20);
    const centres = repeatRows(points, 20);
    for (let s = 0; s < 160; s++) {
      const away = distance(row(samples, s), row(centres, s));
      expect(away).toBeLessThanOrEqual(δ + 1e-13);
      if (s % 2 === 0) expect(away).toBeCloseTo(δ, 12);
      expect(Math.hypot(...row(samples, s))).toBeCloseTo(1, 13);
    }
  });
});
