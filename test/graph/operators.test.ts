import { describe, expect, it } from "vitest";
import * as g from "../../src/graph/index.ts";
import { integers, key, normal, type Tensor, tensor, uniform } from "../../src/tensor/index.ts";
import { type Case, check } from "./check.ts";

let drawn = 0;
const next = () => key(7).fold(drawn++);
/** Standard normal numbers. */
const x = (...shape: number[]) => normal(next(), shape);
const positive = (...shape: number[]) => uniform(next(), shape, 0.5, 2);
const fraction = (...shape: number[]) => uniform(next(), shape, -0.9, 0.9);
const whole = (bound: number, shape: number[], dtype: "int32" | "int64" = "int64") =>
  tensor(
    integers(
      next(),
      shape.reduce((a, b) => a * b, 1),
      bound,
    ),
    shape,
    dtype,
  );
const of = (f: Case["f"], ...at: Tensor[]): Case => ({ f, at });
const each = (f: Case["f"], at: () => Tensor = () => x(3, 4)): Case[] => [of(f, at())];
const broadcasts = (f: Case["f"], draw = x): Case[] => [
  of(f, draw(2, 3), draw(2, 3)),
  of(f, draw(2, 1, 3), draw(4, 1)),
  of(f, draw(3), draw(2, 1)),
  of(f, draw(), draw(2, 2)),
];
const asFloat =
  (f: (...xs: g.Value[]) => g.Value) =>
  (...xs: g.Value[]) =>
    g.cast(f(...xs), "float64");
const comparison = (f: (a: g.Value, b: g.Value) => g.Value) => [
  ...broadcasts((a, b) => g.mul(asFloat(f)(a, b), a)),
  of((c, a, b) => g.mul(asFloat(f)(a, b), c), x(2, 3), whole(3, [2, 3]), whole(3, [3])),
];
const logical = (f: (a: g.Value, b: g.Value) => g.Value) => broadcasts((a, b) => g.mul(asFloat(f)(g.greater(a, 0), g.greater(b, 0)), b));
const reductions = (f: (x: g.Value, axes?: readonly number[], options?: g.ReduceOptions) => g.Value, draw = x): Case[] => [
  of((a) => f(a), draw(2, 3)),
  of((a) => f(a, [-1]), draw(2, 3)),
  of((a) => f(a, [0, -1], { keepDimensions: true }), draw(2, 3, 2)),
  of((a) => f(a, [1]), draw(2, 1, 2)),
  of((a) => f(a, []), draw(2, 2)),
];
/** The gradient of a function as a function: its operators are only reached by differentiating. */
const pulled = (f: (x: g.Value) => g.Value) => (a: g.Value, dy: g.Value) => g.vjp([f(a)], [a], [dy])[0];
const pushed = (f: (x: g.Value) => g.Value) => (a: g.Value, v: g.Value) => g.jvp([f(a)], [a], [v])[0];

const pools: [Tensor, Tensor, (x: g.Value, pool: typeof g.averagePool) => g.Value][] = [
  [x(2, 2, 4, 6), x(2, 2, 2, 3), (a, pool) => pool(a, 2)],
  [x(1, 2, 5, 4), x(1, 2, 5, 3), (a, pool) => pool(a, [3, 2], { strides: 1, pads: [1, 0, 1, 0] })],
  [x(1, 1, 5, 6), x(1, 1, 3, 3), (a, pool) => pool(a, 3, { strides: 2, pads: [1, 0, 0, 1], ceil: true })],
  [x(1, 2, 7, 5), x(1, 2, 3, 3), (a, pool) => pool(a, 2, { strides: 2, dilations: [2, 1], ceil: true })],
  [x(2, 1, 7), x(2, 1, 4), (a, pool) => pool(a, 3, { strides: 2, pads: [0, 1], ceil: true })],
];
const average: typeof g.averagePool = (a, kernel, options) => g.averagePool(a, kernel, { ...options, countIncludePad: true });

