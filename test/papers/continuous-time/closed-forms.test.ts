import { Matrix } from "ml-matrix";
import { describe, expect, it } from "vitest";
import * as control from "../../../src/papers/continuous-time/theory/control.ts";
import * as flow from "../../../src/papers/continuous-time/theory/flow.ts";
import { huber, penalty, sharedPenalty } from "../../../src/papers/continuous-time/theory/inner.ts";
import * as linear from "../../../src/papers/continuous-time/theory/linear-regression.ts";
import * as logistic from "../../../src/papers/continuous-time/theory/logistic.ts";
import * as meanEstimation from "../../../src/papers/continuous-time/theory/mean-estimation.ts";
import { gibbsDensity, stationaryCovariance } from "../../../src/papers/continuous-time/theory/stationary.ts";
import { dot, jacobian, minus, norm, plus, scale } from "../../../src/papers/continuous-time/theory/vectors.ts";

it("E2: the ascent loop is a larger learning rate, and its stationary variance is the recursion's fixed point", () => {
  const inner = { α: 0.2, K: 3 };
  let x = 1.7;
  for (let k = 0; k < 3; k++) x += 0.2 * (x - 0.4);
  expect(meanEstimation.direction(0.4, 1.7, inner)).toBeCloseTo(0.4 - x, 14);
  const [η, S, B] = [0.05, 2, 4];
  const V = meanEstimation.stationaryVariance({ η, S, B }, inner);
  const rate = η * meanEstimation.acceleration(inner);
  expect((1 - rate) ** 2 * V + (rate * rate * S) / B).toBeCloseTo(V, 14);
});

describe("E4", () => {
  it("solves the inner flow by Lambert's W", () => {
    expect(Math.abs(logistic.innerFlow(0.8, 1.7, 0.9) - 0.23307047707)).toBeLessThan(1e-11);
    // The ascent with many small steps tends to the flow, first order in α.
    const gap = (K: number) => logistic.innerMargin(0.8, 1.7, { α: 0.9 / K, K }) - logistic.innerFlow(0.8, 1.7, 0.9);
    expect(Math.log2(gap(100) / gap(200))).toBeCloseTo(1, 1.5);
  });
  it.each([-800, -40, -30, -1, 0, 0.5, 1, 3, 50, 1e4])("W(e^C) satisfies w + log w = C at C = %f", (C) => {
    const w = logistic.lambertOfExponential(C);
    if (C > -700) expect(Math.abs(w + Math.log(w) - C)).toBeLessThan(1e-12 * (1 + Math.abs(C)));
    else expect(w).toBe(0);
  });
  it("knows the worst loss on an l2 ball: no point of its sphere is worse, and the one against θ attains it", () => {
    const [θ, x, y, ε] = [[0.7, -0.4], [1, 0.5], 1, 0.3];
    const at = (angle: number) => logistic.loss({ x: [[x[0] + ε * Math.cos(angle), x[1] + ε * Math.sin(angle)]], y: [y] }, θ);
    const worst = Math.max(...Array.from({ length: 3600 }, (_, i) => at((i * Math.PI) / 1800)));
    expect(logistic.ballLoss(θ, x, y, ε)).toBeCloseTo(worst, 6);
    expect(logistic.ballLoss(θ, x, y, ε)).toBeGreaterThanOrEqual(worst);
  });
  it("has the gradient of the modified loss (finite differences) and the direction of the loop", () => {
    const data = {
      x: [
        [1, 0.5],
        [-0.3, 2],
        [0.8, -1],
      ],
      y: [1, -1, 1],
    };
    const inner = { α: 0.1, K: 3 };
    const θ = [0.7, -0.4];
    const modified = (θ: readonly number[]) => logistic.loss(data, θ) + 0.3 * logistic.vulnerability(data, θ);
    expect(norm(minus(jacobian((θ) => [modified(θ)], θ).getRow(0), logistic.modifiedGradient(data, θ, inner)))).toBeLessThan(1e-9);
    let [x, y] = [[...data.x[0]], data.y[0]];
    for (let k = 0; k < 3; k++) {
      const P = logistic.sigmoid(-y * (x[0] * θ[0] + x[1] * θ[1]));
      x = x.map((v, i) => v - inner.α * P * y * θ[i]);
    }
    const P = logistic.sigmoid(-y * (x[0] * θ[0] + x[1] * θ[1]));
    expect(
      norm(
        minus(
          logistic.direction(θ, data.x[0], y, inner),
          x.map((v) => -P * y * v),
        ),
      ),
    ).toBeLessThan(1e-14);
  });
});

