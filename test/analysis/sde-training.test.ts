/**
 * The training equations of a linear learner have closed forms: another implementation of everything that the graph computes. The real use, a
 * network, is then compared with finite differences and with its own per-example directions.
 */

import { Matrix } from "ml-matrix";
import { describe, expect, it } from "vitest";
import {
  type Adversary,
  adversarialInputs,
  modifiedLoss,
  penalties,
  SGD,
  weightedDirection,
} from "../../src/analysis/adversarial-direction.ts";
import { classifierLearner, flattenWeights, type Learner, unflatten, weightCount } from "../../src/analysis/learner.ts";
import { simulate } from "../../src/analysis/sde.ts";
import { brownianPaths } from "../../src/analysis/sde-brownian.ts";
import { type Approximation, measureCopies, observe, sdeOf, trainCopies } from "../../src/analysis/sde-training.ts";
import {
  constant,
  crossEntropy,
  evaluate,
  grad,
  input,
  matMul,
  mul,
  reduceMean,
  reduceSum,
  square,
  sub,
  sum,
  tanh,
  type Value,
} from "../../src/graph/index.ts";
import { architecture } from "../../src/models/index.ts";
import { penalty, sharedPenalty } from "../../src/papers/continuous-time/theory/inner.ts";
import * as linear from "../../src/papers/continuous-time/theory/linear-regression.ts";
import { minus, norm, plus, scale } from "../../src/papers/continuous-time/theory/vectors.ts";
import { cast, full, key, normal, tensor } from "../../src/tensor/index.ts";

const [N, d, copies] = [6, 3, 4];
const regression: Learner = {
  weights: { θ: [d] },
  losses: ({ θ }, x, y) => mul(square(sub(reduceSum(mul(x, θ), [1]), y)), 0.5),
};
const x = normal(key(1), [N, d]);
const y = normal(key(2), [N]);
const examples = Array.from({ length: N }, (_, i) => ({ x: [...x.data.subarray(i * d, (i + 1) * d)], y: y.data[i] }));
const A = Matrix.zeros(d, d);
for (const e of examples)
  A.add(
    Matrix.columnVector(e.x)
      .mmul(Matrix.rowVector(e.x))
      .mul(1 / N),
  );
const law: linear.SecondMoments = {
  A,
  b: examples.reduce((b, e) => plus(b, e.x, e.y / N), [0, 0, 0]),
  yy: examples.reduce((sum, e) => sum + e.y ** 2 / N, 0),
};
const X = normal(key(3), [copies, d]).data;
const rows = (values: Float64Array) => Array.from({ length: values.length / d }, (_, i) => [...values.subarray(i * d, (i + 1) * d)]);
const adversary: Adversary = { α: 0.1, K: 3 };
const rule = { η: 0.05, batch: 2, adversary, copies };

