import { describe, expect, it } from "vitest";
import { softplusDual, twoLayerNtk } from "../../src/analysis/ntk-kernels.ts";
import { gaussianExpectation, gaussianProduct } from "../../src/analysis/ntk-quadrature.ts";
import { tensor } from "../../src/tensor/index.ts";

const softplus = (z: number) => Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z)));
const sigmoid = (z: number) => 1 / (1 + Math.exp(-z));
const sech2 = (z: number) => 1 / Math.cosh(z) ** 2;
const activations = { softplus, sigmoid, tanh: Math.tanh, sech2 };

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

  it.each(Object.keys(activations) as (keyof typeof activations)[])("of %s agrees with Gauss and Legendre's at every deviation", (name) => {
    const f = activations[name];
    for (const s of [1e-3, 0.1, 1, 2, 5, 20, 100, 200]) {
      expectClose(
        gaussianExpectation(f, s * s),
        legendre(s, f),
        legendre(s, (u) => Math.abs(f(u))),
      );
      expectClose(
        gaussianProduct(f, s * s, s * s, s * s),
        legendre(s, (u) => f(u) ** 2),
        legendre(s, (u) => f(u) ** 2),
      );
    }
    for (const [s, t, ρ] of [
      [1, 1, 0.4],
      [2, 2, -0.9],
      [4, 4, 0.3],
      [0.01, 5, 0.5],
      [30, 1, -0.7],
      [20, 20, 0.999],
    ]) {
      const rest = Math.sqrt(1 - ρ * ρ);
      const conditional = (u: number) => legendre(t * rest, (v) => f(v + ((ρ * t) / s) * u));
      const expected = legendre(s, (u) => f(u) * conditional(u));
      expectClose(gaussianProduct(f, s * s, t * t, ρ * s * t), expected, Math.abs(expected) + 1e-3);
    }
  });

  it("of a product of independent variables is the product of expectations at any deviation", () => {
    for (const [s, t] of [
      [1e-3, 1e-3],
      [100, 100],
      [30, 500],
    ]) {
      const expected = gaussianExpectation(softplus, s * s) * gaussianExpectation(softplus, t * t);
      expectClose(gaussianProduct(softplus, s * s, t * t, 0), expected, expected);
    }
  });

  it("gives the tangent kernel of points of norm 10 and 100", () => {
    for (const norm of [10, 100]) {
      const x = tensor([norm, 0], [1, 2], "float64");
      const expected = norm ** 2 * legendre(norm, (u) => sigmoid(u) ** 2);
      expectClose(twoLayerNtk(softplusDual)(x, x).get(0, 0), expected, expected);
    }
  });

  it("refuses what it would get wrong: kinks, and deviations above a thousand", () => {
    expect(() => gaussianProduct((z) => Math.max(z, 0), 1, 1, 0.3)).toThrow(/kink/);
    expect(() => gaussianExpectation((z) => Math.abs(z - 0.3))).toThrow(/kink/);
    expect(() => gaussianExpectation(softplus, 2e6)).toThrow(/scale the points/);
    expect(() => gaussianExpectation(softplus, Number.NaN)).toThrow(RangeError);
  });
});

/** To 1e-12 of a size, as the kernels promise. */
function expectClose(value: number, expected: number, size: number): void {
  expect(Math.abs(value - expected) / size).toBeLessThan(1e-12);
}

/** E f(u), u ~ N(0, s²), by the five-point rule of Gauss and Legendre on intervals narrow against both the density and the activation. */
function legendre(s: number, f: (u: number) => number): number {
  const [width, reach] = [Math.min(s / 4, 0.2), 9 * s];
  const count = Math.ceil(reach / width);
  let sum = 0;
  for (let i = -count; i < count; i++) {
    for (const [node, weight] of gauss) {
      const u = width * (i + (1 + node) / 2);
      sum += (weight / 2) * width * f(u) * Math.exp((-u * u) / (2 * s * s));
    }
  }
  return sum / (s * Math.sqrt(2 * Math.PI));
}

/** Nodes and weights on [−1, 1]. */
const gauss = [0, 1, -1, 2, -2].map((k) => {
  const node = k === 0 ? 0 : (Math.sign(k) * Math.sqrt(5 + (Math.abs(k) === 1 ? -2 : 2) * Math.sqrt(10 / 7))) / 3;
  const weight = k === 0 ? 128 / 225 : (322 + (Math.abs(k) === 1 ? 13 : -13) * Math.sqrt(70)) / 900;
  return [node, weight] as const;
});
