import { Matrix } from "ml-matrix";
import { expect, it } from "vitest";
import { chebyshev, expectation, exponential } from "../../src/analysis/kolmogorov.ts";

it("differentiates polynomials exactly", () => {
  const { points, differentiation } = chebyshev(8, [-0.5, 2]);
  const slopes = differentiation.mmul(Matrix.columnVector(points.map((x) => x ** 5 - 3 * x))).to1DArray();
  for (const [i, v] of slopes.entries()) expect(v).toBeCloseTo(5 * points[i] ** 4 - 3, 10);
});

it("exponentiates: rotation, nilpotent, and e^A e^-A = 1 at large norm", () => {
  const rotation = exponential(
    new Matrix([
      [0, -2],
      [2, 0],
    ]),
  );
  expect(rotation.get(0, 0)).toBeCloseTo(Math.cos(2), 14);
  expect(rotation.get(1, 0)).toBeCloseTo(Math.sin(2), 14);
  expect(
    exponential(
      new Matrix([
        [0, 3],
        [0, 0],
      ]),
    ).to2DArray(),
  ).toEqual([
    [1, 3],
    [0, 1],
  ]);
  const A = new Matrix([
    [3, 1, -2],
    [0, -4, 1],
    [5, 2, 1],
  ]);
  expect(
    exponential(A)
      .mmul(exponential(Matrix.mul(A, -1)))
      .sub(Matrix.eye(3))
      .norm(),
  ).toBeLessThan(1e-10);
});

it("gives the moments of the Ornstein–Uhlenbeck process", () => {
  const [k, v, T] = [1.3, 0.04, 0.8];
  const diffusion = { drift: (θ: number) => -k * θ, variance: () => v };
  const options = { interval: [-1, 1.5] as const, nodes: 20 };
  const mean = 0.9 * Math.exp(-k * T);
  expect(expectation(diffusion, (θ) => θ, T, options).at(0.9)).toBeCloseTo(mean, 10);
  const second = mean ** 2 + (v * (1 - Math.exp(-2 * k * T))) / (2 * k);
  expect(expectation(diffusion, (θ) => θ * θ, T, options).at(0.9)).toBeCloseTo(second, 10);
});

it("gives the moments of geometric Brownian motion, whose noise depends on the state", () => {
  const [μ, σ, T] = [-0.4, 0.3, 1];
  const u = expectation({ drift: (θ) => μ * θ, variance: (θ) => (σ * θ) ** 2 }, (θ) => θ * θ, T, { interval: [0, 2], nodes: 8 });
  expect(u.at(1.1)).toBeCloseTo(1.21 * Math.exp(2 * μ + σ * σ), 10);
});

it("refuses what it cannot solve", () => {
  const diffusion = { drift: () => 0, variance: () => 1 };
  expect(() => expectation(diffusion, (θ) => θ, 1, { interval: [1, 1] })).toThrow(RangeError);
  expect(() => expectation(diffusion, (θ) => θ, -1, { interval: [0, 1] })).toThrow(RangeError);
  expect(() => expectation(diffusion, (θ) => θ, 1, { interval: [0, 1], nodes: 1 })).toThrow(RangeError);
});