describe("the equation of linear regression", () => {
  const m = (θ: readonly number[]) => linear.meanDirection(law, θ, adversary);
  /** (Dm)m by a difference along m. */
  const bend = (θ: readonly number[], field: (θ: readonly number[]) => number[]) =>
    scale(1 / 2e-6, minus(field(plus(θ, field(θ), 1e-6)), field(plus(θ, field(θ), -1e-6))));
  const drifts: Record<Approximation, (θ: readonly number[]) => number[]> = {
    "order 1": m,
    "order 2": (θ) => plus(m(θ), bend(θ, m), rule.η / 2),
    "order 2, α = cη": (θ) => {
      const gradient = (at: readonly number[]) => linear.lossGradient(law, at);
      return plus(plus(gradient(θ), bend(θ, gradient), rule.η / 2), linear.vulnerabilityGradient(law, θ), adversary.α * adversary.K);
    },
  };
  it.each(Object.keys(drifts) as Approximation[])("has the drift of %s", async (approximation) => {
    const equation = await sdeOf(regression, { x, y }, { ...rule, approximation });
    const found = rows(await equation.drift(X));
    for (const [i, θ] of rows(X).entries())
      expect(norm(plus(found[i], drifts[approximation](θ)))).toBeLessThan(1e-7 * (1 + norm(found[i])));
    await equation.release();
  });

  it.each([{ direction: "sign" }, { direction: "l2" }, { ε: 0.05 }, { direction: "sign", ε: 0.05, ball: "linf" }] as const)(
    "of order 2 for α = cη adds the gradient of the penalty of %o",
    async (how) => {
      const adversary: Adversary = { α: 0.1, K: 3, ...how };
      const [own, sgd] = await Promise.all(
        [adversary, SGD].map((which) => sdeOf(regression, { x, y }, { ...rule, adversary: which, approximation: "order 2, α = cη" })),
      );
      const [a, b] = [rows(await own.drift(X)), rows(await sgd.drift(X))];
      const mean = async (at: Float64Array) =>
        (await measureCopies(regression, { x, y }, at, (losses, from) => ({ P: reduceMean(penalties(losses, from, adversary)) }))).P;
      for (let j = 0; j < d; j++) {
        const shifted = (h: number) => mean(X.map((v, i) => (i % d === j ? v + h : v)));
        const [up, down] = [await shifted(1e-6), await shifted(-1e-6)];
        for (const [i, drift] of a.entries()) expect(drift[j] - b[i][j]).toBeCloseTo((down[i] - up[i]) / 2e-6, 7);
      }
      await Promise.all([own.release(), sgd.release()]);
    },
  );

  it("has the covariance ηCov(h)/B of the adversary's directions, from columns of the noise", async () => {
    const equation = await sdeOf(regression, { x, y }, rule);
    const found = Array.from({ length: copies }, () => Matrix.zeros(d, d));
    for (let j = 0; j < N; j++) {
      const columns = rows(
        await equation.noise(
          X,
          Float64Array.from({ length: copies * N }, (_, i) => (i % N === j ? 1 : 0)),
        ),
      );
      for (const [i, c] of columns.entries()) found[i].add(Matrix.columnVector(c).mmul(Matrix.rowVector(c)));
    }
    for (const [i, θ] of rows(X).entries()) {
      const h = examples.map((e) => minus(linear.direction(θ, e.x, e.y, adversary), m(θ)));
      const exact = h
        .reduce((C, v) => C.add(Matrix.columnVector(v).mmul(Matrix.rowVector(v))), Matrix.zeros(d, d))
        .mul(rule.η / (rule.batch * N));
      expect(Matrix.sub(found[i], exact).norm()).toBeLessThan(1e-12 * exact.norm());
    }
    await equation.release();
  });

  it("steps by drift and noise at once as by the two apart", async () => {
    const equation = await sdeOf(regression, { x, y }, { ...rule, approximation: "order 2" });
    const dW = normal(key(4), [copies, N], 0.1).data;
    const [drift, noise] = [await equation.drift(X), await equation.noise(X, dW)];
    const together = await equation.follow?.(X, 0.01, [dW]);
    expect(Math.max(...X.map((v, i) => Math.abs(v + 0.01 * drift[i] + noise[i] - (together as Float64Array)[i])))).toBeLessThan(1e-14);
    await equation.release();
  });
});

