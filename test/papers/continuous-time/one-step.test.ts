/** 1.3 (e): a training step and the order-2 SDE have the same moments up to O(η³), α = cη. */
import { Matrix } from "ml-matrix";
import { describe, expect, it } from "vitest";
import { expectation } from "../../../src/analysis/kolmogorov.ts";
import { batchCovariance } from "../../../src/papers/continuous-time/theory/batches.ts";
import { counterExample } from "../../../src/papers/continuous-time/theory/flow.ts";
import * as linear from "../../../src/papers/continuous-time/theory/linear-regression.ts";
import { type Drift, diffusionStep, keptTerms, trainingStep } from "../../../src/papers/continuous-time/theory/one-step.ts";
import { dot, jacobian, minus, norm, scale, type Vector } from "../../../src/papers/continuous-time/theory/vectors.ts";
import { diffusion, interval, points, start } from "../../../src/papers/continuous-time/theory/weak-order.ts";
import { logSlope } from "../../../src/papers/statistics.ts";

const [c, K] = [1.5, 2];
const SGD = { α: 0, K: 0 };
const ηs = [0.008, 0.004, 0.002];
const slope = (size: (η: number) => number) => logSlope(ηs, ηs.map(size));

describe("one dimension, the two points of 1.6, against the true moments of the SDE (Kolmogorov equation over one step)", () => {
  /** E Δ and E Δ² of the two equally likely steps. */
  const training = (η: number, inner = { α: c * η, K }) => {
    const Δ = points.map(({ x, y }) => -η * linear.direction([start], [x], y, inner)[0]);
    return [(Δ[0] + Δ[1]) / 2, (Δ[0] ** 2 + Δ[1] ** 2) / 2];
  };
  const equation = (η: number, name: Parameters<typeof diffusion>[0] = "order 2, α = cη") =>
    [(θ: number) => θ - start, (θ: number) => (θ - start) ** 2].map((φ) =>
      expectation(diffusion(name, η, { α: c * η, K }), φ, η, { interval }).at(start),
    );

  it.each([
    { moment: "E Δ", k: 0 },
    { moment: "E Δ²", k: 1 },
  ])("$moment agrees up to O(η³)", ({ k }) => {
    expect(Math.abs(slope((η) => Math.abs(training(η)[k] - equation(η)[k])) - 3)).toBeLessThan(0.15);
  });
  it("`trainingStep` is that enumeration", () => {
    const [η, inner] = [0.1, { α: 0.2, K }];
    const h = points.map(({ x, y }) => linear.direction([start], [x], y, inner)[0]);
    const { mean, second } = trainingStep([(h[0] + h[1]) / 2], new Matrix([[((h[0] - h[1]) / 2) ** 2]]), η);
    expect(mean[0]).toBeCloseTo(training(η, inner)[0], 15);
    expect(second.get(0, 0)).toBeCloseTo(training(η, inner)[1], 15);
  });
  it("the mean of the SDE without the adversary is wrong at η²", () => {
    const error = (η: number) => Math.abs(training(η)[0] - equation(η, "order 2 without the adversary")[0]);
    expect(Math.abs(slope(error) - 2)).toBeLessThan(0.1);
  });
  it("the adversary corrects the mean at η² and the second moment at η³", () => {
    const correction = (k: number) => slope((η) => Math.abs(training(η)[k] - training(η, SGD)[k]));
    expect(Math.abs(correction(0) - 2)).toBeLessThan(0.1);
    expect(Math.abs(correction(1) - 3)).toBeLessThan(0.1);
  });
});

