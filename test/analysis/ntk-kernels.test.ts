import { EigenvalueDecomposition } from "ml-matrix";
import { describe, expect, it } from "vitest";
import {
  type DualActivation,
  deepNtk,
  quadraticReluDual,
  reluDual,
  rowsOf,
  smoothDual,
  softplusDual,
  twoLayerNtk,
  withConstant,
} from "../../src/analysis/ntk-kernels.ts";
import { gaussianExpectation, gaussianProduct } from "../../src/analysis/ntk-quadrature.ts";
import { key, normal, type Tensor, tensor } from "../../src/tensor/index.ts";

const relu = (z: number) => Math.max(z, 0);
const sigmoid = (z: number) => 1 / (1 + Math.exp(-z));

describe("Gaussian quadrature", () => {
  it("integrates moments, exponentials and cosines as their closed forms say", () => {
    expect(gaussianExpectation((z) => z ** 4, 3)).toBeCloseTo(27, 11);
    expect(gaussianExpectation((z) => Math.exp(z), 0.5)).toBeCloseTo(Math.exp(0.25), 13);
    expect(gaussianExpectation(Math.cos, 2)).toBeCloseTo(Math.exp(-1), 13);
  });

  it("knows E uv, E u²v² and E eᵘeᵛ of correlated Gaussians, degenerate ones included", () => {
    for (const [p, q, c] of [
      [1, 1, 0.3],
      [2, 0.5, -0.7],
      [1, 1, 1],
      [1, 1, -1],
      [0, 1, 0],
    ]) {
      expect(gaussianProduct((u) => u, p, q, c)).toBeCloseTo(c, 12);
      expect(gaussianProduct((u) => u * u, p, q, c)).toBeCloseTo(p * q + 2 * c * c, 11);
      expect(gaussianProduct((u) => Math.exp(u / 2), p, q, c)).toBeCloseTo(Math.exp((p + q + 2 * c) / 8), 12);
    }
  });
});

describe("dual activations", () => {
  const cases: [DualActivation, (z: number) => number, (z: number) => number][] = [
    [reluDual, relu, (z) => (z > 0 ? 1 : 0)],
    [quadraticReluDual, (z) => relu(z) ** 2, (z) => 2 * relu(z)],
    [softplusDual, (z) => Math.log1p(Math.exp(z)), sigmoid],
  ];
  it.each(cases)("$name agrees with Monte Carlo within five standard errors", (dual, σ, σʹ) => {
    const draws = 200_000;
    const [first, second] = [normal(key(1).fold("u"), [draws]).data, normal(key(1).fold("v"), [draws]).data];
    for (const [p, q, c] of [
      [1, 1, 0.4],
      [1.5, 0.7, -0.8],
      [1, 1, 0],
    ]) {
      const ρ = c / Math.sqrt(p * q);
      for (const [f, expected] of [
        [σ, dual.value(p, q, c)],
        [σʹ, dual.slope(p, q, c)],
      ] as const) {
        const products = first.map((u, i) => f(Math.sqrt(p) * u) * f(Math.sqrt(q) * (ρ * u + Math.sqrt(1 - ρ * ρ) * second[i])));
        const mean = products.reduce((sum, x) => sum + x, 0) / draws;
        const variance = products.reduce((sum, x) => sum + (x - mean) ** 2, 0) / draws;
        expect(Math.abs(mean - expected)).toBeLessThan(5 * Math.sqrt(variance / draws));
      }
    }
  });

  it("gives E σ² and E σ′² at full correlation", () => {
    expect(reluDual.value(2, 2, 2)).toBeCloseTo(1, 14);
    expect(quadraticReluDual.value(1, 1, 1)).toBeCloseTo(1.5, 14);
    expect(softplusDual.slope(1, 1, 1)).toBeCloseTo(
      gaussianExpectation((z) => sigmoid(z) ** 2),
      13,
    );
  });

  it("satisfies d E σ(u)σ(v) / dc = E σ′(u)σ′(v)", () => {
    const h = 1e-4;
    for (const dual of [reluDual, quadraticReluDual, softplusDual]) {
      for (const [p, q, c] of [
        [1, 1, 0.2],
        [2, 1, -0.9],
      ]) {
        expect((dual.value(p, q, c + h) - dual.value(p, q, c - h)) / (2 * h)).toBeCloseTo(dual.slope(p, q, c), 6);
      }
    }
  });
});