describe("with gradients in float32", () => {
  const [rough, exact] = [{ ...rule, precision: "float32" } as const, rule];
  const apart = (a: Float64Array, b: Float64Array) => Math.max(...a.map((v, i) => Math.abs(v - b[i])));

  it.each(["order 1", "order 2", "order 2, α = cη"] as const)(
    "the equation of %s is that of float64 to seven digits, and not to nine",
    async (approximation) => {
      const [a, b] = await Promise.all([rough, exact].map((how) => sdeOf(regression, { x, y }, { ...how, approximation })));
      const gap = apart(await a.drift(X), await b.drift(X)) / norm([...(await b.drift(X))]);
      expect(gap).toBeLessThan(1e-6);
      expect(gap).toBeGreaterThan(1e-10);
      await Promise.all([a.release(), b.release()]);
    },
  );

  it("weights are added up in float64: steps of 1e-12 are not lost", async () => {
    const equation = await sdeOf(regression, { x, y }, rough);
    const still = new Float64Array(copies * N);
    const [drift, moved] = [await equation.drift(X), await equation.follow?.(X, 1e-12, [still])];
    const gap = Math.max(...X.map((v, i) => Math.abs((moved as Float64Array)[i] - v - 1e-12 * drift[i])));
    expect(gap).toBeLessThan(2 * Number.EPSILON * Math.max(...X.map(Math.abs)));
    await equation.release();
  });

  it("training follows that of float64, of networks and of classifiers with fixed weights too", async () => {
    const model = architecture("two-layer", { inputShape: [2], classes: 3, width: 4, activation: "tanh" }).initialize(key(2));
    const learner = classifierLearner(model);
    const [points, labels] = [normal(key(3), [6, 2]), tensor([0, 1, 2, 0, 1, 2], [6], "int32")];
    const start = flattenWeights(learner, model.weights);
    const train = async (precision: "float32" | "float64") =>
      (await trainCopies(learner, { x: points, y: labels }, start, { ...rule, precision, batch: 3, copies: 5, steps: 20, key: key(8) }))[1]
        .X;
    const [a, b] = [await train("float32"), await train("float64")];
    expect(apart(a, b)).toBeLessThan(1e-5);
    expect(apart(a, b)).toBeGreaterThan(0);
  });
});

it("simulations of one equation do not disturb each other", async () => {
  const equation = await sdeOf(regression, { x, y }, rule);
  const W = [1, 2, 3].map((seed) => brownianPaths(key(seed), { paths: copies, sources: N, steps: 6, horizon: 0.3 }));
  const together = await Promise.all(W.map((w) => simulate(equation, X, w, { records: 2 })));
  for (const [i, w] of W.entries()) expect(together[i]).toEqual(await simulate(equation, X, w, { records: 2 }));
  await equation.release();
});

it("trains copies as the formula says: full batches exactly, small batches in the mean", async () => {
  const one = await trainCopies(regression, { x, y }, X, { ...rule, batch: "all", steps: 3, records: 3, key: key(5) });
  let expected = rows(X);
  for (const { X: found } of one.slice(1)) {
    expected = expected.map((θ) => plus(θ, linear.meanDirection(law, θ, adversary), -rule.η));
    for (const [i, θ] of rows(found).entries()) expect(norm(minus(θ, expected[i]))).toBeLessThan(1e-13);
  }
  const many = 4000;
  const θ = rows(X)[0];
  const after = rows((await trainCopies(regression, { x, y }, θ, { ...rule, copies: many, steps: 1, key: key(6) }))[1].X);
  const average = after.reduce((sum, v) => plus(sum, v, 1 / many), [0, 0, 0]);
  const spread = Math.sqrt(after.reduce((sum, v) => sum + norm(minus(v, average)) ** 2 / many, 0) / many);
  expect(norm(minus(average, plus(θ, linear.meanDirection(law, θ, adversary), -rule.η)))).toBeLessThan(4 * spread);
});

it("observes loss and vulnerability per copy", async () => {
  const { loss, vulnerability } = await observe(regression, { x, y }, X);
  for (const [i, θ] of rows(X).entries()) {
    expect(loss[i]).toBeCloseTo(linear.loss(law, θ), 12);
    expect(vulnerability[i]).toBeCloseTo(linear.vulnerability(law, θ), 12);
  }
});

it("refuses what has no equation", async () => {
  await expect(sdeOf(regression, { x, y }, { ...rule, adversary: { ...adversary, shared: true } })).rejects.toThrow(RangeError);
  await expect(sdeOf(regression, { x, y: normal(key(1), [N + 1]) }, rule)).rejects.toThrow("do not belong together");
  await expect(trainCopies(regression, { x, y }, X, { ...rule, steps: 3, records: 2, key: key(1) })).rejects.toThrow("3 steps");
  const training = { ...rule, steps: 40, key: key(1) };
  await expect(trainCopies(regression, { x, y }, [1, 2], training)).rejects.toThrow("neither one weight set");
  await expect(trainCopies(regression, { x, y }, X, { ...training, adversary: { ...adversary, shared: true } })).rejects.toThrow("shared");
  await expect(trainCopies(regression, { x, y }, X, { ...training, η: 1e9 })).rejects.toThrow("finite");
});

