import { describe, expect, it } from "vitest";
import { activations, gaussianMean, sigma } from "../../../src/papers/first-order-adversary/moments.ts";
import {
  gradientMappingBound,
  hittingTime,
  hittingTimeBound,
  initialAdversarialLoss,
  iterationsTo,
  predict,
  tailRate,
  valleyFreeScale,
} from "../../../src/papers/first-order-adversary/theory.ts";

const { tanh, softplus, relu } = activations;
const near = (value: number, printed: number) => Math.abs(value / printed - 1);

describe("Gaussian moments", () => {
  it("integrates polynomials, exponentials and kinks exactly", () => {
    expect(gaussianMean(() => 1)).toBeCloseTo(1, 13);
    expect(gaussianMean((z) => z ** 4)).toBeCloseTo(3, 12);
    expect(gaussianMean(Math.exp)).toBeCloseTo(Math.exp(0.5), 12);
    expect(gaussianMean(Math.abs)).toBeCloseTo(Math.sqrt(2 / Math.PI), 13);
  });

  it("has the closed forms of ReLU: σ₀ = c/√2, σ₁ = 1/√2, σ₂ = 0", () => {
    for (const c of [0.1, 1, 10]) {
      expect(sigma(relu, 0, c)).toBeCloseTo(c / Math.SQRT2, 12);
      expect(sigma(relu, 1, c)).toBeCloseTo(Math.SQRT1_2, 13);
      expect(sigma(relu, 2, c)).toBe(0);
    }
  });

  it("matches the Taylor series of small scales", () => {
    const c = 1e-3; // tanh′ = 1 − z², tanh″ = −2z; softplus′ = ½ + z/4, softplus″ = ¼ − z²/16
    expect(sigma(tanh, 1, c) ** 2).toBeCloseTo(1 - 2 * c ** 2, 10);
    expect(sigma(tanh, 2, c) / (2 * c)).toBeCloseTo(1, 5);
    expect(sigma(softplus, 1, c) ** 2).toBeCloseTo(1 / 4 + c ** 2 / 16, 10);
    expect(sigma(softplus, 0, c)).toBeCloseTo(Math.log(2), 5);
  });

  it("does not depend on the panels, and Stein's identity holds: E[φ′(cZ)] = E[Zφ(cZ)]/c", () => {
    for (const { derivatives } of [tanh, softplus]) {
      for (const c of [0.3, 3, 10]) {
        const [phi, slope] = derivatives;
        expect(gaussianMean((z) => slope(c * z), 0.1 / c)).toBeCloseTo(
          gaussianMean((z) => (z * phi(c * z)) / c, 0.03 / c),
          12,
        );
      }
    }
  });

  it("refuses a scale that is not positive", () => {
    expect(() => sigma(tanh, 1, 0)).toThrow(RangeError);
    expect(() => sigma(tanh, 1, Number.NaN)).toThrow(/positive/);
  });
});

describe("the specification's table", () => {
  const scales = [0.1, 0.3, 1, 3, 10];
  const kappa = { tanh: [0.0039, 0.0293, 0.161, 0.529, 1.79], softplus: [0.01, 0.0291, 0.0782, 0.139, 0.24] };
  const gradient = { tanh: [7.0, 6.56, 4.82, 2.95, 1.63], softplus: [3.54, 3.57, 3.83, 4.39, 4.8] };
  const hessian = { tanh: [2.72, 6.4, 7.75, 5.21, 2.91], softplus: [3.53, 3.46, 2.99, 2.04, 1.15] };

  it("predicts κ, g and h at ρ = .1, d = 50 to the three printed digits", () => {
    for (const name of ["tanh", "softplus"] as const) {
      scales.forEach((c, i) => {
        const { g, h, kappa: κ } = predict(activations[name], { c, d: 50, rho: 0.1 });
        expect(near(κ, kappa[name][i]), `κ of ${name} at c = ${c}`).toBeLessThan(0.013); // .0039 has two digits
        expect(near(g, gradient[name][i]), `g of ${name} at c = ${c}`).toBeLessThan(0.003);
        expect(near(h, hessian[name][i]), `h of ${name} at c = ${c}`).toBeLessThan(0.005);
      });
    }
  });

  it("prints the same σ₁ and σ₂ for tanh", () => {
    const printed = { 1: [0.99, 0.928, 0.682, 0.417, 0.23], 2: [0.192, 0.453, 0.548, 0.368, 0.206] };
    for (const k of [1, 2] as const)
      for (const [i, c] of scales.entries()) expect(Math.abs(sigma(tanh, k, c) - printed[k][i])).toBeLessThan(6e-4);
  });
});