describe("five dimensions, batches of 4", () => {
  const [model, law, B] = [counterExample, linear.momentsOf(counterExample), 4];
  const θ = [0.6, 0.3, 0.4, -0.2, 0.5];
  const drift: Drift = {
    b0: (θ) => scale(-1, linear.lossGradient(law, θ)),
    // −∇[¼|∇L|² + (Kc/2)E|∇ₓℓ|²], by finite differences
    b1: (θ) => {
      const potential = (θ: Vector) => {
        const gradient = linear.lossGradient(law, θ);
        return [dot(gradient, gradient) / 4 + K * c * linear.vulnerability(law, θ)];
      };
      return scale(-1, jacobian(potential, θ).getRow(0));
    },
  };
  const noise = (inner: { α: number; K: number }) => batchCovariance(linear.directionCovariance(model, θ, inner), B);
  const training = (η: number, inner = { α: c * η, K }) => trainingStep(linear.meanDirection(law, θ, inner), noise(inner), η);
  const equation = (η: number) => diffusionStep(drift, noise(SGD), θ, η);

  it("means agree up to O(η³), and in closed form are −η∇L − η²Kc∇G", () => {
    expect(Math.abs(slope((η) => norm(minus(training(η).mean, equation(η).mean))) - 3)).toBeLessThan(0.1);
    const η = 0.01;
    const gradient = linear.lossGradient(law, θ);
    const penalty = linear.vulnerabilityGradient(law, θ);
    const closed = gradient.map((v, i) => -η * v - η * η * K * c * penalty[i]);
    expect(norm(minus(equation(η).mean, closed))).toBeLessThan(1e-11);
  });
  it("second moments agree up to O(η³) with the clean noise: all of the difference is the adversary's", () => {
    expect(Math.abs(slope((η) => training(η).second.sub(equation(η).second).norm()) - 3)).toBeLessThan(0.1);
    const η = 0.01;
    expect(training(η, SGD).second.sub(equation(η).second).norm()).toBeLessThan(1e-18);
  });
});

describe("α = cη^p", () => {
  const θ = [0.6, 0.3, 0.4, -0.2, 0.5];
  const law = linear.momentsOf(counterExample);
  /** m cut after α^terms: ρ∇L + 2ρcLθ with ρ = (1+αs)ᴷ and ρc = ((1+αs)²ᴷ − (1+αs)ᴷ)/s, by the binomial theorem. */
  const cut = (α: number, K: number, terms: number): Vector => {
    const s = dot(θ, θ);
    const binomial = (n: number, j: number): number => (j === 0 ? 1 : (binomial(n, j - 1) * (n - j + 1)) / j);
    let m = scale(0, θ);
    for (let j = 0; j <= terms; j++) {
      const pull = 2 * linear.loss(law, θ) * (binomial(2 * K, j) - binomial(K, j)) * s ** (j - 1);
      m = m.map((v, i) => v + α ** j * (binomial(K, j) * s ** j * linear.lossGradient(law, θ)[i] + pull * θ[i]));
    }
    return m;
  };

  it.each([
    { p: 2, kept: 0 },
    { p: 1.5, kept: 1 },
    { p: 1, kept: 1 },
    { p: 2 / 3, kept: 2 },
    { p: 1 / 2, kept: 3 },
  ])("p = $p keeps $kept terms: what is left out is O(η²), and with one term less it is not", ({ p, kept }) => {
    expect(keptTerms(p)).toBe(kept);
    const fine = [3e-3, 1e-3, 3e-4].map((v) => v ** (1 / p));
    const leftOut = (terms: number) =>
      logSlope(
        fine,
        fine.map((η) => norm(minus(linear.meanDirection(law, θ, { α: η ** p, K: 4 }), cut(η ** p, 4, terms)))),
      );
    expect(leftOut(kept)).toBeGreaterThan(1.97);
    if (kept > 0) expect(leftOut(kept - 1)).toBeLessThan(1.9);
  });
  it("p = .3 keeps six terms, 2/n keeps n − 1 in spite of rounding, and a fixed α is refused", () => {
    expect(keptTerms(0.3)).toBe(6);
    for (let n = 1; n <= 500; n++) expect(keptTerms(2 / n)).toBe(n - 1);
    expect(() => keptTerms(0)).toThrow(RangeError);
    expect(() => keptTerms(Number.NaN)).toThrow(RangeError);
  });
});
