/** 1.4: what the vulnerability G bounds, and what adversarial training makes of it at the end point. */
import { fc, test } from "@fast-check/vitest";
import { Matrix } from "ml-matrix";
import { describe, expect, it } from "vitest";
import { scalarModel, spatialModel } from "../../../src/papers/continuous-time/studies/problems.ts";
import { ballRise, counterExample, rawRise } from "../../../src/papers/continuous-time/theory/flow.ts";
import * as linear from "../../../src/papers/continuous-time/theory/linear-regression.ts";
import * as logistic from "../../../src/papers/continuous-time/theory/logistic.ts";
import { minus, norm, plus, scale, solve, type Vector, zeroOf } from "../../../src/papers/continuous-time/theory/vectors.ts";
import { increasing, logSlope } from "../../../src/papers/statistics.ts";

const data: logistic.BinaryData = {
  x: [
    [1, 0.5],
    [-0.3, 2],
    [0.8, -1],
    [-1.2, 0.1],
  ],
  y: [1, -1, 1, 1],
};
const θ = [0.7, -0.4];

const number = fc.integer({ min: -200, max: 200 }).map((v) => v / 100);
test.prop([fc.array(fc.tuple(number, number), { minLength: 1, maxLength: 8 }), fc.double({ min: 0, max: 2, noNaN: true })])(
  "ε E|g| ≤ ε√(2G) for all input gradients, with equality where they are equally long",
  (gradients, ε) => {
    const mean = (f: (g: readonly number[]) => number, over: readonly (readonly number[])[]) =>
      over.reduce((sum, g) => sum + f(g), 0) / over.length;
    const G = (over: readonly (readonly number[])[]) => mean((g) => norm(g) ** 2 / 2, over);
    expect(ε * mean(norm, gradients)).toBeLessThanOrEqual(ballRise(G(gradients), ε) * (1 + 1e-14));
    const equal = gradients.map((g) => (norm(g) > 0 ? scale(1 / norm(g), g) : [0, 1]));
    expect(ballRise(G(equal), ε)).toBeCloseTo(ε, 12);
  },
);

describe("the rise of the loss, logistic regression", () => {
  const sizes = [0.08, 0.04, 0.02, 0.01];
  const L = logistic.loss(data, θ);
  const G = logistic.vulnerability(data, θ);
  const raised = (shift: (x: readonly number[], y: number) => readonly number[]) =>
    logistic.loss({ x: data.x.map((x, i) => plus(x, shift(x, data.y[i]))), y: data.y }, θ) - L;
  const gradient = (x: readonly number[], y: number) => scale(-y * logistic.sigmoid(-y * (θ[0] * x[0] + θ[1] * x[1])), θ);

  it("a raw step of size s raises it by 2sG + O(s²)", () => {
    const remainder = sizes.map((s) => Math.abs(raised((x, y) => scale(s, gradient(x, y))) - rawRise(G, s)));
    expect(Math.abs(logSlope(sizes, remainder) - 2)).toBeLessThan(0.1);
  });
  it("a ball of radius ε raises it by ε E|g| + O(ε²), below the bound", () => {
    const worst = (ε: number) => data.x.reduce((sum, x, i) => sum + logistic.ballLoss(θ, x, data.y[i], ε), 0) / data.x.length - L;
    const meanLength = data.x.reduce((sum, x, i) => sum + norm(gradient(x, data.y[i])), 0) / data.x.length;
    const remainder = sizes.map((ε) => Math.abs(worst(ε) - ε * meanLength));
    expect(Math.abs(logSlope(sizes, remainder) - 2)).toBeLessThan(0.1);
    expect(worst(1e-3)).toBeLessThan(ballRise(G, 1e-3));
  });
});

describe.each([
  { name: "1-D", model: scalarModel },
  { name: "3-D", model: spatialModel },
  { name: "5-D", model: counterExample },
])("1.4 (ii), the minimizers of L + βG of linear regression ($name)", ({ model }) => {
  const law = linear.momentsOf(model);
  const modified = (β: number) => (θ: Vector) => linear.modifiedLoss(law, θ, { α: β, K: 1 });
  const gradient = (β: number) => (θ: Vector) => plus(linear.lossGradient(law, θ), linear.vulnerabilityGradient(law, θ), β);

  /** Every stationary point is a ridge solution (A + λI)⁻¹b, λ ≥ 0: the lowest point of that curve, polished by Newton's method. */
  const minimizer = (β: number): Vector => {
    const curve = Array.from({ length: 1000 }, (_, i) => i / (1000 - i)).map((λ) =>
      solve(Matrix.add(law.A, Matrix.eye(law.b.length).mul(λ)), law.b),
    );
    const values = curve.map(modified(β));
    return zeroOf(gradient(β), curve[values.indexOf(Math.min(...values))]);
  };
  // In five dimensions the loss has several minima from β = 1 on, and the lowest is another one at β = 5.
  const βs = [0, 0.01, 0.03, 0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 5, 10];
  const minimizers = βs.map(minimizer);

  test.prop([fc.array(number, { minLength: law.b.length, maxLength: law.b.length }), fc.integer({ min: 0, max: βs.length - 1 })])(
    "nothing is lower",
    (θ, i) => {
      expect(modified(βs[i])(minimizers[i])).toBeLessThanOrEqual(modified(βs[i])(θ));
    },
  );
  it("`modifiedRoot` finds them for β ≤ 2", () => {
    for (const [i, β] of βs.entries()) {
      if (β <= 2) expect(norm(minus(linear.modifiedRoot(law, { α: β, K: 1 }).θ, minimizers[i]))).toBeLessThan(1e-10);
    }
  });
  it("G falls and L rises with β, both strictly", () => {
    expect(increasing(minimizers.map((θ) => -linear.vulnerability(law, θ)))).toBe(true);
    expect(increasing(minimizers.map((θ) => linear.loss(law, θ)))).toBe(true);
  });
});