describe("formulas of the theorem", () => {
  /** A linear f: r ← r(1 + sg²) until the step leaves the ball; both the count and the bound have exact answers. */
  it("counts the steps of the linear recursion", () => {
    for (const [g, s, eps, r0] of [
      [2, 0.1, 0.5, 1],
      [5, 0.004, 1, -0.3],
      [1, 0.5, 0.01, 2],
      [3, 0.001, 4, 0.05],
    ]) {
      let [length, steps] = [0, 0];
      while (length < eps) {
        length += s * g * (Math.abs(r0) + g * length);
        steps++;
      }
      expect(hittingTime({ eps, g, r0, s })).toBe(steps);
      expect(hittingTimeBound({ eps, gMin: g, gMax: g, r0, s })).toBeGreaterThanOrEqual(steps);
    }
  });

  it("has a tail rate below 1 exactly under the second-order condition εμ < |∇f|", () => {
    const [eps, s, r, slope] = [0.3, 0.02, -1.5, 2];
    const rate = (mu: number) => tailRate({ eps, s, r, mu, lambda: Math.abs(r) * slope });
    expect(rate(slope / eps - 1e-9)).toBeLessThan(1);
    expect(rate(slope / eps)).toBeCloseTo(1, 14);
    expect(rate(slope / eps + 1e-9)).toBeGreaterThan(1);
    expect(rate(0)).toBeCloseTo(1 / (1 + (s * Math.abs(r) * slope) / eps), 14);
  });

  it("counts iterations like the tail rate does when both are slow", () => {
    const [eps, s, r, g, q] = [1, 1e-4, 1, 2, 0.2];
    const rate = tailRate({ eps, s, r, mu: (q * g) / eps, lambda: r * g });
    expect(iterationsTo(1e-3, { hit: 0, eps, s, r, g, q }) / (Math.log(1e-3) / Math.log(rate))).toBeCloseTo(1, 3);
    expect(iterationsTo(1e-3, { hit: 0, eps, s, r, g, q: 1 })).toBe(Number.POSITIVE_INFINITY);
  });

  it("halves the gradient mapping's bound with four times the steps", () => {
    expect(gradientMappingBound({ rise: 2, s: 0.1, steps: 400 })).toBeCloseTo(
      gradientMappingBound({ rise: 2, s: 0.1, steps: 100 }) / 2,
      14,
    );
  });

  it("puts the edge of the valley-free scales where εg = 1", () => {
    for (const activation of [tanh, softplus, relu]) {
      const c = valleyFreeScale(activation, { d: 50, rho: 0.1 });
      expect(0.1 * c * predict(activation, { c, d: 50, rho: 0.1 }).g).toBeCloseTo(1, 9);
    }
    expect(valleyFreeScale(relu, { d: 50, rho: 0.1 })).toBeCloseTo(2, 9); // ρc√d/√2 = 1
  });

  it("predicts the initial adversarial losses of 2.4 (.539, .633, .930 at c = .1, .3, 1; one draw of 100 inputs, so 6 %)", () => {
    const seen = [0.539, 0.633, 0.93];
    for (const [i, c] of [0.1, 0.3, 1].entries())
      expect(near(initialAdversarialLoss(tanh, { c, d: 30, rho: 0.05 }), seen[i])).toBeLessThan(0.06);
  });
});
