import { Matrix, SVD } from "ml-matrix";
import { describe, expect, it } from "vitest";
import { conv as convolve, evaluate, type Feeds, grad, input } from "../../src/graph/index.ts";
import { architecture, assemble, conv, flatten, linear, type Model, relu, sequential } from "../../src/models/index.ts";
import { cast, key, normal, type Tensor, tensor, toFloat64, uniform } from "../../src/tensor/index.ts";
import { type Defense, globalSpectral, inputGradient, operatorNorm } from "../../src/training/index.ts";

const batchSize = 5;
const small = (): Model => architecture("mlp", { inputShape: [12], classes: 4, width: 16 }).initialize(key(3));
const convolutional = (): Model =>
  assemble("convolutional", sequential(conv(3, 3, { stride: 2, padding: 1 }), relu, flatten, linear(4)), {
    inputShape: [2, 6, 6],
    classes: 4,
  }).initialize(key(4));

/** One batch under a defense: what it crafts, and its loss and weight gradients by the reference rules in float64. */
async function prepared(model: Model, defense: Defense, batches = 1) {
  const { network, weights } = model;
  const ready = await defense.prepare({ network, batchSize, epochs: 1, runtime: {} });
  const shape = [batchSize, ...network.inputShape];
  const x = cast(uniform(key(5), shape), "float32");
  const y = tensor([0, 1, 2, 3, 0], [batchSize], "int32");
  let feeds: Readonly<Record<string, Tensor>> = {};
  for (let i = 0; i < batches; i++) {
    const batch = { x, y, indices: new Int32Array(batchSize), epoch: 0, replay: 0, key: key(6) };
    feeds = { ...(await ready.craft(batch, weights)).feeds };
  }
  const symbols = Object.fromEntries(Object.entries(network.weights).map(([name, { shape }]) => [name, input(name, shape)]));
  const crafted = Object.fromEntries(
    Object.entries(ready.crafted).map(([name, { shape, dtype }]) => [name, input(name, shape, dtype as "float32")]),
  );
  const at = input("x", shape);
  const { loss } = ready.loss(
    { x: at, labels: input("labels", [batchSize], "int32"), crafted, weights: symbols },
    (x, { weights = symbols } = {}) => network.apply(x, weights).logits,
  );
  const names = Object.keys(symbols);
  const all: Record<string, Tensor> = { ...weights, ...feeds, x, labels: y };
  await ready.release();
  return {
    crafted: feeds,
    x,
    value: (changed: Feeds = {}) => evaluate([loss], { ...all, ...changed })[0].data[0],
    gradients: () => {
      const found = evaluate(
        grad(
          loss,
          names.map((name) => symbols[name]),
        ),
        all,
      );
      return Object.fromEntries(names.map((name, i) => [name, found[i].data]));
    },
    /** (f(x+δ) − f(x)) and the Jacobian at one example. */
    logits: (points: Tensor) => evaluate([network.apply(at, symbols).logits], { ...weights, x: points })[0].data,
  };
}

/** The largest relative error of a weight gradient against central differences, over a few components. */
function differenceError({ value, gradients }: Awaited<ReturnType<typeof prepared>>, { weights }: Model, names: readonly string[]): number {
  const found = gradients();
  let worst = 0;
  for (const name of names) {
    const scale = Math.max(...found[name].map(Math.abs));
    for (const index of [0, 3, weights[name].data.length - 1]) {
      const moved = (h: number) => {
        const data = toFloat64(weights[name]).slice();
        data[index] += h;
        return value({ [name]: tensor(data, weights[name].shape, "float64") });
      };
      worst = Math.max(worst, Math.abs((moved(1e-6) - moved(-1e-6)) / 2e-6 - found[name][index]) / scale);
    }
  }
  return worst;
}

/** The Jacobians of a model at the rows of x, one after the other, by central differences. */
function jacobians(logits: (x: Tensor) => Float64Array, x: Tensor): Matrix[] {
  const n = x.data.length / batchSize;
  const J = Array.from({ length: batchSize }, () => Matrix.zeros(4, n));
  const h = 1e-6;
  for (let j = 0; j < n; j++) {
    const moved = (sign: number) =>
      logits(
        tensor(
          toFloat64(x).map((v, i) => (i % n === j ? v + sign * h : v)),
          x.shape,
          "float64",
        ),
      );
    const [above, below] = [moved(1), moved(-1)];
    for (let i = 0; i < batchSize; i++) for (let k = 0; k < 4; k++) J[i].set(k, j, (above[4 * i + k] - below[4 * i + k]) / (2 * h));
  }
  return J;
}

const crossEntropyOf = async (model: Model) => (await prepared(model, inputGradient({ lambda: 0 }))).value();

