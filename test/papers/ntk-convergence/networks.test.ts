import { describe, expect, it } from "vitest";
import { empiricalKernel, empiricalNtk } from "../../../src/analysis/ntk-empirical.ts";
import { deepNtk, quadraticReluDual, reluDual, twoLayerNtk } from "../../../src/analysis/ntk-kernels.ts";
import { constant, evaluate, mul, softplus as softplusOf } from "../../../src/graph/index.ts";
import { evaluator } from "../../../src/papers/ntk-convergence/evaluator.ts";
import { adverseDirection, linearizationProbe, worstLinearizationError } from "../../../src/papers/ntk-convergence/linearization.ts";
import {
  deepNetwork,
  type InitializedNetwork,
  linearized,
  scalarOutput,
  twoLayerNetwork,
} from "../../../src/papers/ntk-convergence/networks.ts";
import { dot, row, rowsOf, spherePoints } from "../../../src/papers/ntk-convergence/points.ts";
import { curvature, linearizationBound, plus, type Weights } from "../../../src/papers/ntk-convergence/theory.ts";
import { logSlope } from "../../../src/papers/statistics.ts";
import { type Key, key, normal, rows } from "../../../src/tensor/index.ts";

const { points, labels } = spherePoints(key(1), { n: 5, d: 4, separation: 0.4 });
const two = twoLayerNetwork(key(2), { m: 12, d: 4, activation: "softplus" });
const deep = deepNetwork(key(3), { m: 7, d: 4, H: 3, activation: "tanh" });

const softplus = (z: number) => Math.log1p(Math.exp(z));
const sigmoid = (z: number) => 1 / (1 + Math.exp(-z));

function direction(source: Key, { network, weights }: InitializedNetwork): Weights {
  const trained = Object.entries(network.weights).filter(([, { role }]) => role === "trained");
  return Object.fromEntries(trained.map(([name]) => [name, normal(source.fold(name), weights[name].shape)]));
}

describe("architectures", () => {
  it("the two-layer network is its formula, and zero at its symmetric initialization", async () => {
    const compiled = evaluator(two.network);
    for (const f of await compiled.outputs(two.weights, points)) expect(f).toBeCloseTo(0, 14);
    const W = plus(two.weights, direction(key(4), two));
    (await compiled.outputs(W, points)).forEach((f, i) => {
      const byHand = rowsOf(W.W).reduce((sum, w, r) => sum + W.a.data[r] * softplus(dot(w, row(points, i))), 0) / Math.sqrt(12);
      expect(f).toBeCloseTo(byHand, 13);
    });
    await compiled.release();
  });

  it("the deep network is its formula", async () => {
    const { A, W1, W2, W3, a } = deep.weights;
    const compiled = evaluator(deep.network);
    const outputs = await compiled.outputs(deep.weights, points);
    rowsOf(points).forEach((x, i) => {
      const bottom = Float64Array.from(rowsOf(A), (r) => dot(r, x));
      const top = [W1, W2, W3].reduce((below, W) => Float64Array.from(rowsOf(W), (r) => Math.tanh(dot(r, below))), bottom);
      expect(outputs[i]).toBeCloseTo(dot(a.data, top), 12);
    });
    await compiled.release();
  });

  it("rescaling leaves a ReLU network as it is", () => {
    const [plain, rescaled] = [false, true].map((flag) => deepNetwork(key(5), { m: 9, d: 4, H: 2, activation: "relu", rescaled: flag }));
    const [f, g] = [plain, rescaled].map(({ network, weights }) => {
      const W = Object.fromEntries(Object.entries(weights).map(([name, layer]) => [name, constant(layer)]));
      return evaluate([scalarOutput(network, constant(points), W)])[0].data;
    });
    f.forEach((v, i) => {
      expect(g[i]).toBeCloseTo(v, 12);
    });
  });

  it("are drawn with the variances 2/m, 2/m and 1 of their formulas", () => {
    const { weights } = deepNetwork(key(6), { m: 300, d: 10, H: 1 });
    const variance = (data: Float64Array) => data.reduce((sum, v) => sum + v * v, 0) / data.length;
    expect(Math.abs(variance(weights.W1.data) * 150 - 1)).toBeLessThan(5 * Math.sqrt(2 / 90_000));
    expect(Math.abs(variance(weights.A.data) * 150 - 1)).toBeLessThan(5 * Math.sqrt(2 / 3000));
    expect(Math.abs(variance(weights.a.data) - 1)).toBeLessThan(5 * Math.sqrt(2 / 300));
  });

  it("in the plain scaling a softplus of tiny pre-activations lets the output grow as √m; rescaled it does not", async () => {
    const deviation = async (m: number, rescaled: boolean) => {
      const squares: number[] = [];
      const draws = Array.from({ length: 20 }, (_, draw) => deepNetwork(key(16).fold(draw), { m, d: 4, H: 1, rescaled }));
      const compiled = evaluator(draws[0].network);
      for (const { weights } of draws) for (const f of await compiled.outputs(weights, points)) squares.push(f * f);
      await compiled.release();
      return Math.sqrt(squares.reduce((a, b) => a + b, 0) / squares.length);
    };
    const [plain, rescaled] = [await deviation(256, false), await deviation(256, true)];
    expect(plain / (16 * Math.LN2)).toBeGreaterThan(0.6);
    expect(plain / (16 * Math.LN2)).toBeLessThan(1.5);
    expect(rescaled).toBeLessThan(3);
  });

  it("refuse odd widths and depth 0", () => {
    expect(() => twoLayerNetwork(key(1), { m: 3, d: 2 })).toThrow(RangeError);
    expect(() => deepNetwork(key(1), { m: 3, d: 2, H: 0 })).toThrow(RangeError);
  });
});

