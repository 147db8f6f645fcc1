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
import { gaussianExpectation } from "../../src/analysis/ntk-quadrature.ts";
import { type Key, key, normal, type Tensor, tensor, uniform } from "../../src/tensor/index.ts";

const relu = (z: number) => Math.max(z, 0);
const sigmoid = (z: number) => 1 / (1 + Math.exp(-z));

describe("dual activations", () => {
  const cases: [DualActivation, (z: number) => number, (z: number) => number][] = [
    [reluDual, relu, (z) => (z > 0 ? 1 : 0)],
    [quadraticReluDual, (z) => relu(z) ** 2, (z) => 2 * relu(z)],
    [softplusDual, (z) => Math.log1p(Math.exp(z)), sigmoid],
  ];
  const [first, second] = stratifiedNormals(key(1), 1000);
  it.each(cases)("$name agrees with Monte Carlo to 1e-3, with 1e6 samples", (dual, σ, σʹ) => {
    for (const [p, q, c] of [
      [1, 1, 1],
      [1, 1, 0.4],
      [1, 1, 0],
      [1.5, 0.7, -0.8],
    ]) {
      const [s, t, ρ] = [Math.sqrt(p), Math.sqrt(q), c / Math.sqrt(p * q)];
      const rest = Math.sqrt(1 - ρ * ρ);
      let [value, slope] = [0, 0];
      for (let i = 0; i < first.length; i++) {
        const [u, v] = [s * first[i], t * (ρ * first[i] + rest * second[i])];
        value += (σ(u) * σ(v)) / first.length;
        slope += (σʹ(u) * σʹ(v)) / first.length;
      }
      expect(Math.abs(value - dual.value(p, q, c))).toBeLessThan(1e-3);
      expect(Math.abs(slope - dual.slope(p, q, c))).toBeLessThan(1e-3);
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

  it("of the softplus at large variances tends to that of the ReLU: E σσ and E σ′σ′", () => {
    for (const ρ of [1, 0.9, 0, -0.5]) {
      const errors = [10, 100].map((s) => {
        const [p, c] = [s * s, ρ * s * s];
        return [softplusDual.value(p, p, c) / p - reluDual.value(1, 1, ρ), softplusDual.slope(p, p, c) - reluDual.slope(1, 1, ρ)].map(
          Math.abs,
        );
      });
      // The two activations differ on an interval of length 1 around 0, hit with probability of order 1/s.
      errors[1].forEach((error) => {
        expect(error).toBeLessThan(0.01);
      });
      errors[1].forEach((error, k) => {
        if (errors[0][k] > 1e-12) expect(error).toBeLessThan(0.2 * errors[0][k]);
      });
    }
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

/** n² pairs of standard normals by Box and Muller, one in each of n × n cells of equal probability: plain sampling has a standard error above 1e-3. */
function stratifiedNormals(source: Key, n: number): [Float64Array, Float64Array] {
  const [radii, angles] = [uniform(source.fold("radius"), [n * n]).data, uniform(source.fold("angle"), [n * n]).data];
  const radius = radii.map((u, i) => Math.sqrt(-2 * Math.log(1 - (Math.floor(i / n) + u) / n)));
  const angle = angles.map((u, i) => (2 * Math.PI * ((i % n) + u)) / n);
  return [radius.map((r, i) => r * Math.cos(angle[i])), radius.map((r, i) => r * Math.sin(angle[i]))];
}

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
