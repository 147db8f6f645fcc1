import { Matrix } from "ml-matrix";
import { describe, expect, it } from "vitest";
import { alignments, randomAlignment } from "../../src/analysis/alignment.ts";
import { exampleMap, jacobians, largestSingularValues, modelMap, singularTriplets, spectralNorms } from "../../src/analysis/jacobian.ts";
import { deviationFromLinearity } from "../../src/analysis/linearity.ts";
import { evaluate, input, square } from "../../src/graph/index.ts";
import { architecture, assemble, conv, flatten, linear, type Model, maxPool, norm, relu, sequential } from "../../src/models/index.ts";
import { key, normal, tensor, toFloat64 } from "../../src/tensor/index.ts";

const batch = 3;
const mlp = (): Model => architecture("mlp", { inputShape: [12], classes: 4, width: 16 }).initialize(key(3));
const convolutional = (): Model =>
  assemble("convolutional", sequential(conv(3, 3, { padding: 1 }), norm(), relu, maxPool(2), flatten, linear(4)), {
    inputShape: [2, 4, 4],
    classes: 4,
  }).initialize(key(4));

/** f by the reference rules, one example at a time. */
function logitsOf({ network, weights }: Model, x: Float64Array): Float64Array {
  const at = input("x", [1, ...network.inputShape], "float64");
  const symbols = Object.fromEntries(Object.entries(network.weights).map(([name, { shape }]) => [name, input(name, shape, "float64")]));
  return evaluate([network.apply(at, symbols).logits], { ...weights, x: tensor(x, [1, ...network.inputShape], "float64") })[0].data;
}

function differences(model: Model, x: Float64Array): Matrix {
  const h = 1e-6;
  const J = Matrix.zeros(4, x.length);
  for (let j = 0; j < x.length; j++) {
    const moved = (sign: number) =>
      logitsOf(
        model,
        x.map((v, i) => (i === j ? v + sign * h : v)),
      );
    const [above, below] = [moved(1), moved(-1)];
    for (let k = 0; k < 4; k++) J.set(k, j, (above[k] - below[k]) / (2 * h));
  }
  return J;
}

describe.each([
  ["mlp", mlp],
  ["with convolution, normalization and pooling", convolutional],
] as const)("a network %s", (_, make) => {
  const model = make();
  const map = modelMap(model, { batch, dtype: "float64" });
  const x = normal(key(7), [batch, map.inputs]).data;

  it("has the Jacobian of finite differences", async () => {
    for (const [b, J] of (await jacobians(map, x)).entries()) {
      const expected = differences(model, x.subarray(b * map.inputs, (b + 1) * map.inputs));
      expect(Matrix.sub(J, expected).norm() / expected.norm()).toBeLessThan(1e-7);
    }
  });

  it("has forward and backward derivatives that are adjoint", async () => {
    const [v, u] = [normal(key(8), [batch, map.inputs]).data, normal(key(9), [batch, map.outputs]).data];
    const [Jv, Ju] = [await map.forward(x, v), await map.backward(x, u)];
    const inner = (a: Float64Array, b: Float64Array) => a.reduce((total, value, i) => total + value * b[i], 0);
    expect(inner(u, Jv)).toBeCloseTo(inner(Ju, v), 10);
  });

  it("has singular triplets that give J back, and the same largest value by Lanczos", async () => {
    const triplets = await singularTriplets(map, x);
    const matrices = await jacobians(map, x);
    const lanczos = await largestSingularValues(map, x, { key: key(1) });
    const norms = await spectralNorms(map, x);
    for (const [b, { values, right }] of triplets.entries()) {
      right.forEach((v, r) => {
        expect(Math.hypot(...matrices[b].mmul(Matrix.columnVector(Array.from(v))).to1DArray())).toBeCloseTo(values[r], 10);
      });
      expect(values.reduce((total, s) => total + s * s, 0)).toBeCloseTo(matrices[b].norm() ** 2, 9);
      expect(lanczos[b]).toBeCloseTo(values[0], 9);
      expect(norms[b]).toBeCloseTo(values[0], 10);
    }
  });
});

it("features are what the last layer turns into logits", async () => {
  const model = mlp();
  const [logits, features] = [modelMap(model, { batch, dtype: "float64" }), modelMap(model, { batch, dtype: "float64", of: "features" })];
  const x = normal(key(7), [batch, 12]).data;
  expect(features.outputs).toBe(16);
  const h = Matrix.from1DArray(batch, 16, Array.from(await features.value(x)));
  const W = Matrix.from1DArray(4, 16, Array.from(toFloat64(model.weights["fc3.weight"])));
  const expected = h.mmul(W.transpose()).addRowVector(Array.from(toFloat64(model.weights["fc3.bias"])));
  expect(Matrix.sub(expected, Matrix.from1DArray(batch, 4, Array.from(await logits.value(x)))).norm()).toBeLessThan(1e-12);
});

it("the deviation from linearity of x² is z²", async () => {
  const map = exampleMap(square, { shape: [2, 3], dtype: "float64" });
  const deviation = await deviationFromLinearity(map, Float64Array.of(1, 2, 3, 4, 5, 6), Float64Array.of(1, 0, 2, 0, 0, -3));
  expect([...deviation]).toEqual([expect.closeTo(Math.sqrt(17), 12), expect.closeTo(9, 12)]);
});

it("squared alignments of a perturbation in the span of the singular vectors add up to one", async () => {
  const map = modelMap(mlp(), { batch, dtype: "float64" });
  const x = normal(key(7), [batch, 12]).data;
  const triplets = await singularTriplets(map, x);
  const z = await map.backward(x, normal(key(9), [batch, 4]).data);
  for (const row of alignments(z, triplets)) expect(row.reduce((total, c) => total + c * c, 0)).toBeCloseTo(1, 10);
  expect(alignments(new Float64Array(36), triplets)[0]).toEqual([0, 0, 0, 0]);
});

it("a random direction's alignment is that of the law", () => {
  const [n, draws] = [500, 4000];
  const z = normal(key(5), [draws, n]).data;
  const first = { values: Float64Array.of(1), right: [Float64Array.from({ length: n }, (_, i) => (i === 0 ? 1 : 0))] };
  const mean = alignments(z, Array(draws).fill(first)).reduce((total, [c]) => total + c, 0) / draws;
  expect(mean / randomAlignment(n)).toBeCloseTo(1, 1);
  expect(Math.abs(mean / randomAlignment(n) - 1)).toBeLessThan(0.04); // three standard deviations
});