/** Every operator of the table, in all the forms it takes. */
const table: Record<string, Case[]> = {
  Add: broadcasts(g.add),
  Sub: [...broadcasts(g.sub), ...each((a) => g.sub(1, a))],
  Mul: [...broadcasts(g.mul), ...each((a) => g.mul(a, a))],
  Div: [
    ...broadcasts(g.div, positive),
    of((c, a, b) => g.mul(g.cast(g.div(a, g.add(b, 1)), "float64"), c), x(4), whole(9, [4]), whole(3, [4])),
  ],
  Pow: [...broadcasts(g.pow, positive), ...[0, 1, 2, 3].flatMap((n) => each((a) => g.pow(a, n)))],
  Max: broadcasts(g.max),
  Min: broadcasts(g.min),
  Mod: [...broadcasts(g.mod, positive), of((a, b) => g.mod(a, b), x(5), positive(5))],
  Equal: comparison(g.equal),
  Less: comparison(g.less),
  LessOrEqual: comparison(g.lessOrEqual),
  Greater: comparison(g.greater),
  GreaterOrEqual: comparison(g.greaterOrEqual),
  And: logical(g.and),
  Or: logical(g.or),
  Xor: logical(g.xor),
  Not: each((a) => g.mul(g.cast(g.not(g.greater(a, 0)), "float64"), a)),
  Where: [
    of((a, b, c) => g.where(g.greater(a, 0), b, c), x(2, 1, 3), x(4, 1), x(3)),
    of((a) => g.where(g.less(a, 0), g.square(a), 2), x(2, 3)),
  ],
  Neg: each(g.neg),
  Exp: each(g.exp),
  Log: each(g.log, () => positive(5)),
  Sqrt: each(g.sqrt, () => positive(5)),
  Reciprocal: each(g.reciprocal, () => positive(5)),
  Abs: each(g.abs),
  Sin: each(g.sin),
  Cos: each(g.cos),
  Tan: each(g.tan, () => fraction(4)),
  Asin: each(g.asin, () => fraction(4)),
  Acos: each(g.acos, () => fraction(4)),
  Atan: each(g.atan),
  Sinh: each(g.sinh),
  Cosh: each(g.cosh),
  Asinh: each(g.asinh),
  Acosh: each(
    (a) => g.acosh(g.add(a, 1)),
    () => positive(4),
  ),
  Atanh: each(g.atanh, () => fraction(4)),
  Tanh: each(g.tanh),
  Sigmoid: each(g.sigmoid),
  Softplus: each(g.softplus),
  Erf: [...each(g.erf), ...each((a) => g.gelu(a)), ...each((a) => g.gelu(a, { approximate: true }))],
  Relu: each(g.relu),
  Step: each((a) => g.mul(g.step(a), a)),
  Sign: each((a) => g.mul(g.sign(a), a)),
  Floor: each((a) => g.mul(g.floor(a), a)),
  Ceil: each((a) => g.mul(g.ceil(a), a)),
  Round: each((a) => g.mul(g.round(a), a)),
  LeakyRelu: each((a) => g.leakyRelu(a, { alpha: 0.1 })),
  Elu: each((a) => g.elu(a, { alpha: 1.3 })),
  HardSigmoid: [...each((a) => g.hardSigmoid(a, { alpha: 0.4, beta: 0.3 })), ...each(g.hardSwish)],
  Clip: [...each((a) => g.clip(a, { low: -0.5, high: 0.7 })), ...each((a) => g.clip(a, { low: 0, high: Infinity }))],
  Cast: each((a) => g.mul(g.cast(g.cast(a, "int64"), "float64"), a)),
  ReduceSum: reductions(g.reduceSum),
  ReduceMean: reductions(g.reduceMean),
  ReduceMax: reductions(g.reduceMax),
  ReduceMin: reductions(g.reduceMin),
  ReduceProd: reductions(g.reduceProd),
  ArgMax: [of((a) => g.mul(g.cast(g.argMax(a, -1, { keepDimensions: true }), "float64"), a), x(3, 4))],
  ArgMin: [of((a) => g.cast(g.argMin(a, 0), "float64"), x(3, 4))],
  TopPositions: [
    of((a) => g.topK(a, 2)[0], x(3, 4)),
    of((a) => g.topK(a, 3, { axis: 1, smallest: true })[0], x(2, 4, 2)),
    of((a) => g.mul(g.cast(g.topK(a, 2, { axis: 0 })[1], "float64"), g.sliceAxis(a, 0, 0, 2)), x(3, 4)),
  ],
  CumSum: [
    of((a) => g.cumSum(a, -1), x(2, 4)),
    of((a) => g.cumSum(a, 0, { exclusive: true }), x(3, 2)),
    of((a) => g.cumSum(a, 1, { exclusive: true, reverse: true }), x(2, 3)),
  ],
  MatMul: [of(g.matMul, x(3, 4), x(4, 2)), of(g.matMul, x(2, 1, 2, 3), x(2, 3, 2)), of(g.matMul, x(2, 3), x(3, 3, 1))],
  Softmax: [of((a) => g.softmax(a), x(3, 4)), of((a) => g.softmax(a, -3), x(3, 2, 2))],
  LogSoftmax: [of((a) => g.logSoftmax(a), x(3, 4)), of((a) => g.logSoftmax(a, 0), x(3, 4))],
  Reshape: [of((a) => g.reshape(a, [-1, 2]), x(2, 3, 2)), of((a) => g.unsqueeze(g.flatten(a), [0, -1]), x(2, 3, 2))],
  Transpose: [of((a) => g.transpose(a), x(2, 3, 4)), of((a) => g.transpose(a, [1, 2, 0]), x(2, 3, 4)), of(g.transposeLast, x(2, 3, 4))],
  Expand: [
    of((a) => g.expand(a, [2, 3, 2]), x(3, 1)),
    of((a) => g.mul(g.tile(a, [2, 3]), 2), x(2, 2)),
    of((a) => g.expand(a, [2, 2]), x()),
  ],
  Concat: [of((a, b, c) => g.concat([a, b, c], -1), x(2, 1), x(2, 3), x(2, 2)), of((a, b) => g.stack([a, b], 1), x(2, 2), x(2, 2))],
  Slice: [
    of((a) => g.sliceAxis(a, -1, 1, 3), x(2, 4)),
    of((a) => g.slice(a, { starts: [4, 1], steps: [-2, 2], extents: [2, 3] }), x(6, 7)),
    of((a) => g.slice(a, { starts: [0, 5], steps: [3, -1], extents: [2, 6] }), x(6, 6)),
    of((a) => g.reverse(a, 1), x(2, 3)),
    of((a) => g.sum(g.sliceAxis(a, 0, 1, 1)), x(3, 2)),
  ],
  Pad: [of((a) => g.pad(a, { before: [1, 0], after: [0, 2], value: 3 }), x(2, 2)), of((a) => g.dilate(a, 1, 3), x(2, 3))],
  Gather: [
    of((a, i) => g.gather(a, i, 0), x(4, 2), whole(4, [3])),
    of((a, i) => g.gather(a, i, -2), x(2, 4, 2), whole(4, [2, 3])),
    of((a, i) => g.gather(a, g.sub(i, 4), 1), x(2, 4), whole(4, [5], "int32")),
    of((a, i) => g.gather(a, i, 1), x(2, 3), whole(3, [])),
  ],
  ScatterRows: [
    of((a, i) => g.scatterRows(a, i, { axis: 0, extent: 4 }), x(3, 2), whole(4, [3])),
    of((a, i) => g.scatterRows(a, i, { axis: 1, extent: 3 }), x(2, 2, 3, 2), whole(3, [2, 3])),
    of((a, i) => g.scatterRows(a, g.sub(i, 4), { axis: 1, extent: 4 }), x(2, 3), whole(4, [3])),
  ],
  GatherElements: [
    of((a, i) => g.gatherElements(a, i, 1), x(3, 4), whole(4, [3, 2])),
    of((a, i) => g.gatherElements(a, g.sub(i, 3), 0), x(3, 4), whole(3, [2, 3])),
    of((a, i) => g.crossEntropy(a, i), x(3, 4), whole(4, [3], "int32")),
  ],
  ScatterElements: [of((a, i, u) => g.scatterElements(a, i, u, 1), x(3, 4), whole(4, [3, 5]), x(3, 5))],
  OneHot: [of((a, i) => g.mul(g.oneHot(i, 4, "float64"), a), x(3, 4), whole(4, [3]))],
  Conv: [
    of((a, w) => g.conv(a, w), x(2, 2, 4, 3), x(3, 2, 2, 2)),
    of((a, w, b) => g.conv(a, w, b, { strides: [2, 1], pads: [1, 0, 2, 1], dilations: [1, 2] }), x(1, 2, 4, 4), x(2, 2, 3, 2), x(2)),
    of((a, w) => g.conv(a, w, undefined, { groups: 2, pads: 1, strides: 2 }), x(2, 4, 4, 3), x(4, 2, 3, 3)),
    of((a, w, b) => g.conv(a, w, b, { groups: 3 }), x(2, 3, 5), x(6, 1, 2), x(6)),
    of((a, w) => g.conv(a, w, undefined, { strides: [1, 2, 1], pads: [0, 1, 0, 0, 0, 1] }), x(1, 1, 2, 3, 2), x(2, 1, 2, 2, 2)),
  ],
  ConvTranspose: [
    of((dy, w) => g.convInputGradient(dy, w, { spatial: [4, 3] }), x(2, 3, 3, 2), x(3, 2, 2, 2)),
    of((dy, w) => g.convInputGradient(dy, w, { spatial: [6, 5], strides: 2, pads: [1, 0, 0, 1], groups: 2 }), x(1, 4, 3, 2), x(4, 1, 3, 3)),
    of((dy, w) => g.convInputGradient(dy, w, { spatial: [9], strides: 2, dilations: 2 }), x(2, 2, 3), x(2, 2, 3)),
  ],
  ConvWeightGradient: [
    of((a, dy) => g.convWeightGradient(a, dy, { kernel: [2, 2] }), x(2, 2, 4, 3), x(2, 3, 3, 2)),
    of(
      (a, dy) => g.convWeightGradient(a, dy, { kernel: [3, 2], strides: [2, 1], pads: [0, 1, 1, 0], groups: 2 }),
      x(2, 4, 5, 3),
      x(2, 2, 2, 3),
    ),
  ],
  BatchNormalization: [
    of(
      (a, ...[s, b, mean, variance]) => g.batchNormalization(a, s, b, { mean, variance }, { epsilon: 0.1 }),
      x(2, 3, 2, 2),
      x(3),
      x(3),
      x(3),
      positive(3),
    ),
    of((a, s, b) => g.batchNormalizationTraining(a, s, b).normalized, x(3, 2, 2), x(2), x(2)),
    of((a, s, b) => g.batchNormalizationTraining(a, s, b).variance, x(4, 2), x(2), x(2)),
    of((a, scale, bias) => g.layerNormalization(a, { scale, bias }), x(2, 4), x(4), x(4)),
    of((a, scale, bias) => g.groupNormalization(a, 2, { scale, bias }), x(2, 4, 3), x(4), x(4)),
    of((a, scale, bias) => g.instanceNormalization(a, { scale, bias, epsilon: 0.1 }), x(2, 2, 2, 2), x(2), x(2)),
  ],
  MaxPool: pools.map(([a, , f]) => of((v) => f(v, g.maxPool), a)),
  MaxPoolGrad: pools.map(([a, dy, f]) =>
    of(
      pulled((v) => f(v, g.maxPool)),
      a,
      dy,
    ),
  ),
  MaxPoolGather: pools.map(([a, , f]) =>
    of(
      pushed((v) => f(v, g.maxPool)),
      a,
      x(...a.shape),
    ),
  ),
  AveragePool: [
    ...pools.flatMap(([a, , f]) => [g.averagePool, average].map((pool) => of((v) => f(v, pool), a))),
    of(g.globalAveragePool, x(2, 2, 3, 2)),
  ],
  AveragePoolGrad: pools.map(([a, dy, f]) =>
    of(
      pulled((v) => f(v, average)),
      a,
      dy,
    ),
  ),
};

