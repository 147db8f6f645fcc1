import { fc, test } from "@fast-check/vitest";
import { Matrix } from "ml-matrix";
import { describe, expect, it } from "vitest";
import type { Inner } from "../../../src/papers/continuous-time/theory/inner.ts";
import * as linear from "../../../src/papers/continuous-time/theory/linear-regression.ts";
import { dot, jacobian, minus, norm, plus, scale } from "../../../src/papers/continuous-time/theory/vectors.ts";
import { logSlope } from "../../../src/papers/statistics.ts";

/** Hundredths, so that no product of them is subnormal. */
const hundredths = (min: number, max: number) => fc.integer({ min: 100 * min, max: 100 * max }).map((v) => v / 100);
const number = hundredths(-2, 2);

const scalarModel: linear.GaussianModel = { A: new Matrix([[1]]), θstar: [1], τ: 0.5 };
const model: linear.GaussianModel = {
  A: new Matrix([
    [1, 0.2, 0.2],
    [0.2, 0.5, 0.2],
    [0.2, 0.2, 2],
  ]),
  θstar: [1, -0.5, 0.8],
  τ: 0.5,
};
const θ = [0.6, 0.3, 0.4];

/** The specification's reference table (1-D, A = 1, θ* = 1, τ = .5). */
const table = [
  { α: 0, K: 0, root: 1, modified: 1, first: 1, L: 0.125, G: 0.125, slope: 1, cov: 0.25, variance: 0.125 },
  {
    α: 0.01,
    K: 1,
    root: 0.99750617,
    modified: 0.99753068,
    first: 0.9975,
    L: 0.125003,
    G: 0.12438,
    slope: 1.01243,
    cov: 0.255,
    variance: 0.125935,
  },
  {
    α: 0.05,
    K: 1,
    root: 0.98764688,
    modified: 0.98821584,
    first: 0.9875,
    L: 0.125076,
    G: 0.122005,
    slope: 1.06061,
    cov: 0.274981,
    variance: 0.129633,
  },
  {
    α: 0.1,
    K: 1,
    root: 0.97555287,
    modified: 0.97764652,
    first: 0.975,
    L: 0.125299,
    G: 0.119247,
    slope: 1.11739,
    cov: 0.29985,
    variance: 0.134174,
  },
  {
    α: 0.1,
    K: 2,
    root: 0.94986518,
    modified: 0.95922359,
    first: 0.95,
    L: 0.126257,
    G: 0.113914,
    slope: 1.23308,
    cov: 0.353186,
    variance: 0.143213,
  },
  {
    α: 0.1,
    K: 5,
    root: 0.86526674,
    modified: 0.91708111,
    first: 0.875,
    L: 0.134077,
    G: 0.100381,
    slope: 1.53064,
    cov: 0.514629,
    variance: 0.168109,
  },
  {
    α: 0.1,
    K: 10,
    root: 0.70186286,
    modified: 0.86756963,
    first: 0.75,
    L: 0.169443,
    G: 0.08347,
    slope: 1.77186,
    cov: 0.654051,
    variance: 0.184567,
  },
];

describe("the reference table of E3", () => {
  const law = linear.momentsOf(scalarModel);
  it.each(table)("α = $α, K = $K", (row) => {
    const { root, slope, covariance, variance } = linear.stationaryLaw(scalarModel, row);
    expect(root).toBeCloseTo(row.root, 7.5);
    expect(linear.modifiedRoot(law, row).θ[0]).toBeCloseTo(row.modified, 7.5);
    expect(linear.firstOrderRoot(scalarModel, row)[0]).toBeCloseTo(row.first, 12);
    expect(linear.loss(law, [root])).toBeCloseTo(row.L, 6);
    expect(linear.vulnerability(law, [root])).toBeCloseTo(row.G, 6);
    expect(Math.abs(slope / row.slope - 1)).toBeLessThan(1e-5);
    expect(covariance).toBeCloseTo(row.cov, 6);
    expect(variance).toBeCloseTo(row.variance, 6);
  });
});