describe("operator-norm", () => {
  it.each(["sum-of-squares", "jacobian"] as const)("penalizes λε²/2 times the mean squared largest singular value (%s)", async (form) => {
    const model = small();
    const epsilon = 1e-3; // within every cell
    const found = await prepared(model, operatorNorm({ epsilon, lambda: 1e6, iterations: 60, form }));
    const expected = jacobians(found.logits, found.x).map((J) => new SVD(J, { autoTranspose: true }).diagonal[0] ** 2 / 2);
    const penalty = (found.value() - (await crossEntropyOf(model))) / (1e6 * epsilon ** 2);
    expect(penalty / (expected.reduce((a, b) => a + b) / batchSize)).toBeCloseTo(1, 4);
  });

  it("gives the same weight gradient in both forms within the cell", async () => {
    const model = small();
    const [squares, jacobian] = await Promise.all(
      (["sum-of-squares", "jacobian"] as const).map(async (form) =>
        (await prepared(model, operatorNorm({ epsilon: 1e-3, lambda: 1e6, iterations: 60, form }))).gradients(),
      ),
    );
    for (const name of ["fc1.weight", "fc2.weight", "fc3.weight"]) {
      const scale = Math.max(...jacobian[name].map(Math.abs));
      squares[name].forEach((value, i) => {
        expect(Math.abs(value - jacobian[name][i]) / scale).toBeLessThan(1e-4);
      });
    }
  });

  it.each([
    ["linf", "l1"],
    ["linf", "l2"],
    ["l2", "linf"],
  ] as const)("moves inputs in the unit %s ball and differentiates the change in %s", async (norm, outputNorm) => {
    const model = convolutional();
    const found = await prepared(model, operatorNorm({ epsilon: 0.01, lambda: 10, norm, outputNorm, iterations: 5 }));
    const v = toFloat64(found.crafted.v);
    const n = v.length / batchSize;
    for (let i = 0; i < batchSize; i++) {
      const row = v.subarray(i * n, (i + 1) * n);
      const length = norm === "linf" ? Math.max(...row.map(Math.abs)) : Math.hypot(...row);
      expect(length).toBeCloseTo(1, 5);
    }
    expect(differenceError(found, model, ["conv1.weight", "fc1.weight"])).toBeLessThan(1e-5);
  });
});

describe("global-spectral", () => {
  /** The convolution of the small network as a matrix. */
  function convolutionMatrix({ weights }: Model): Matrix {
    const [x, w] = [input("x", [72, 2, 6, 6], "float64"), input("w", [3, 2, 3, 3], "float64")];
    const [rows] = evaluate([convolve(x, w, undefined, { strides: 2, pads: 1 })], {
      x: tensor(Matrix.eye(72).to1DArray(), [72, 2, 6, 6], "float64"),
      w: cast(weights["conv1.weight"], "float64"),
    });
    return Matrix.from1DArray(72, 27, Array.from(rows.data));
  }

  it.each(["reshaped", "exact"] as const)("warm-started iterations reach the norms of the layers (%s)", async (convolution) => {
    const model = convolutional();
    const found = await prepared(model, globalSpectral({ lambda: 1, convolution }), 200);
    const reshaped = Matrix.from1DArray(3, 18, Array.from(model.weights["conv1.weight"].data as Float32Array));
    const fc = Matrix.from1DArray(4, 27, Array.from(model.weights["fc1.weight"].data as Float32Array));
    const norms = [convolution === "exact" ? convolutionMatrix(model) : reshaped, fc].map(
      (A) => new SVD(A, { autoTranspose: true }).diagonal[0],
    );
    expect(found.value() - (await crossEntropyOf(model))).toBeCloseTo((norms[0] ** 2 + norms[1] ** 2) / 2, 4);
    expect(differenceError(found, model, ["conv1.weight", "fc1.weight"])).toBeLessThan(1e-5);
  });

  it("adds λσuvᵀ to the gradient of a matrix", async () => {
    const model = small();
    const [with1, without] = [
      await prepared(model, globalSpectral({ lambda: 0.7 }), 300),
      await prepared(model, globalSpectral({ lambda: 0 })),
    ];
    const W = Matrix.from1DArray(16, 12, Array.from(model.weights["fc1.weight"].data as Float32Array));
    const { diagonal, leftSingularVectors: U, rightSingularVectors: V } = new SVD(W);
    const [a, b] = [with1.gradients()["fc1.weight"], without.gradients()["fc1.weight"]];
    a.forEach((value, i) => {
      const expected = 0.7 * diagonal[0] * U.get(Math.floor(i / 12), 0) * V.get(i % 12, 0);
      expect(Math.abs(value - b[i] - expected)).toBeLessThan(1e-4 * diagonal[0]);
    });
  });
});

describe("input-gradient", () => {
  it.each(["l2", "linf"] as const)("penalizes the gradient of each example's own loss (%s)", async (norm) => {
    const model = small();
    const found = await prepared(model, inputGradient({ norm, lambda: 2 }));
    const plain = await prepared(model, inputGradient({ lambda: 0 }));
    const n = found.x.data.length / batchSize;
    let expected = 0;
    for (let i = 0; i < found.x.data.length; i++) {
      const moved = (h: number) =>
        plain.value({
          x: tensor(
            toFloat64(found.x).map((v, j) => (j === i ? v + h : v)),
            found.x.shape,
            "float64",
          ),
        });
      const g = (batchSize * (moved(1e-5) - moved(-1e-5))) / 2e-5; // the plain loss is the mean
      expected += norm === "l2" ? g ** 2 : 2 * Math.abs(g);
    }
    expect(n).toBe(12);
    expect(found.value() - plain.value()).toBeCloseTo(expected / batchSize, 6);
    expect(differenceError(found, model, ["fc1.weight", "fc3.weight"])).toBeLessThan(1e-5);
  });
});

it("a direction of one example does not depend on its batch", async () => {
  const model = convolutional();
  const { network, weights } = model;
  const ready = await operatorNorm({ epsilon: 0.1, iterations: 3 }).prepare({ network, batchSize, epochs: 1, runtime: {} });
  const craft = async (x: Tensor<"float32">) =>
    (
      await ready.craft(
        { x, y: tensor([0, 0, 0, 0, 0], [5], "int32"), indices: new Int32Array(5), epoch: 0, replay: 0, key: key(1) },
        weights,
      )
    ).feeds.v;
  const x = cast(normal(key(8), [5, 2, 6, 6]), "float32");
  const before = toFloat64(await craft(x)).slice(0, 72);
  const other = { ...x, data: x.data.map((v, i) => (i < 72 ? v : 2 * v + 1)) };
  const after = toFloat64(await craft(other)).slice(0, 72);
  after.forEach((v, i) => {
    expect(v).toBeCloseTo(before[i], 5);
  });
  await ready.release();
});
