import { Matrix, SVD } from "ml-matrix";
import { describe, expect, it } from "vitest";
import { cellDistances } from "../../src/analysis/cells.ts";
import { jacobians, modelMap } from "../../src/analysis/jacobian.ts";
import { deviationFromLinearity } from "../../src/analysis/linearity.ts";
import { globalBound } from "../../src/analysis/spectral.ts";
import { constant, conv as convolve, evaluate, GraphError } from "../../src/graph/index.ts";
import {
  architecture,
  assemble,
  conv,
  flatten,
  linear,
  type Model,
  maxPool,
  meanPool,
  norm,
  relu,
  sequential,
} from "../../src/models/index.ts";
import { cast, key, normal, tensor, toFloat64 } from "../../src/tensor/index.ts";

const mlp = (): Model => architecture("mlp", { inputShape: [12], classes: 4, width: 16 }).initialize(key(3));
const pooled = (): Model =>
  assemble("pooled", sequential(conv(3, 3, { padding: 1 }), norm(), relu, maxPool(2), flatten, linear(4)), {
    inputShape: [2, 4, 4],
    classes: 4,
  }).initialize(key(4));
const dense = ({ weights }: Model, name: string, rows: number, columns: number) =>
  Matrix.from1DArray(rows, columns, Array.from(toFloat64(weights[name])));

describe("the distance to the boundary of the cell", () => {
  it.each([1, 2, Number.POSITIVE_INFINITY])("is that of the written-out affine maps (p = %s)", async (p) => {
    const model = mlp();
    const [W1, W2] = [dense(model, "fc1.weight", 16, 12), dense(model, "fc2.weight", 16, 16)];
    const [b1, b2] = ["fc1.bias", "fc2.bias"].map((name) => Matrix.columnVector(Array.from(toFloat64(model.weights[name]))));
    const x = normal(key(7), [5, 12]).data;
    const found = await cellDistances(model, x, { p, dtype: "float64", block: 7 });
    for (const [i, { distance, walls, examined }] of found.entries()) {
      const point = Matrix.columnVector(Array.from(x.subarray(12 * i, 12 * (i + 1))));
      const z1 = W1.mmul(point).add(b1);
      const D1 = Matrix.diag(z1.to1DArray().map((z) => (z > 0 ? 1 : 0)));
      const rows = [W1, W2.mmul(D1).mmul(W1)];
      const values = [z1, W2.mmul(D1).mmul(z1).add(b2)];
      const candidates = rows.flatMap((R, l) =>
        R.to2DArray().map((row, j) => {
          const magnitudes = row.map(Math.abs);
          const length = p === 2 ? Math.hypot(...row) : p === 1 ? Math.max(...magnitudes) : magnitudes.reduce((a, b) => a + b);
          return Math.abs(values[l].get(j, 0)) / length;
        }),
      );
      expect(distance).toBeCloseTo(Math.min(...candidates), 10);
      expect([walls, examined]).toEqual([32, 32]);
    }
  });

  it("is the radius within which a network with pooling is affine", async () => {
    const model = pooled();
    const x = normal(key(7), [4, 32]).data;
    const map = modelMap(model, { batch: 4, dtype: "float64" });
    const found = await cellDistances(model, x, { p: 2, dtype: "float64" });
    for (let draw = 0; draw < 30; draw++) {
      const z = normal(key(8).fold(draw), [4, 32]).data;
      for (const [b, { distance }] of found.entries()) {
        const row = z.subarray(32 * b, 32 * (b + 1));
        const length = Math.hypot(...row);
        row.forEach((v, i) => {
          row[i] = (0.999 * distance * v) / length;
        });
      }
      for (const deviation of await deviationFromLinearity(map, x, z)) expect(deviation).toBeLessThan(1e-12);
    }
    // A limit can only make it larger.
    const some = await cellDistances(model, x, { p: 2, dtype: "float64", limit: 5 });
    for (const [b, { distance, examined }] of some.entries()) {
      expect(distance).toBeGreaterThanOrEqual(found[b].distance);
      expect(examined).toBe(5);
    }
  });

  it("is infinite for a linear model, and refused for a smooth one", async () => {
    const x = normal(key(7), [1, 12]).data;
    const options = { inputShape: [12], classes: 4 };
    expect((await cellDistances(architecture("linear", options).initialize(key(1)), x, { p: 2 }))[0].distance).toBe(
      Number.POSITIVE_INFINITY,
    );
    const smooth = architecture("mlp", { ...options, activation: "tanh" }).initialize(key(1));
    await expect(cellDistances(smooth, x, { p: 2 })).rejects.toThrow(GraphError);
  });
});

describe("the global bound", () => {
  it("of an MLP is the product of the largest singular values", async () => {
    const model = mlp();
    const { bound, layers } = await globalBound(model, { dtype: "float64" });
    const norms = [dense(model, "fc1.weight", 16, 12), dense(model, "fc2.weight", 16, 16), dense(model, "fc3.weight", 4, 16)].map(
      (W) => new SVD(W, { autoTranspose: true }).diagonal[0],
    );
    expect(layers.map(({ norm }) => norm)).toEqual(norms.map((norm) => expect.closeTo(norm, 8)));
    expect(bound).toBeCloseTo(norms[0] * norms[1] * norms[2], 8);
  });

  it("takes convolutions as they act on the input, and normalization by its slopes", async () => {
    const model = pooled();
    const { layers } = await globalBound(model, { dtype: "float64" });
    const identity = constant(tensor(Matrix.eye(32).to1DArray(), [32, 2, 4, 4], "float64"));
    const [A] = evaluate([convolve(identity, constant(cast(model.weights["conv1.weight"], "float64")), undefined, { pads: 1 })]);
    const convolution = new SVD(Matrix.from1DArray(32, 48, Array.from(A.data)), { autoTranspose: true }).diagonal[0];
    const [first, second] = layers;
    expect(first.norm).toBeCloseTo(convolution, 8);
    expect(second.norm).toBeCloseTo(1 / Math.sqrt(1 + 1e-5), 8);
    expect(layers.length).toBe(3);
  });

  it("counts the averages of pooling, the sums of residual paths, and holds everywhere", async () => {
    const averaging = assemble("averaging", sequential(meanPool(2), flatten, linear(2)), { inputShape: [1, 4, 4], classes: 2 }).initialize(
      key(1),
    );
    expect((await globalBound(averaging, { dtype: "float64" })).layers[0].norm).toBeCloseTo(0.5, 10);

    const residual = architecture("preact-resnet-18", { inputShape: [1, 8, 8], width: 2, classes: 3 }).initialize(key(2));
    const { bound } = await globalBound(residual);
    const map = modelMap(residual, { batch: 5 });
    for (const J of await jacobians(map, normal(key(3), [5, 64]).data)) {
      expect(new SVD(J, { autoTranspose: true }).diagonal[0]).toBeLessThan(bound);
    }
    expect(Number.isFinite(bound)).toBe(true);
  });

  it("is refused where there is none", async () => {
    const model = architecture("two-layer", { inputShape: [4], classes: 2, width: 8, activation: "quadratic-relu" }).initialize(key(1));
    await expect(globalBound(model)).rejects.toThrow(GraphError);
  });
});