describe("gradients on the engine", () => {
  it.each([
    ["two-layer", two],
    ["deep", deep],
  ] as const)("in the weights and the features agree with central differences: %s", async (_, start) => {
    const compiled = evaluator(start.network);
    const W = plus(start.weights, direction(key(7), start), 0.3);
    const V = direction(key(8), start);
    const h = 1e-5;
    const mean = async (weights: Weights) =>
      (await compiled.descent(weights, points, labels)).losses.reduce((a, b) => a + b, 0) / labels.length;
    const { gradient } = await compiled.descent(W, points, labels);
    const along = Object.keys(V).reduce((sum, name) => sum + dot(gradient[name].data, V[name].data), 0);
    expect(along).toBeCloseTo(((await mean(plus(W, V, h))) - (await mean(plus(W, V, -h)))) / (2 * h), 7);

    const c = Float64Array.of(1, -2, 0.5, 0, 3);
    const features = await compiled.combine(W, points, c);
    const combined = Object.keys(V).reduce((sum, name) => sum + dot(features[name].data, V[name].data), 0);
    const [up, down] = [await compiled.outputs(plus(W, V, h), points), await compiled.outputs(plus(W, V, -h), points)];
    expect(combined).toBeCloseTo(
      c.reduce((sum, ci, i) => sum + (ci * (up[i] - down[i])) / (2 * h), 0),
      6,
    );
    await compiled.release();
  });
});

describe("linearization", () => {
  it("is f(W_0) + ⟨∇f(W_0), W − W_0⟩: exact to second order, linear in W, in the neurons' closed form", async () => {
    const V = direction(key(9), two);
    const { network, linear } = linearizationProbe(two);
    const error = async (s: number) => {
      const W = plus(two.weights, V, s);
      const [f, g] = [await network.outputs(W, points), await linear.outputs(W, points)];
      return Math.max(...f.map((v, i) => Math.abs(v - g[i])));
    };
    const scales = [0.1, 0.05, 0.025, 0.0125];
    expect(logSlope(scales, await Promise.all(scales.map(error)))).toBeCloseTo(2, 1);
    const g = await linear.outputs(plus(two.weights, V), points);
    const closed = rowsOf(points).map(
      (x) =>
        rowsOf(two.weights.W).reduce((sum, w, r) => sum + two.weights.a.data[r] * sigmoid(dot(w, x)) * dot(row(V.W, r), x), 0) /
        Math.sqrt(12),
    );
    closed.forEach((v, i) => {
      expect(g[i]).toBeCloseTo(v, 12);
    });
    await Promise.all([network.release(), linear.release()]);
  });

  it("errs by at most CR²/(2√m) in the worst displacement found, which comes within 10 % of that, with slope −1/2", async () => {
    const x = rows(points, 0, 1);
    for (const activation of ["softplus", "quadratic-relu"] as const) {
      const widths = [128, 512, 2048];
      const errors: number[] = [];
      for (const m of widths) {
        const start = twoLayerNetwork(key(10).fold(m), { m, d: 4, activation });
        const probe = linearizationProbe(start);
        const { error } = await worstLinearizationError(probe, x, { R: 4, start: adverseDirection(start, x) });
        const bound = linearizationBound({ C: curvature[activation], R: 4, m });
        expect(error).toBeLessThanOrEqual(bound * (1 + 1e-12));
        expect(error).toBeGreaterThan(0.9 * bound);
        errors.push(error);
        await Promise.all([probe.network.release(), probe.linear.release()]);
      }
      expect(Math.abs(logSlope(widths, errors) + 0.5)).toBeLessThan(0.05);
    }
  });

  it("errs downwards as far as upwards: for −σ the worst |f − f_lin| is that for σ", async () => {
    const x = rows(points, 0, 1);
    const [convex, concave] = await Promise.all(
      [1, -1].map(async (sign) => {
        const { network, weights } = twoLayerNetwork(key(18), { m: 12, d: 4, activation: (z) => mul(softplusOf(z), sign) });
        const allUp = { network, weights: { ...weights, a: { ...weights.a, data: weights.a.data.map(() => 1) } } };
        const probe = linearizationProbe(allUp);
        const found = await worstLinearizationError(probe, x, { R: 2, start: direction(key(19), allUp) });
        const W = plus(allUp.weights, found.displacement);
        const difference = (await probe.network.outputs(W, x))[0] - (await probe.linear.outputs(W, x))[0];
        expect(difference).toBeCloseTo(sign * found.error, 12);
        await Promise.all([probe.network.release(), probe.linear.release()]);
        return found.error;
      }),
    );
    expect(convex).toBeGreaterThan(0.01);
    expect(concave).toBeCloseTo(convex, 12);
  });

  it("is bounded by constants that are the largest second derivatives", () => {
    const σ = { softplus, "quadratic-relu": (z: number) => Math.max(z, 0) ** 2, tanh: Math.tanh };
    for (const name of ["softplus", "quadratic-relu", "tanh"] as const) {
      const h = 1e-3;
      const second = (z: number) => Math.abs(σ[name](z + h) - 2 * σ[name](z) + σ[name](z - h)) / h ** 2;
      const largest = Math.max(...Array.from({ length: 4001 }, (_, i) => second(-4 + i * 2e-3)));
      expect(Math.abs(largest / curvature[name] - 1)).toBeLessThan(1e-5);
    }
  });

  it("of a deep network is linear in W", () => {
    const lin = linearized(deep);
    const V = direction(key(11), deep);
    const at = (s: number) => {
      const W = Object.fromEntries(Object.entries(plus(deep.weights, V, s)).map(([name, layer]) => [name, constant(layer)]));
      return evaluate([scalarOutput(lin, constant(points), W)])[0].data;
    };
    const [zero, one, three] = [at(0), at(1), at(3)];
    three.forEach((v, i) => {
      expect(v - zero[i]).toBeCloseTo(3 * (one[i] - zero[i]), 10);
    });
  });
});

