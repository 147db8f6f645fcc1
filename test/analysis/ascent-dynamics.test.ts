import { describe, expect, it } from "vitest";
import { checkKkt, cosine, fitTail, hittingStep, regularityIndex, straightness } from "../../src/analysis/ascent-dynamics.ts";
import type { Objective } from "../../src/analysis/objective.ts";
import { key } from "../../src/tensor/index.ts";

/** F_b(δ) = k_b + p_b·δ + ½ δᵀ diag(q_b) δ: a quadratic with known extrema. */
function quadratics(rows: readonly { k?: number; p: readonly number[]; q: readonly number[] }[]): Objective {
  const n = rows[0].p.length;
  const value = (delta: Float64Array) =>
    Float64Array.from(rows, ({ k = 0, p, q }, b) =>
      p.reduce((sum, slope, i) => sum + slope * delta[b * n + i] + (q[i] / 2) * delta[b * n + i] ** 2, k),
    );
  const gradient = (delta: Float64Array) => delta.map((x, j) => rows[Math.floor(j / n)].p[j % n] + rows[Math.floor(j / n)].q[j % n] * x);
  return {
    batch: rows.length,
    dimension: n,
    value: async (delta) => value(delta),
    gradient: async (delta) => ({ value: value(delta), gradient: gradient(delta) }),
    curvature: async (_, v) => v.map((x, j) => rows[Math.floor(j / n)].q[j % n] * x),
    ascend: () => Promise.reject(new Error("not needed")),
  };
}

describe("KKT and second order on quadratics", () => {
  const radius = [2, 2, 2, 2, 2];
  const objective = quadratics([
    { p: [3, 0, 0], q: [1, 1, -4] }, // at (2,0,0): Λ = 5, μ = 1 < Λ/ε: strict maximum
    { p: [3, 0, 0], q: [1, 4, 0] }, // the same point, μ = 4 > Λ/ε = 2.5: a saddle of the sphere
    { p: [3, 1, 0], q: [1, 1, 0] }, // not stationary there
    { k: 5, p: [0, 0, 0], q: [-1, -2, -3] }, // an interior maximum at 0
    { p: [-3, 0, 0], q: [0, 0, 0] }, // gradient points inwards: no KKT point of a maximum
  ]);
  const delta = Float64Array.from([2, 0, 0, 2, 0, 0, 2, 0, 0, 0, 0, 0, 2, 0, 0]);

  it("tells maxima, saddles, non-stationary and interior points apart", async () => {
    const [maximum, saddle, moving, interior, inward] = await checkKkt(objective, delta, radius, { key: key(1) });
    expect(maximum).toMatchObject({ onSphere: true, residual: 0, strictLocalMaximum: true });
    expect(maximum.multiplier).toBeCloseTo(5, 12);
    expect(maximum.curvature).toBeCloseTo(1, 12);
    expect(maximum.margin).toBeCloseTo((2 * 1) / 5 - 1, 12);
    expect(saddle).toMatchObject({ residual: 0, strictLocalMaximum: false });
    expect(saddle.margin).toBeCloseTo((2 * 4) / 5 - 1, 12);
    expect(moving.residual).toBeCloseTo(1 / Math.hypot(5, 1), 12);
    expect(moving.strictLocalMaximum).toBe(false);
    expect(interior).toMatchObject({ onSphere: false, multiplier: 0, residual: 0, strictLocalMaximum: true });
    expect(interior.curvature).toBeCloseTo(-1, 12);
    expect(inward.residual).toBe(1);
    expect(inward.strictLocalMaximum).toBe(false);
  });

  it("measures κ = εh/g with h the largest |eigenvalue|", async () => {
    const [first] = await regularityIndex(objective, new Float64Array(15), radius, { key: key(2) });
    expect(first.g).toBeCloseTo(3, 12);
    expect(first.h).toBeCloseTo(4, 12);
    expect(first.kappa).toBeCloseTo(8 / 3, 12);
  });
});

describe("paths", () => {
  it("fits the rate of a geometric tail and ignores what lies outside the window", () => {
    const errors = Array.from({ length: 80 }, (_, t) => 0.7 * 0.6 ** t);
    const clean = fitTail(errors);
    expect(clean?.rate).toBeCloseTo(0.6, 12);
    expect(clean?.rSquared).toBeCloseTo(1, 12);
    expect(clean?.points).toBe(errors.filter((e) => e > 1e-10 && e < 1e-4).length);
    expect(fitTail([1, 1, 1, ...errors, 0, 0])?.rate).toBeCloseTo(0.6, 12);
    expect(fitTail([1e-5, 1e-6])).toBeUndefined();
  });

  it("is not fooled by slower than linear convergence: R² of 1/t² falls short", () => {
    const fit = fitTail(Array.from({ length: 5000 }, (_, t) => 1 / (t + 1) ** 2));
    expect(fit?.rSquared).toBeLessThan(0.97);
  });

  it("finds the hitting step, or none", () => {
    expect(hittingStep([0, 0.4, 0.9, 1, 1], 1)).toBe(3);
    expect(hittingStep([0, 0.4], 1)).toBeUndefined();
  });

  it("knows straight lines, right angles and rest", () => {
    const at = (...x: number[]) => Float64Array.from(x);
    expect(straightness([at(0, 0), at(1, 1), at(3, 3)])).toBeCloseTo(1, 15);
    expect(straightness([at(0, 0), at(1, 0), at(1, 1)])).toBeCloseTo(Math.SQRT1_2, 15);
    expect(straightness([at(1, 2)])).toBeUndefined();
    expect(cosine(at(1, 0), at(1, 1))).toBeCloseTo(Math.SQRT1_2, 15);
  });
});
