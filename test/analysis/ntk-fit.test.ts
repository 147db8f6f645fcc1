import { describe, expect, it } from "vitest";
import { FitError, interpolate, leastNormFit, predict } from "../../src/analysis/ntk-fit.ts";
import { type Kernel, quadraticReluDual, rowsOf, twoLayerNtk } from "../../src/analysis/ntk-kernels.ts";
import { spherePoints } from "../../src/papers/ntk-convergence/points.ts";
import { key, normal, tensor } from "../../src/tensor/index.ts";

const kernel = twoLayerNtk(quadraticReluDual);
const { points, labels } = spherePoints(key(2), { n: 10, d: 4, separation: 0.3 });
/** ⟨x, x′⟩: functions are linear and the norm is that of their weights. */
const linear: Kernel = (x, z) => rowsOf(x).mmul(rowsOf(z).transpose());

describe("interpolate", () => {
  it("passes through the targets with norm √(yᵀK⁻¹y), which bounds itself from below", () => {
    const fit = interpolate(kernel, points, labels);
    predict(fit, points).forEach((g, i) => {
      expect(g).toBeCloseTo(labels[i], 9);
    });
    const inverseForm = fit.coefficients.reduce((sum, β, i) => sum + β * labels[i], 0);
    expect(fit.norm).toBeCloseTo(Math.sqrt(inverseForm), 8);
    expect(fit.lowerBound).toBeCloseTo(fit.norm, 6);
  });

  it("minimizes Σ (g − y)² + λ‖g‖² with a ridge: no perturbation of β is better", () => {
    const λ = 0.3;
    const fit = interpolate(kernel, points, labels, { ridge: λ });
    const K = kernel(points, points);
    const objective = (β: Float64Array) => {
      const g = K.mmul(rowsOf(tensor(β, [10, 1], "float64"))).to1DArray();
      return g.reduce((sum, v, i) => sum + (v - labels[i]) ** 2 + λ * β[i] * v, 0);
    };
    const least = objective(fit.coefficients);
    for (let trial = 0; trial < 20; trial++) {
      const change = normal(key(3).fold(trial), [10], 1e-2).data;
      expect(objective(fit.coefficients.map((β, i) => β + change[i]))).toBeGreaterThan(least);
    }
  });

  it("refuses a singular kernel matrix", () => {
    const repeated = tensor([...points.data, ...points.data], [20, 4], "float64");
    expect(() => interpolate(kernel, repeated, [...labels, ...labels])).toThrow(FitError);
  });
});

describe("leastNormFit", () => {
  it("meets the targets within the tolerance, and the dual certifies that no smaller norm can", () => {
    const fit = leastNormFit(kernel, points, labels, { tolerance: 0.1, slack: 1e-6 });
    expect(fit.worstResidual).toBeLessThanOrEqual(0.1 * (1 + 1e-6));
    expect(Math.abs(fit.norm / fit.lowerBound - 1)).toBeLessThan(1e-4);
    expect(fit.norm).toBeLessThan(interpolate(kernel, points, labels).norm);
    const g = predict(fit, points);
    fit.coefficients.forEach((β, j) => {
      if (β !== 0) expect(Math.sign(β) * (labels[j] - g[j])).toBeCloseTo(0.1, 4);
    });
  });

  it("of a single target y with the linear kernel is (|y| − ε)/‖x‖", () => {
    const x = tensor([3, 4], [1, 2], "float64");
    expect(leastNormFit(linear, x, [2], { tolerance: 0.5 }).norm).toBeCloseTo(1.5 / 5, 12);
    expect(leastNormFit(linear, x, [0.4], { tolerance: 0.5 }).norm).toBe(0);
  });

  it("agrees with the hard-margin solution of two orthogonal points under the linear kernel", () => {
    const x = tensor([2, 0, 0, 1], [2, 2], "float64");
    const fit = leastNormFit(linear, x, [1, -1], { tolerance: 0.2 });
    expect(fit.norm).toBeCloseTo(Math.hypot(0.8 / 2, 0.8), 10);
  });

  it("approaches interpolation as the tolerance vanishes, and needs no less norm for a smaller tolerance", () => {
    const norms = [0.4, 0.2, 0.1, 0.01, 0.0001].map((tolerance) => leastNormFit(kernel, points, labels, { tolerance, slack: 1e-6 }).norm);
    norms.slice(1).forEach((norm, i) => {
      expect(norm).toBeGreaterThan(norms[i]);
    });
    expect(norms[4]).toBeCloseTo(interpolate(kernel, points, labels).norm, 2);
  });

  it("says so when the targets cannot be met", () => {
    const twice = tensor([1, 0, 1, 0], [2, 2], "float64");
    expect(() => leastNormFit(linear, twice, [1, -1], { tolerance: 0.5, maximumSteps: 1000 })).toThrow(FitError);
    expect(() => leastNormFit(linear, twice, [1], { tolerance: 0.5 })).toThrow(RangeError);
    expect(() => leastNormFit(linear, twice, [1, 1], { tolerance: 0 })).toThrow(/interpolate/);
  });
});
