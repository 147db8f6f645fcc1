import { describe, expect, it } from "vitest";
import { eulerMaruyama, milstein, type Scheme, type StochasticEquation, simulate } from "../../src/analysis/sde.ts";
import { type BrownianPaths, brownianPaths } from "../../src/analysis/sde-brownian.ts";
import { key } from "../../src/tensor/index.ts";

const endPoint = (W: BrownianPaths) => {
  const total = new Float64Array(W.paths * W.sources);
  for (let i = 0; i < W.steps; i++) W.increment(i).forEach((d, j) => void (total[j] += d));
  return total;
};
const mean = (x: Float64Array, f: (v: number) => number) => x.reduce((s, v) => s + f(v), 0) / x.length;

describe("Brownian paths", () => {
  const W = brownianPaths(key(5), { paths: 4000, sources: 2, steps: 3, horizon: 1.5 });

  it("refined paths are the same paths", () => {
    const fine = W.refine(8);
    expect(fine.steps).toBe(24);
    for (let i = 0; i < W.steps; i++) {
      const sum = new Float64Array(8000);
      for (let k = 8 * i; k < 8 * i + 8; k++) fine.increment(k).forEach((d, j) => void (sum[j] += d));
      const whole = W.increment(i);
      expect(Math.max(...sum.map((v, j) => Math.abs(v - whole[j])))).toBeLessThan(1e-13);
    }
    expect(W.refine().refine().increment(5)).toEqual(W.refine(4).increment(5));
  });

  it("do not depend on the order of calls", () => {
    const fine = W.refine(4);
    const [a, b] = [fine.increment(7), fine.increment(2)];
    expect(W.refine(4).increment(2)).toEqual(b);
    expect(fine.increment(7)).toEqual(a);
  });

  it("have independent normal increments of variance dt at every level", () => {
    for (const level of [W, W.refine(), W.refine(4)]) {
      const [a, b] = [level.increment(0), level.increment(1)];
      const tolerance = 5 / Math.sqrt(a.length);
      expect(Math.abs(mean(a, (v) => v * v) / level.dt - 1)).toBeLessThan(tolerance * Math.SQRT2);
      expect(Math.abs(mean(a, (v) => v ** 4) / (3 * level.dt ** 2) - 1)).toBeLessThan(tolerance * Math.sqrt(96 / 9));
      expect(Math.abs(a.reduce((s, v, i) => s + v * b[i], 0) / a.length / level.dt)).toBeLessThan(tolerance);
    }
  });

  it("refuse impossible sizes", () => {
    expect(() => brownianPaths(key(1), { paths: 0, sources: 1, steps: 1, horizon: 1 })).toThrow(RangeError);
    expect(() => brownianPaths(key(1), { paths: 1, sources: 1, steps: 1, horizon: 0 })).toThrow(RangeError);
    expect(() => W.refine(3)).toThrow(RangeError);
  });
});

/** Geometric Brownian motion per coordinate, dXᵢ = μXᵢ dt + σXᵢ dWᵢ: X(T) = X(0) exp((μ − σ²/2)T + σW(T)). */
const [μ, σ] = [0.3, 0.8];
const geometric: StochasticEquation = {
  dimension: 2,
  sources: 2,
  drift: (X) => X.map((x) => μ * x),
  noise: (X, dW) => X.map((x, i) => σ * x * dW[i]),
};

describe("schemes against the exact solution on the same paths", () => {
  const coarse = brownianPaths(key(11), { paths: 2000, sources: 2, steps: 8, horizon: 1 });
  const exact = endPoint(coarse).map((w) => Math.exp(μ - (σ * σ) / 2 + σ * w));
  const errors = (scheme: Scheme) =>
    Promise.all(
      [1, 2, 4, 8].map(async (factor) => {
        const { X } = (await simulate(geometric, [1, 1], coarse.refine(factor), { scheme }))[1];
        return mean(
          X.map((x, i) => Math.abs(x - exact[i])),
          (v) => v,
        );
      }),
    );
  it.each([
    { name: "Euler–Maruyama", scheme: eulerMaruyama, order: 0.5 },
    { name: "Milstein", scheme: milstein, order: 1 },
  ])("$name has strong order $order", async ({ scheme, order }) => {
    const e = await errors(scheme);
    const slope = Math.log2(e[0] / e[3]) / 3;
    expect(Math.abs(slope - order)).toBeLessThan(0.12);
  });
});