it("matches the three-dimensional check: mean direction, covariance, roots and λ", () => {
  const inner = { α: 0.1, K: 3 };
  for (const [i, v] of linear.meanDirection(linear.momentsOf(model), θ, inner).entries()) {
    expect(v).toBeCloseTo([-0.18626, 0.38462, -0.72933][i], 5);
  }
  const C = linear.directionCovariance(model, θ, inner);
  const expected = [
    [1.1473, 0.21108, 0.18781],
    [0.21108, 0.8257, -0.06973],
    [0.18781, -0.06973, 2.77231],
  ];
  // The specification gives them to five decimals.
  for (const [i, row] of expected.entries()) for (const [j, v] of row.entries()) expect(Math.abs(C.get(i, j) - v)).toBeLessThan(6e-6);
  const roots = [
    { K: 1, θ: [0.96988, -0.460455, 0.789138], λ: 0.0251408 },
    { K: 3, θ: [0.89948, -0.375364, 0.762364], λ: 0.0924089 },
    { K: 10, θ: [0.547134, -0.092313, 0.58344], λ: 0.757841 },
  ];
  for (const { K, θ: root, λ } of roots) {
    const found = linear.adversarialRoot(linear.momentsOf(model), { α: 0.1, K });
    expect(norm(minus(found.θ, root))).toBeLessThan(1e-6);
    expect(Math.abs(found.λ / λ - 1)).toBeLessThan(1e-5);
    expect(found.iterations).toBeLessThan(1000);
    expect(norm(linear.meanDirection(linear.momentsOf(model), found.θ, { α: 0.1, K }))).toBeLessThan(1e-12);
  }
});

it("agrees with the ascent loop, step by step", () => {
  const inner = { α: 0.13, K: 4 };
  const x = [0.3, -1.2, 0.7];
  const y = 0.4;
  let δ = [0, 0, 0];
  const r = (δ: readonly number[]) => plus(x, δ).reduce((sum, v, i) => sum + v * θ[i], 0) - y;
  for (let k = 0; k < inner.K; k++) δ = plus(δ, θ, inner.α * r(δ));
  const h = scale(r(δ), plus(x, δ));
  expect(norm(minus(h, linear.direction(θ, x, y, inner)))).toBeLessThan(1e-14);
});

it("takes the limit θ → 0 of c without cancellation", () => {
  expect(linear.amplification([0], { α: 0.1, K: 3 }).c).toBeCloseTo(0.3, 14);
  expect(linear.amplification([1e-9], { α: 0.1, K: 3 }).c).toBeCloseTo(0.3, 14);
});

it("has the gradients and slopes of its losses (finite differences)", () => {
  const law = linear.momentsOf(model);
  const gradientOf = (f: (θ: readonly number[]) => number) => jacobian((θ) => [f(θ)], θ).getRow(0);
  expect(
    norm(
      minus(
        gradientOf((θ) => linear.loss(law, θ)),
        linear.lossGradient(law, θ),
      ),
    ),
  ).toBeLessThan(1e-9);
  expect(
    norm(
      minus(
        gradientOf((θ) => linear.vulnerability(law, θ)),
        linear.vulnerabilityGradient(law, θ),
      ),
    ),
  ).toBeLessThan(1e-9);
  const scalarLaw = linear.momentsOf(scalarModel);
  for (const K of [0, 1, 4]) {
    const m = (θ: readonly number[]) => linear.meanDirection(scalarLaw, θ, { α: 0.1, K });
    expect(jacobian(m, [0.7]).get(0, 0)).toBeCloseTo(linear.meanSlope(scalarLaw, 0.7, { α: 0.1, K }), 8);
  }
});