describe("two-layer kernels", () => {
  const points = sphere(12, 5, 3);

  it("is t(π − θ)/2π for the ReLU and (2/π) t (sin θ + (π − θ) t) for its square on the sphere", () => {
    const [K1, K2] = [twoLayerNtk(reluDual)(points, points), twoLayerNtk(quadraticReluDual)(points, points)];
    const inner = rowsOf(points).mmul(rowsOf(points).transpose());
    for (let i = 0; i < 12; i++) {
      expect(K1.get(i, i)).toBeCloseTo(1 / 2, 12);
      expect(K2.get(i, i)).toBeCloseTo(2, 12);
      for (let j = 0; j < i; j++) {
        const t = inner.get(i, j);
        const θ = Math.acos(t);
        expect(K1.get(i, j)).toBeCloseTo((t * (Math.PI - θ)) / (2 * Math.PI), 12);
        expect(K2.get(i, j)).toBeCloseTo((2 / Math.PI) * t * (Math.sin(θ) + (Math.PI - θ) * t), 12);
      }
    }
  });

  it("is positive definite away from antipodes, and of the predicted rank on antipodal pairs: neither is universal on the whole sphere", () => {
    const d = 3;
    const half = sphere(8, d, 5);
    const both = tensor([...half.data, ...half.data.map((v) => -v)], [16, d], "float64");
    const rank = (dual: DualActivation, x: Tensor<"float64">) => {
      const spectrum = new EigenvalueDecomposition(twoLayerNtk(dual)(x, x), { assumeSymmetric: true }).realEigenvalues;
      return spectrum.filter((λ) => λ > 1e-9).length;
    };
    expect(rank(reluDual, half)).toBe(8);
    expect(rank(quadraticReluDual, half)).toBe(8);
    // odd functions are free, the even part is ⟨x, x′⟩² only: d(d + 1)/2 dimensions; and for the ReLU the odd part is ⟨x, x′⟩ only
    expect(rank(quadraticReluDual, both)).toBe(8 + (d * (d + 1)) / 2);
    expect(rank(reluDual, both)).toBe(8 + d);
  });

  it("with a constant coordinate is the kernel of the extended points, and is definite on antipodal pairs", () => {
    const half = sphere(8, 3, 5);
    const both = tensor([...half.data, ...half.data.map((v) => -v)], [16, 3], "float64");
    const extended = tensor(
      Array.from({ length: 16 }, (_, i) => [...both.data.subarray(3 * i, 3 * i + 3), 0.5]).flat(),
      [16, 4],
      "float64",
    );
    const K = withConstant(twoLayerNtk(reluDual), 0.5)(both, both);
    expect(K.to2DArray()).toEqual(twoLayerNtk(reluDual)(extended, extended).to2DArray());
    expect(Math.min(...new EigenvalueDecomposition(K, { assumeSymmetric: true }).realEigenvalues)).toBeGreaterThan(1e-4);
  });

  it("refuses points of different dimensions", () => {
    expect(() => twoLayerNtk(reluDual)(points, sphere(2, 4, 1))).toThrow(/\[n, d\]/);
  });
});

describe("deep kernels", () => {
  const points = sphere(6, 4, 9);

  it("at depth 1 is the two-layer kernel of the inputs A x, since a has unit variance", () => {
    const scaled = { ...points, data: points.data.map((v) => 2 * v) };
    for (const dual of [reluDual, softplusDual]) {
      const [deep, two] = [deepNtk(dual, 1)(points, points), twoLayerNtk(dual)(scaled, scaled).mul(0.5)];
      deep.to1DArray().forEach((entry, i) => {
        expect(entry).toBeCloseTo(two.to1DArray()[i], 12);
      });
    }
  });

  it("of the identity is that of a deep linear network: 2^H H ⟨x, x′⟩", () => {
    const identity = smoothDual(
      "identity",
      (z) => z,
      () => 1,
    );
    const inner = rowsOf(points).mmul(rowsOf(points).transpose()).to1DArray();
    for (const H of [1, 2, 3]) {
      deepNtk(identity, H)(points, points)
        .to1DArray()
        .forEach((entry, i) => {
          expect(entry).toBeCloseTo(2 ** H * H * inner[i], 10);
        });
    }
  });

  it("of the ReLU has Θ(x, x) = H for unit points, since 2Σ̇ = 1 and Σʰ = 2", () => {
    for (const H of [1, 2, 5]) expect(deepNtk(reluDual, H)(points, points).get(0, 0)).toBeCloseTo(H, 10);
    expect(() => deepNtk(reluDual, 0)).toThrow(RangeError);
  });
});

function sphere(n: number, d: number, seed: number): Tensor<"float64"> {
  const points = normal(key(seed), [n, d]);
  for (let i = 0; i < n; i++) {
    const row = points.data.subarray(i * d, (i + 1) * d);
    const length = Math.hypot(...row);
    row.forEach((v, k) => {
      row[k] = v / length;
    });
  }
  return points;
}