const width = 5;
const network: Learner = {
  weights: { W: [d, width], a: [width] },
  losses: ({ W, a }, x, y) => mul(square(sub(reduceSum(mul(tanh(matMul(x, W)), a), [1]), y)), 0.5),
};

describe("modified losses", () => {
  const θ = input("θ", [weightCount(network)], "float64");
  const feeds = { θ: tensor(normal(key(7), θ.shape).data, θ.shape, "float64"), x, y };
  const [xs, ys] = [input("x", [N, d], "float64"), input("y", [N], "float64")];
  const w = constant(full([N], 1 / N, "float64"));
  const norms = (values: Value[]) => evaluate(values, feeds).map(({ data }) => norm([...data]));
  const losses = (at: Value) => network.losses(unflatten(network, θ), at, ys);

  it.each([
    { name: "raw", of: (α: number): Adversary => ({ α, K: 3 }) },
    { name: "normalized", of: (α: number): Adversary => ({ α, K: 3, direction: "l2" }) },
    { name: "sign", of: (α: number): Adversary => ({ α, K: 3, direction: "sign" }) },
    { name: "projected", of: (α: number): Adversary => ({ α, K: 3, ε: α }) },
    { name: "raw, l∞ ball", of: (α: number): Adversary => ({ α, K: 3, ε: α, ball: "linf" }) },
    { name: "normalized, l₂ ball", of: (α: number): Adversary => ({ α, K: 3, direction: "l2", ε: 2 * α }) },
    { name: "sign, l∞ ball", of: (α: number): Adversary => ({ α, K: 3, direction: "sign", ε: 2 * α, ball: "linf" }) },
    { name: "sign, l₂ ball", of: (α: number): Adversary => ({ α, K: 3, direction: "sign", ε: 2 * α }) },
    { name: "shared", of: (α: number): Adversary => ({ α, K: 3, shared: true }) },
  ])("$name steps: the direction is the modified loss's gradient up to O(α²)", ({ of }) => {
    const remainder = (α: number) => {
      const h = weightedDirection(network, θ, xs, ys, w, of(α));
      return sub(h, grad(modifiedLoss(losses, xs, of(α)), θ));
    };
    const αs = [0.002, 0.001];
    const [a, b] = norms(αs.map(remainder));
    const [plain] = norms([sub(weightedDirection(network, θ, xs, ys, w, of(0.001)), grad(reduceMean(losses(xs)), θ))]);
    expect(Math.log2(a / b)).toBeGreaterThan(1.85);
    expect(b).toBeLessThan(plain / 20);
  });

  it.each([
    { direction: "raw", ball: "l2" },
    { direction: "raw", ball: "linf" },
    { direction: "l2", ball: "l2" },
    { direction: "sign", ball: "l2" },
    { direction: "sign", ball: "linf" },
  ] as const)("the derivative of the penalty of $direction steps in a ball of $ball by the input gradient is the perturbation", (how) => {
    // Losses linear in x have their slopes as input gradients everywhere, so that the perturbation is exact.
    const [slopes, points] = [input("slopes", [N, d], "float64"), input("points", [N, d], "float64")];
    const linear = (at: Value) => reduceSum(mul(at, slopes), [1]);
    const data = normal(key(12), [N, d]).data;
    data[0] = 0;
    for (const ε of [0.05, 0.3, 0.7, 5, undefined]) {
      const adversary: Adversary = { α: 0.1, K: 4, ε, ...how };
      const δ = sub(adversarialInputs(linear, points, adversary), points);
      const found = evaluate([δ, grad(sum(penalties(linear, points, adversary)), slopes)], {
        slopes: tensor(data, [N, d], "float64"),
        points: full([N, d], 0, "float64"),
      }).map((value) => value.data);
      expect(Math.max(...found[0].map(Math.abs))).toBeGreaterThan(0.02);
      for (const [i, v] of found[0].entries()) expect(found[1][i], `ε = ${ε}`).toBeCloseTo(v, 12);
    }
  });

  it("normalized steps in an l∞ ball have no penalty, and say so", () => {
    expect(() => penalties(losses, xs, { α: 0.1, K: 1, direction: "l2", ε: 0.1, ball: "linf" })).toThrow("descend no modified loss");
    expect(() => adversarialInputs(losses, xs, { α: 0.1, K: 1, direction: "l2", ε: 0.1, ball: "linf" })).not.toThrow();
  });

  it("the penalties are the closed forms of the input gradients", () => {
    const inner = { α: 0.1, K: 3 };
    const [g] = evaluate([grad(sum(losses(xs)), xs)], feeds);
    const gradients = rows(g.data);
    const mean = (f: (g: readonly number[]) => number) => gradients.reduce((total, v) => total + f(v) / N, 0);
    const ε = 0.3 * mean(norm);
    const cases: [Adversary, number][] = [
      [inner, mean((v) => penalty.raw(v, inner))],
      [{ ...inner, direction: "l2" }, mean((v) => penalty.normalized(v, inner))],
      [{ ...inner, direction: "sign" }, mean((v) => penalty.sign(v, inner))],
      [{ ...inner, ε }, mean((v) => penalty.projected(v, inner, ε))],
      // All of the data in every batch: the limit of large batches.
      [{ ...inner, shared: true }, sharedPenalty(gradients, Number.POSITIVE_INFINITY, inner)],
    ];
    expect(new Set(gradients.map((v) => inner.K * inner.α * norm(v) > ε)).size).toBe(2);
    for (const [adversary, expected] of cases) {
      const [found] = evaluate([sub(modifiedLoss(losses, xs, adversary), reduceMean(losses(xs)))], feeds);
      expect(found.data[0]).toBeCloseTo(expected, 12);
    }
  });

  it("the perturbation stays in its ball, and a shared one is the same for all", () => {
    const [own, common] = evaluate(
      [
        sub(adversarialInputs(losses, xs, { α: 1, K: 4, ε: 0.3 }), xs),
        sub(adversarialInputs(losses, xs, { α: 1, K: 2, shared: true }), xs),
      ],
      feeds,
    ).map(({ data }) => rows(data));
    for (const δ of own) expect(norm(δ)).toBeLessThanOrEqual(0.3 + 1e-12);
    for (const δ of common) expect(norm(minus(δ, common[0]))).toBeLessThan(1e-15);
    expect(norm(common[0])).toBeGreaterThan(0.01);
  });

  it("without an adversary is the mean loss", () => {
    const [a, b] = evaluate([modifiedLoss(losses, xs, SGD), reduceMean(losses(xs))], feeds);
    expect(a.data[0]).toBe(b.data[0]);
  });
});

it.each(["mlp", "two-layer"])("takes the trained weights of a classifier (%s), and leaves the others", async (name) => {
  const model = architecture(name, { inputShape: [d], classes: 2, width: 4, activation: "tanh" }).initialize(key(8));
  const learner = classifierLearner(model);
  const trained = Object.keys(model.network.weights).filter((weight) => model.network.weights[weight].role === "trained");
  expect(Object.keys(learner.weights)).toEqual(trained);
  const θ = flattenWeights(learner, model.weights);
  const labels = tensor([0, 1, 1, 0, 1, 0], [N], "int32");
  const { loss } = await observe(learner, { x, y: labels }, θ);
  const inputs = input("x", [N, d], "float64");
  const weights = Object.fromEntries(Object.entries(model.weights).map(([weight, value]) => [weight, constant(cast(value, "float64"))]));
  const [expected] = evaluate([reduceMean(crossEntropy(model.network.apply(inputs, weights).logits, constant(labels)))], { x });
  expect(loss[0]).toBeCloseTo(expected.data[0], 12);
});