/** Inputs and constants are what the others are tried on; StopGradient lies about its derivative, on purpose. */
const elsewhere = ["Input", "Constant", "StopGradient"];

it("the table of cases lists every operator, under its name", () => {
  expect(Object.keys(table).sort()).toEqual([...g.operators.keys()].filter((name) => !elsewhere.includes(name)).sort());
  for (const [name, cases] of Object.entries(table)) {
    const { f, at } = cases[0];
    const y = f(...at.map((tensor, i) => g.input(`x${i}`, tensor.shape, tensor.dtype as "float64")));
    expect(
      g.topological([y]).map((value) => value.operator.name),
      name,
    ).toContain(name);
  }
});

describe("derivatives, batches and rewriting of", () => {
  it.each(Object.entries(table))("%s", (_, cases) => {
    for (const one of cases) check(one);
  });
});

it("StopGradient is the value itself, with no derivative", () => {
  const a = g.input("a", [3], "float64");
  const y = g.sum(g.mul(g.stopGradient(g.square(a)), a));
  const [value, gradient] = g.evaluate([y, g.grad(y, a)], { a: tensor([1, 2, 3], [3], "float64") });
  expect(value.data[0]).toBe(36);
  expect([...gradient.data]).toEqual([1, 4, 9]);
});

it("Cast between float dtypes rounds the value and passes the derivative on", () => {
  const a = g.input("a", [2], "float64");
  const y = g.cast(g.cast(a, "float32"), "float64");
  const [value, gradient] = g.evaluate([y, g.grad(g.sum(g.square(y)), a)], { a: tensor([0.1, 3], [2], "float64") });
  expect([...value.data]).toEqual([Math.fround(0.1), 3]);
  expect([...gradient.data]).toEqual([2 * Math.fround(0.1), 6]);
});