describe("1.3 (f) penalties", () => {
  const g = [3, -4];
  const inner = { α: 0.1, K: 2 };
  it("have their closed forms", () => {
    expect(penalty.raw(g, inner)).toBeCloseTo(0.1 * 25, 14);
    expect(penalty.normalized(g, inner)).toBeCloseTo(0.2 * 5, 14);
    expect(penalty.sign(g, inner)).toBeCloseTo(0.2 * 7, 14);
    expect(penalty.projected(g, inner, 2)).toBe(penalty.raw(g, inner));
    expect(penalty.projected(g, inner, 0.5)).toBeCloseTo(0.5 * 5 - 0.25 / 0.4, 14);
  });
  it("are once the rise that is seen for normalized and sign steps, half of it for raw ones, and between the two under projection", () => {
    // To first order the loss is g·δ, whose gradient is g at every step: the rise along the K steps is exact.
    const { α, K } = inner;
    const rise = (step: (g: readonly number[]) => readonly number[], ε = Number.POSITIVE_INFINITY) => {
      let δ: readonly number[] = [0, 0];
      for (let k = 0; k < K; k++) {
        const next = plus(δ, step(g), α);
        δ = scale(Math.min(1, ε / norm(next)), next);
      }
      return dot(g, δ);
    };
    const raw = (g: readonly number[]) => g;
    expect(rise((g) => scale(1 / norm(g), g))).toBeCloseTo(penalty.normalized(g, inner), 14);
    expect(rise((g) => g.map(Math.sign))).toBeCloseTo(penalty.sign(g, inner), 14);
    expect(rise(raw)).toBeCloseTo(2 * penalty.raw(g, inner), 14);
    expect(rise(raw, 2)).toBeCloseTo(2 * penalty.projected(g, inner, 2), 14);
    // Held back by the ball: ε|g| is seen, the penalty is less by ε²/(2Kα).
    expect(rise(raw, 0.5)).toBeCloseTo(penalty.projected(g, inner, 0.5) + 0.5 ** 2 / (2 * K * α), 14);
  });
  it("Huber is continuous with its derivative", () => {
    const [β, ε, h] = [0.2, 0.5, 1e-6];
    const u = ε / β;
    expect(huber(u + h, β, ε) - huber(u, β, ε)).toBeCloseTo(huber(u, β, ε) - huber(u - h, β, ε), 10);
  });
  it("a shared perturbation penalizes the mean gradient, in expectation over batches", () => {
    const gradients = [
      [1, 0],
      [0, 2],
      [3, -1],
    ];
    const inner = { α: 0.1, K: 1 };
    let sum = 0;
    for (const a of gradients) for (const b of gradients) sum += ((a[0] + b[0]) / 2) ** 2 + ((a[1] + b[1]) / 2) ** 2;
    expect(sharedPenalty(gradients, 2, inner)).toBeCloseTo((0.1 / 2) * (sum / 9), 14);
    expect(sharedPenalty(gradients, 1, inner)).toBeCloseTo(gradients.reduce((s, g) => s + penalty.raw(g, inner), 0) / 3, 14);
  });
});

describe("1.4 flows", () => {
  it("Runge–Kutta is of fourth order", () => {
    const error = (substeps: number) => Math.abs(flow.flow(([θ]) => [-θ * θ], [1], 1, 1, substeps)[1][0] - 0.5);
    expect(Math.log2(error(4) / error(8))).toBeGreaterThan(3.7);
  });
  it("the short-time ratio tends to 1", () => {
    const [a, b] = [0.002, 0.001].map((t) => flow.shortTimeRatio(flow.counterExample, [0.5, 0.5, 0.5, 0.5, 0.5], 0.1, t));
    expect(2 * b - a).toBeCloseTo(1, 2);
  });
});

describe("1.4 (iv) stationary laws", () => {
  const J = new Matrix([
    [1, 0.3],
    [0.1, 0.7],
  ]);
  const Σ = new Matrix([
    [1, 0.2],
    [0.2, 0.5],
  ]);
  it("solve the Lyapunov equations", () => {
    const V = stationaryCovariance(J, Σ, 0.1);
    expect(J.mmul(V).add(V.mmul(J.transpose())).sub(Matrix.mul(Σ, 0.1)).norm()).toBeLessThan(1e-14);
    const W = stationaryCovariance(J, Σ, 0.1, { discrete: true });
    const step = Matrix.eye(2).sub(Matrix.mul(J, 0.1));
    expect(step.mmul(W).mmul(step.transpose()).add(Matrix.mul(Σ, 0.01)).sub(W).norm()).toBeLessThan(1e-15);
  });
  it("the Gibbs density of a quadratic is the Gaussian", () => {
    const grid = Array.from({ length: 401 }, (_, i) => -2 + i / 100);
    const density = gibbsDensity((θ) => (1.5 * θ * θ) / 2, { η: 0.1, σ2: 2, B: 1 }, grid);
    const variance = (0.1 * 2) / (2 * 1.5);
    expect(density[200]).toBeCloseTo(1 / Math.sqrt(2 * Math.PI * variance), 8);
  });
});

it("E6: the closed forms solve the control equation, and u* is continuous at the switch", () => {
  const problem = { k: 1.3, ηΣ: 0.2 };
  for (const e0 of [1, 0.05]) {
    for (const t of [0.3, 2, 9]) {
      const e = control.controlledExcess(problem, e0, t);
      const u = control.optimalRate(problem, e);
      const h = 1e-5;
      const slope = (control.controlledExcess(problem, e0, t + h) - control.controlledExcess(problem, e0, t - h)) / (2 * h);
      expect(slope).toBeCloseTo(-2 * problem.k * u * e + (problem.k / 2) * problem.ηΣ * u * u, 8);
    }
  }
  expect(control.controlledExcess(problem, 1, control.switchTime(problem, 1))).toBeCloseTo(problem.ηΣ / 2, 12);
});

it("the linear root of the exact law is the ridge solution of its λ", () => {
  const law = linear.momentsOf(flow.counterExample);
  const { θ, λ } = linear.adversarialRoot(law, { α: 0.1, K: 3 });
  const ridgeSolution = law.b.map((b, i) => b / (law.A.get(i, i) + λ));
  expect(norm(minus(θ, ridgeSolution))).toBeLessThan(1e-12);
});