describe("empirical kernel", () => {
  it("is the Gram matrix of central-difference Jacobians, also in padded blocks and between two sets", async () => {
    const K = await empiricalNtk(two, points, points, { block: 2 });
    const compiled = evaluator(two.network);
    const h = 1e-5;
    const jacobian: number[][] = Array.from({ length: 5 }, () => []);
    for (let k = 0; k < two.weights.W.data.length; k++) {
      const unit = { W: { ...two.weights.W, data: two.weights.W.data.map((_, i) => (i === k ? 1 : 0)) } };
      const [up, down] = [
        await compiled.outputs(plus(two.weights, unit, h), points),
        await compiled.outputs(plus(two.weights, unit, -h), points),
      ];
      up.forEach((v, i) => {
        jacobian[i].push((v - down[i]) / (2 * h));
      });
    }
    for (let i = 0; i < 5; i++) for (let j = 0; j < 5; j++) expect(K.get(i, j)).toBeCloseTo(dot(jacobian[i], jacobian[j]), 8);
    const between = await empiricalNtk(two, points, rows(points, 1, 4), { block: 3 });
    for (let i = 0; i < 5; i++) for (let j = 0; j < 3; j++) expect(between.get(i, j)).toBeCloseTo(K.get(i, j + 1), 12);
    await compiled.release();
  });

  it("compiled once serves many weights", async () => {
    const moved = plus(two.weights, direction(key(17), two));
    const compiled = await empiricalKernel(two.network, "float64", { block: 2 });
    for (const weights of [two.weights, moved]) {
      const [reused, fresh] = [await compiled.at(weights, points), await empiricalNtk({ network: two.network, weights }, points)];
      reused.to1DArray().forEach((entry, i) => {
        expect(entry).toBeCloseTo(fresh.to1DArray()[i], 12);
      });
    }
    await compiled.release();
  });

  it("refuses inputs of another shape", async () => {
    await expect(empiricalNtk(two, normal(key(1), [3, 5]))).rejects.toThrow(/float64\[n, 4\]/);
  });

  it("tends to the analytic kernels: two layers, and the deep recursion over m", async () => {
    const relativeError = async (start: InitializedNetwork, K: ReturnType<typeof kernel>, scale: number) => {
      const empirical = (await empiricalNtk(start, points)).mul(scale);
      return empirical.sub(K).norm() / K.norm();
    };
    const kernel = (k: typeof twoLayer) => k(points, points);
    const twoLayer = twoLayerNtk(quadraticReluDual);
    expect(await relativeError(twoLayerNetwork(key(12), { m: 40_000, d: 4 }), kernel(twoLayer), 1)).toBeLessThan(0.03);
    const m = 600;
    const network = deepNetwork(key(13), { m, d: 4, H: 2, activation: "relu" });
    expect(await relativeError(network, kernel(deepNtk(reluDual, 2)), 1 / m)).toBeLessThan(0.15);
  });
});