/**
 * Increments ±√dt, all 2ⁿ sequences of signs as paths: equally likely, with the mean and variance of Brownian motion. The mean over them is
 * an exact expectation, and for a scheme that is linear in dW that of its first two moments is the one on Brownian paths.
 */
function allSigns(steps: number, horizon: number): BrownianPaths {
  const dt = horizon / steps;
  const increment = (i: number, into = new Float64Array(2 ** steps)) => {
    for (let path = 0; path < into.length; path++) into[path] = (path >> i) & 1 ? Math.sqrt(dt) : -Math.sqrt(dt);
    return into;
  };
  const refine = (): never => {
    throw new RangeError("sequences of signs cannot be refined");
  };
  return { paths: 2 ** steps, sources: 1, steps, dt, increment, refine };
}

describe("Euler–Maruyama on geometric Brownian motion, in expectation without sampling", () => {
  const T = 0.3;
  const single: StochasticEquation = { ...geometric, dimension: 1, sources: 1 };
  const moments = async (steps: number) => {
    const [, { X }] = await simulate(single, [1], allSigns(steps, T));
    return [mean(X, (v) => v), mean(X, (v) => v * v)];
  };
  it("has the moments (1 + μh)ⁿ and ((1 + μh)² + σ²h)ⁿ", async () => {
    const h = T / 8;
    const [first, second] = await moments(8);
    expect(first).toBeCloseTo((1 + μ * h) ** 8, 13);
    expect(second).toBeCloseTo(((1 + μ * h) ** 2 + σ * σ * h) ** 8, 13);
  });
  it("has weak order 1: its error in E X and E X² halves with the step", async () => {
    const exact = [Math.exp(μ * T), Math.exp((2 * μ + σ * σ) * T)];
    const [coarse, fine] = [await moments(6), await moments(12)];
    for (const k of [0, 1]) expect(Math.abs(Math.log2((coarse[k] - exact[k]) / (fine[k] - exact[k])) - 1)).toBeLessThan(0.05);
  });
});

it("Milstein evaluates the noise 3 + 2 × sources times a step", async () => {
  let calls = 0;
  const noise: StochasticEquation["noise"] = (X, dW) => {
    calls++;
    return geometric.noise(X, dW);
  };
  await simulate({ ...geometric, noise }, [1, 1], brownianPaths(key(3), { paths: 1, sources: 2, steps: 1, horizon: 1 }), {
    scheme: milstein,
  });
  expect(calls).toBe(7);
});

it("Milstein is exact to second order in dW for one source shared by several coordinates", async () => {
  // dX₀ = dW, dX₁ = X₀ dW: X₁ = (W² − T)/2 exactly, which Euler–Maruyama misses in a single step.
  const iterated: StochasticEquation = {
    dimension: 2,
    sources: 1,
    drift: (X) => X.map(() => 0),
    noise: (X, dW) => X.map((_, i) => (i % 2 === 0 ? dW[i >> 1] : X[i - 1] * dW[i >> 1])),
  };
  const W = brownianPaths(key(2), { paths: 5, sources: 1, steps: 1, horizon: 0.7 });
  const { X } = (await simulate(iterated, [0, 0], W, { scheme: milstein }))[1];
  W.increment(0).forEach((w, path) => void expect(X[2 * path + 1]).toBeCloseTo((w * w - 0.7) / 2, 12));
});

it("records equally spaced states and says what does not fit", async () => {
  const W = brownianPaths(key(2), { paths: 3, sources: 2, steps: 6, horizon: 3 });
  const snapshots = await simulate(geometric, [1, 2], W, { records: 3 });
  expect(snapshots.map(({ t }) => t)).toEqual([0, 1, 2, 3]);
  expect([...snapshots[0].X]).toEqual([1, 2, 1, 2, 1, 2]);
  await expect(simulate(geometric, [1, 2, 3], W)).rejects.toThrow(RangeError);
  await expect(simulate(geometric, [1, 2], W, { records: 4 })).rejects.toThrow("6 steps");
  await expect(simulate({ ...geometric, sources: 1 }, [1, 2], W)).rejects.toThrow("sources");
  const explosive = { ...geometric, drift: (X: Float64Array) => X.map((x) => Math.exp(Math.abs(x) * 1e3)) };
  await expect(simulate(explosive, [1, 2], W)).rejects.toThrow("finite");
});
