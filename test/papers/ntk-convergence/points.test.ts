import { describe, expect, it } from "vitest";
import { constant, evaluate } from "../../../src/graph/index.ts";
import {
  checkLabelled,
  distance,
  dot,
  gaussianPoints,
  oppositeSeparation,
  repeatRows,
  row,
  rowsOf,
  spherePoints,
  stack,
} from "../../../src/papers/ntk-convergence/points.ts";
import { balls, caps, type PerturbationSets } from "../../../src/papers/ntk-convergence/sets.ts";
import { key, normal, type Tensor } from "../../../src/tensor/index.ts";

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

describe("perturbation sets", () => {
  const anywhere = normal(key(2), [8, 6], 0.8);
  const project = (sets: PerturbationSets, x: Tensor<"float64">) => evaluate([sets.projection(constant(points))(constant(x))])[0];

  it("projects onto the cap: into it, idempotent, and no point of the cap is nearer (for points of the sphere)", () => {
    const unit = stack(rowsOf(anywhere).map((x) => x.map((v) => v / Math.hypot(...x))));
    const projected = project(caps(δ), unit);
    const samples = caps(δ).sample(key(3), repeatRows(points, 500));
    const again = project(caps(δ), projected);
    for (let i = 0; i < 8; i++) {
      const x = row(projected, i);
      expect(Math.hypot(...x)).toBeCloseTo(1, 13);
      expect(distance(x, row(points, i))).toBeLessThanOrEqual(δ + 1e-13);
      expect(distance(x, row(again, i))).toBeLessThan(1e-13);
      const reached = distance(x, row(unit, i));
      for (let s = 0; s < 500; s++) expect(distance(row(samples, 500 * i + s), row(unit, i))).toBeGreaterThanOrEqual(reached - 1e-12);
    }
  });

  it("keeps what lies inside the cap, and takes everything to the centre when δ = 0", () => {
    const inside = caps(0.9 * δ).sample(key(5), points);
    project(caps(δ), inside).data.forEach((v, i) => {
      expect(v).toBeCloseTo(inside.data[i], 13);
    });
    project(caps(0), anywhere).data.forEach((v, i) => {
      expect(v).toBeCloseTo(points.data[i], 13);
    });
  });

  it("stays in the cap where no point is nearest: from the antipodes, next to them, and from the zero vector", () => {
    const axes = [0, 1, 5].map((k) => Float64Array.from({ length: 6 }, (_, i) => (i === k ? 1 : 0)));
    const centres = stack([...rowsOf(points), ...axes, ...axes.map((x) => x.map((v) => -v))]);
    for (const radius of [δ, 1.9]) {
      for (const x of [
        centres.data.map((v) => -v),
        centres.data.map((v) => -3 * v),
        centres.data.map((v, i) => -v + 1e-14 * Math.sin(i)),
        new Float64Array(centres.data.length),
      ]) {
        const projected = evaluate([caps(radius).projection(constant(centres))(constant({ ...centres, data: x }))])[0] as Tensor<"float64">;
        rowsOf(projected).forEach((point, i) => {
          expect(Math.hypot(...point)).toBeCloseTo(1, 13);
          if (x[0] !== 0) expect(distance(point, row(centres, i))).toBeCloseTo(radius, 13);
          else expect(distance(point, row(centres, i))).toBeLessThanOrEqual(radius + 1e-13);
        });
      }
    }
    const line = constant(stack([[1], [-1]]));
    expect(() => caps(δ).projection(line)(line)).toThrow(/two or more dimensions/);
  });

  it("reaches the rim in the tangential direction, whatever the radial part, and in some direction without a tangential one", () => {
    const angle = 2 * Math.asin(δ / 2);
    const tangents = rowsOf(anywhere).map((v, i) => v.map((w, k) => w - dot(v, row(points, i)) * row(points, i)[k]));
    for (const radial of [0, 1e6, -1e6]) {
      const direction = stack(tangents.map((t, i) => t.map((v, k) => 1e-200 * (v + radial * row(points, i)[k]))));
      const rim = evaluate([caps(δ).rim(constant(points), constant(direction))])[0] as Tensor<"float64">;
      tangents.forEach((t, i) => {
        const expected = row(points, i).map((c, k) => Math.cos(angle) * c + (Math.sin(angle) * t[k]) / Math.hypot(...t));
        expect(distance(row(rim, i), expected)).toBeLessThan(radial === 0 ? 1e-13 : 1e-8);
      });
    }
    for (const direction of [points, { ...points, data: new Float64Array(48) }]) {
      const rim = evaluate([caps(δ).rim(constant(points), constant(direction))])[0] as Tensor<"float64">;
      rowsOf(rim).forEach((x, i) => {
        expect(Math.hypot(...x)).toBeCloseTo(1, 13);
        expect(distance(x, row(points, i))).toBeCloseTo(δ, 13);
      });
    }
    const onBall = evaluate([balls(δ).rim(constant(points), constant(anywhere))])[0].data;
    points.data.forEach((c, j) => {
      expect(onBall[j]).toBeCloseTo(c + (δ * anywhere.data[j]) / Math.hypot(...row(anywhere, Math.floor(j / 6))), 13);
    });
  });

  it("refuses impossible radii, and data without labels ±1", () => {
    expect(() => caps(2.5)).toThrow(RangeError);
    expect(() => caps(Number.NaN)).toThrow(RangeError);
    expect(() => balls(-1)).toThrow(RangeError);
    expect(() => checkLabelled({ points, labels: labels.map((y) => (y + 1) / 2) })).toThrow(/\+1 or −1/);
    expect(() => checkLabelled({ points, labels: labels.slice(1) })).toThrow(/7 labels/);
  });

  it("projects onto the ball by scaling the difference back", () => {
    const projected = project(balls(δ), anywhere);
    for (let i = 0; i < 8; i++) {
      expect(distance(row(projected, i), row(points, i))).toBeCloseTo(δ, 13);
      const [moved, wanted] = [projected, anywhere].map((x) => row(x, i).map((v, k) => v - row(points, i)[k]));
      const scale = moved[0] / wanted[0];
      moved.forEach((v, k) => {
        expect(v).toBeCloseTo(scale * wanted[k], 12);
      });
    }
  });

  it("samples the sets of the right centres, and caps on the rim as often as inside", () => {
    const centres = repeatRows(points, 50);
    const onCap = caps(δ).sample(key(6), centres);
    const inBall = balls(δ).sample(key(6), centres);
    let rim = 0;
    let radiusMoment = 0;
    for (let s = 0; s < 400; s++) {
      const away = distance(row(onCap, s), row(centres, s));
      expect(away).toBeLessThanOrEqual(δ + 1e-13);
      expect(Math.hypot(...row(onCap, s))).toBeCloseTo(1, 13);
      if (away > δ - 1e-12) rim++;
      radiusMoment += (distance(row(inBall, s), row(centres, s)) / δ) ** 6 / 400;
    }
    expect(Math.abs(rim - 200)).toBeLessThan(5 * 10);
    // uniform in the ball of ℝ⁶: (r/δ)⁶ is uniform on [0, 1]
    expect(Math.abs(radiusMoment - 0.5)).toBeLessThan(5 * Math.sqrt(1 / 12 / 400));
  });
});