describe("the exact l2-ball risk", () => {
  const law = linear.momentsOf(model);
  it("is E ½(|r| + ε|θ|)², r ~ N(0, q) (Simpson's rule in the residual)", () => {
    const deviation = Math.sqrt(2 * linear.loss(law, θ));
    for (const ε of [0, 0.3, 2]) {
      const density = (z: number) => Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI);
      const integrand = (z: number) => density(z) * (z * deviation + ε * norm(θ)) ** 2;
      // The integrand is even: twice the half line, where it is smooth, to 12 deviations.
      const [panels, end] = [4000, 12];
      const h = end / panels;
      let sum = integrand(0) + integrand(end);
      for (let i = 1; i < panels; i++) sum += integrand(i * h) * (i % 2 === 1 ? 4 : 2);
      expect(Math.abs(linear.ballRisk(model, θ, ε) / ((sum * h) / 3) - 1)).toBeLessThan(1e-10);
    }
  });
  test.prop([fc.tuple(number, number, number), number, fc.tuple(number, number, number), hundredths(0, 2)])(
    "has the worst point of the ball: no δ with |δ| ≤ ε exceeds ½(|r| + ε|θ|)², and ±εθ/|θ| attains it",
    (x, y, towards, ε) => {
      const lossAt = (δ: readonly number[]) => (dot(θ, plus(x, δ)) - y) ** 2 / 2;
      const r = dot(θ, x) - y;
      const worst = (Math.abs(r) + ε * norm(θ)) ** 2 / 2;
      expect(lossAt(scale(ε / (norm(towards) || 1), towards))).toBeLessThanOrEqual(worst * (1 + 1e-14));
      expect(lossAt(scale((r < 0 ? -ε : ε) / norm(θ), θ))).toBeCloseTo(worst, 12);
    },
  );
});

describe("roots", () => {
  const law = linear.momentsOf(model);

  const unit = hundredths(-1, 1);
  test.prop([hundredths(0, 1), fc.integer({ min: 1, max: 10 }), fc.tuple(unit, unit, unit)])(
    "without noise (τ = 0) θ* stays the root for every α and K: its adversary has no gradient",
    (α, K, θstar) => {
      const clean = linear.momentsOf({ ...model, θstar, τ: 0 });
      const x = [0.3, -1.2, 0.7];
      expect(norm(linear.direction(θstar, x, dot(θstar, x), { α, K }))).toBe(0);
      const { ρ, c } = linear.amplification(θstar, { α, K });
      expect(norm(linear.meanDirection(clean, θstar, { α, K }))).toBeLessThan(1e-14 * ρ * (1 + c));
      // β ≤ 1: further out the factor 2c of λ = 2cL makes something of the rounding of L = 0.
      expect(norm(minus(linear.adversarialRoot(clean, { α: α / K, K }).θ, θstar))).toBeLessThan(1e-12);
    },
  );

  it("follow the first-order law θ* − Kατ²A⁻¹θ* up to O((Kα)²) in three dimensions", () => {
    const αs = [0.04, 0.02, 0.01, 0.005];
    for (const K of [1, 3]) {
      const gap = (point: (inner: Inner) => readonly number[]) =>
        αs.map((α) => norm(minus(linear.adversarialRoot(law, { α, K }).θ, point({ α, K }))));
      expect(
        Math.abs(
          logSlope(
            αs,
            gap((inner) => linear.firstOrderRoot(model, inner)),
          ) - 2,
        ),
      ).toBeLessThan(0.2);
      expect(
        Math.abs(
          logSlope(
            αs,
            gap(() => model.θstar),
          ) - 1,
        ),
      ).toBeLessThan(0.1);
    }
  });

  it.each([
    { name: "1-D", of: scalarModel },
    { name: "3-D", of: model },
  ])("the damped iteration settles in less than 1000 steps for β ≤ 1 ($name)", ({ of }) => {
    for (const K of [1, 2, 3, 5, 10, 30]) {
      for (const β of [0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 1]) {
        const inner = { α: β / K, K };
        for (const root of [linear.adversarialRoot, linear.modifiedRoot]) {
          expect(root(linear.momentsOf(of), inner).iterations, `K = ${K}, β = ${β}`).toBeLessThan(1000);
        }
      }
    }
  });

  it("the modified loss is L + βG, and its root has no gradient", () => {
    const inner = { α: 0.1, K: 3 };
    expect(linear.modifiedLoss(law, θ, inner)).toBeCloseTo(linear.loss(law, θ) + 0.3 * linear.vulnerability(law, θ), 14);
    const root = linear.modifiedRoot(law, inner).θ;
    expect(norm(plus(linear.lossGradient(law, root), linear.vulnerabilityGradient(law, root), 0.3))).toBeLessThan(1e-13);
    expect(norm(jacobian((θ) => [linear.modifiedLoss(law, θ, inner)], root).getRow(0))).toBeLessThan(1e-9);
  });
});
