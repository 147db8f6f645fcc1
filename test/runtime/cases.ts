/** One small graph or several for every operator, with data: what engines and passes are compared on with the reference rules. */

import type { Value } from "../../src/graph/index.ts";
import * as g from "../../src/graph/index.ts";
import { cast, type DType, integers, key, normal, type Shape, type Tensor, tensor, uniform } from "../../src/tensor/index.ts";

export interface Case {
  readonly name: string;
  /** Dtypes of the first inputs; the case is built for each. */
  readonly dtypes: readonly DType[];
  build(dtype: DType): { inputs: Record<string, Value>; feeds: Record<string, Tensor>; output: Value };
}

type Argument = Shape | { shape: Shape; below?: number; dtype?: DType; positive?: boolean; data?: readonly number[] };

/** `f` of inputs: a bare shape is normal floats of the case's dtype; `below` gives integers in 0 … below − 1, `data` fixed numbers. */
export function define(
  name: string,
  arguments_: readonly Argument[],
  f: (...inputs: Value[]) => Value,
  dtypes: readonly DType[] = ["float32", "float64"],
): Case {
  return {
    name,
    dtypes,
    build(dtype) {
      const inputs: Record<string, Value> = {};
      const feeds: Record<string, Tensor> = {};
      for (const [i, argument] of arguments_.entries()) {
        const given = isShape(argument) ? { shape: argument } : argument;
        const own = given.dtype ?? dtype;
        inputs[`x${i}`] = g.input(`x${i}`, given.shape, own as "float32");
        feeds[`x${i}`] = numbers(given, own, key(7).fold(name, i));
      }
      return { inputs, feeds, output: f(...Object.values(inputs)) };
    },
  };
}

function isShape(argument: Argument): argument is Shape {
  return Array.isArray(argument);
}

function numbers({ shape, below, positive, data }: Exclude<Argument, Shape>, dtype: DType, source: ReturnType<typeof key>): Tensor {
  const length = shape.reduce((a, b) => a * b, 1);
  if (data) return tensor(data, shape, dtype);
  if (below !== undefined || !g.isFloat(dtype)) return tensor([...integers(source, length, below ?? 7)], shape, dtype);
  return cast(cast(positive ? uniform(source, shape, 0.1, 3) : normal(source, shape), "float32"), dtype);
}

const floats: readonly DType[] = ["float32", "float64"];
const numeric: readonly DType[] = [...floats, "int32", "int64"];
const everything: readonly DType[] = [...numeric, "uint8", "bool"];
const bools = (shape: Shape): Argument => ({ shape, below: 2, dtype: "bool" });
/** Few distinct values: full of ties, and with zeros. */
const tied = (shape: Shape): Argument => ({ shape, below: 3 });

const arithmetic = Object.entries({ add: g.add, sub: g.sub, mul: g.mul, max: g.max, min: g.min }).map(([name, f]) =>
  define(
    name,
    [
      [2, 3, 4],
      [3, 1],
    ],
    f,
    numeric,
  ),
);
const comparisons = Object.entries({
  equal: g.equal,
  less: g.less,
  lessOrEqual: g.lessOrEqual,
  greater: g.greater,
  greaterOrEqual: g.greaterOrEqual,
}).map(([name, f]) => define(name, [tied([2, 3, 4]), tied([3, 1])], f, numeric));
const logic = Object.entries({ and: g.and, or: g.or, xor: g.xor }).map(([name, f]) =>
  define(name, [bools([2, 3]), bools([3])], f, ["bool"]),
);
const functions = Object.entries({
  exp: g.exp,
  sin: g.sin,
  cos: g.cos,
  tanh: g.tanh,
  sigmoid: g.sigmoid,
  softplus: g.softplus,
  erf: g.erf,
  floor: g.floor,
  ceil: g.ceil,
  round: g.round,
  gelu: g.gelu,
  hardSwish: g.hardSwish,
}).map(([name, f]) => define(name, [[8, 25]], (x) => f(g.mul(x, 3))));
const signed = Object.entries({ neg: g.neg, abs: g.abs, sign: g.sign, relu: g.relu, step: g.step }).map(([name, f]) =>
  define(name, [{ shape: [7], data: [-3, -1, 0, 0, 1, 2, 5] }], f, numeric),
);
/** The processor has these in float32 only. */
const trigonometry = Object.entries({
  tan: g.tan,
  asin: g.asin,
  acos: g.acos,
  atan: g.atan,
  sinh: g.sinh,
  cosh: g.cosh,
  asinh: g.asinh,
  atanh: g.atanh,
}).map(([name, f]) => define(name, [[3, 5]], (x) => f(g.tanh(x)), ["float32"]));
const positives = Object.entries({ log: g.log, sqrt: g.sqrt, reciprocal: g.reciprocal }).map(([name, f]) =>
  define(name, [{ shape: [3, 5], positive: true }], f),
);
const reductions = Object.entries({
  reduceSum: g.reduceSum,
  reduceMean: g.reduceMean,
  reduceMax: g.reduceMax,
  reduceMin: g.reduceMin,
  reduceProd: g.reduceProd,
}).flatMap(([name, f]) => [
  define(`${name} of an inner axis`, [[2, 3, 4]], (x) => f(x, [1])),
  define(`${name} of all axes, kept`, [[2, 3, 4]], (x) => f(x, undefined, { keepDimensions: true })),
  define(`${name} of no axis`, [[2, 3]], (x) => f(x, [])),
]);
const averages = [false, true].flatMap((countIncludePad) => [
  define(`averagePool padded, counting the padding ${countIncludePad}`, [[2, 3, 7, 6]], (x) =>
    g.averagePool(x, 3, { strides: 2, pads: 1, countIncludePad }),
  ),
  define(`averagePool dilated, counting the padding ${countIncludePad}`, [[1, 2, 9, 8]], (x) =>
    g.averagePool(x, 2, { strides: 1, dilations: 2, pads: 1, countIncludePad }),
  ),
  define(`averagePool with a ragged end, counting the padding ${countIncludePad}`, [[2, 2, 7, 8]], (x) =>
    g.averagePool(x, 3, { strides: 2, pads: [1, 1, 0, 0], ceil: true, countIncludePad }),
  ),
  define(
    `averagePool's gradient, counting the padding ${countIncludePad}`,
    [
      [2, 3, 7, 6],
      [2, 3, 4, 3],
    ],
    (x, dy) => g.vjp([g.averagePool(x, 3, { strides: 2, pads: 1, countIncludePad })], [x], [dy])[0],
  ),
]);
const windows: readonly [string, number, g.PoolOptions][] = [
  ["disjoint", 2, {}],
  ["disjoint with a rest", 3, {}],
  ["overlapping and padded", 3, { strides: 2, pads: 1 }],
  ["dilated", 2, { strides: 1, dilations: 2 }],
  ["with a ragged end", 2, { ceil: true }],
];
const pooling = windows.flatMap(([kind, kernel, options]) => {
  const shape = [2, 3, 7, 8];
  const pooled = g.maxPool(g.input("x", shape), kernel, options).shape;
  return [
    define(`maxPool ${kind}`, [shape], (x) => g.maxPool(x, kernel, options)),
    define(`maxPool's gradient ${kind}, with ties`, [tied(shape), pooled], (x, dy) => g.vjp([g.maxPool(x, kernel, options)], [x], [dy])[0]),
    define(`maxPool with its gradient ${kind}`, [tied(shape), pooled], (x, dy) => {
      const y = g.maxPool(x, kernel, options);
      return g.add(g.sum(y), g.vjp([g.mul(y, y)], [x], [dy])[0]);
    }),
    define(
      `the gradient's gradient of maxPool ${kind}`,
      [tied(shape), pooled, shape],
      (x, dy, u) => g.vjp([g.vjp([g.maxPool(x, kernel, options)], [x], [dy])[0]], [dy], [u])[0],
    ),
  ];
});
const convolutions: readonly [string, Shape, Shape, g.ConvOptions][] = [
  ["of many examples", [8, 3, 6, 7], [20, 3, 3, 3], {}],
  ["of many examples, padded", [16, 18, 6, 7], [32, 18, 3, 3], { pads: 1 }],
  ["of many examples, strided", [12, 16, 9, 8], [16, 16, 4, 3], { strides: 2, pads: [1, 0, 0, 1] }],
  ["of many examples, dilated", [12, 4, 9, 9], [16, 4, 3, 3], { dilations: 2 }],
  ["strided by 2 of 4", [4, 16, 8, 10], [16, 16, 4, 4], { strides: 2, pads: 1 }],
  ["strided by 2 of 3", [4, 20, 8, 9], [16, 20, 3, 3], { strides: 2, pads: 1 }],
  ["strided by 2 and 3 of 5 and 4, few channels", [4, 3, 11, 13], [18, 3, 5, 4], { strides: [2, 3], pads: [0, 1, 1, 0] }],
  ["of grey images", [4, 1, 9, 11], [32, 1, 3, 3], {}],
  ["of grey images, strided by 2 of 4", [4, 1, 10, 8], [16, 1, 4, 4], { strides: 2, pads: 1 }],
  ["of two channels, strided by 4 of 5", [4, 2, 21, 17], [16, 2, 5, 5], { strides: 4, pads: [2, 0, 1, 2] }],
  ["of colour images, padded", [4, 3, 8, 13], [16, 3, 5, 3], { pads: [2, 1, 2, 1] }],
  ["of colour images, strided by 2 of 7 and 1 of 2", [4, 3, 15, 9], [20, 3, 7, 2], { strides: [2, 1], pads: [3, 0, 3, 1] }],
  ["strided pointwise", [4, 16, 8, 8], [32, 16, 1, 1], { strides: 2 }],
  ["plain", [2, 3, 6, 7], [4, 3, 3, 3], {}],
  ["padded", [2, 16, 6, 6], [32, 16, 3, 3], { pads: 1 }],
  ["strided", [2, 3, 8, 9], [4, 3, 4, 4], { strides: 2, pads: 1 }],
  ["grouped", [2, 4, 6, 6], [6, 2, 3, 3], { groups: 2, pads: [1, 0, 0, 1] }],
  ["depthwise", [2, 4, 6, 6], [4, 1, 3, 3], { groups: 4 }],
  ["dilated", [2, 2, 9, 9], [3, 2, 3, 3], { dilations: 2, strides: 2 }],
  ["pointwise", [2, 16, 5, 5], [8, 16, 1, 1], { strides: 2 }],
  ["in one axis", [2, 3, 10], [4, 3, 3], { pads: 1 }],
  ["in three axes", [1, 2, 5, 4, 4], [3, 2, 2, 2, 2], {}],
];
const convolving = convolutions.flatMap(([kind, x, w, options]) => {
  const y = g.conv(g.input("x", x), g.input("w", w), undefined, options).shape;
  return [
    define(`conv ${kind}`, [x, w, [w[0]]], (a, b, bias) => g.conv(a, b, bias, options)),
    define(`conv's input gradient ${kind}`, [y, w], (dy, b) => g.convInputGradient(dy, b, { ...options, spatial: x.slice(2) })),
    define(`conv's weight gradient ${kind}`, [x, y], (a, dy) => g.convWeightGradient(a, dy, { ...options, kernel: w.slice(2) })),
  ];
});

export const cases: readonly Case[] = [
  ...arithmetic,
  define(
    "div of integers",
    [
      { shape: [6], data: [-7, -3, 3, 7, 9, 0] },
      { shape: [], data: [2] },
    ],
    g.div,
    ["int32", "int64"],
  ),
  define("div", [[2, 3, 4], { shape: [4], positive: true }], g.div),
  define("mod", [{ shape: [2, 3, 4] }, { shape: [4], data: [1.5, -2, 3, -0.5] }], g.mod),
  define(
    "mod of integers",
    [
      { shape: [6], data: [-7, -3, 3, 7, 9, 0] },
      { shape: [], data: [4] },
    ],
    g.mod,
    ["int32", "int64"],
  ),
  define("pow", [{ shape: [2, 3], positive: true }, [3]], g.pow),
  ...comparisons,
  define("equal of truth values", [bools([2, 3]), bools([3])], g.equal, ["bool"]),
  ...logic,
  define("not", [bools([5])], g.not, ["bool"]),
  define("where", [bools([2, 1]), [2, 3], [3]], g.where, numeric),
  ...functions,
  ...signed,
  ...positives,
  ...trigonometry,
  define("acosh", [{ shape: [3, 5], positive: true }], (x) => g.acosh(g.add(x, 1)), ["float32"]),
  define("leakyRelu", [[9]], (x) => g.leakyRelu(x, { alpha: 0.1 })),
  define("elu", [[9]], (x) => g.elu(x, { alpha: 1.3 })),
  define("hardSigmoid", [[9]], (x) => g.hardSigmoid(x, { alpha: 0.2, beta: 0.5 })),
  define("clip", [[9]], (x) => g.clip(x, { low: -0.5, high: 0.25 })),
  define("clip of integers", [[9]], (x) => g.clip(x, { low: 2, high: 4 }), ["int32", "int64"]),
  ...everything.flatMap((to) => [
    define(
      `cast to ${to}`,
      [{ shape: [5], below: 2 }],
      (x) => g.cast(x, to),
      everything.filter((from) => from !== to),
    ),
  ]),
  define("stopGradient", [[5]], g.stopGradient),
  define(
    "matMul",
    [
      [2, 3],
      [3, 4],
    ],
    g.matMul,
    numeric,
  ),
  define(
    "matMul over broadcast batches",
    [
      [5, 1, 2, 3],
      [4, 3, 2],
    ],
    g.matMul,
  ),
  define("matMul with transposes and a bias", [[4, 6], [3, 4], [3]], (x, w, b) => g.add(g.matMul(g.transpose(x), g.transpose(w)), b)),
  ...reductions,
  define("logSumExp", [[2, 5]], (x) => g.logSumExp(x, [1])),
  define("reductions of integers", [[2, 3]], (x) => g.add(g.reduceSum(x, [1]), g.add(g.reduceMax(x, [1]), g.reduceMin(x, [1]))), [
    "int32",
    "int64",
  ]),
  define("argMax with ties", [tied([4, 6])], (x) => g.argMax(x, 1), ["float32", "float64", "int32"]),
  define("argMin with ties", [tied([4, 6])], (x) => g.argMin(x, 0, { keepDimensions: true }), ["float32", "float64", "int32"]),
  define("topK positions with ties", [tied([4, 6])], (x) => g.topK(x, 3)[1], ["float32", "float64", "int32", "int64"]),
  define("topK smallest with ties, first axis", [tied([4, 6])], (x) => g.topK(x, 2, { axis: 0, smallest: true })[0], [
    "float32",
    "float64",
    "int32",
  ]),
  define("topK of many", [[2, 20_000]], (x) => g.topK(x, 7)[0]),
  define("cumSum", [[3, 4]], (x) => g.cumSum(x, 1)),
  define("cumSum exclusive and reversed", [[3, 4]], (x) => g.cumSum(x, 0, { exclusive: true, reverse: true })),
  define("softmax", [[3, 4, 2]], (x) => g.softmax(x, 1)),
  define("logSoftmax", [[3, 4]], (x) => g.logSoftmax(x)),
  define("reshape", [[3, 4]], (x) => g.reshape(x, [2, 6]), everything),
  define("transpose", [[2, 3, 4]], (x) => g.transpose(x, [1, 2, 0]), everything),
  define("expand", [[3, 1]], (x) => g.expand(x, [2, 3, 4]), everything),
  define(
    "concat",
    [
      [2, 3],
      [2, 1],
    ],
    (a, b) => g.concat([a, b], 1),
    everything,
  ),
  define("slice with steps", [[6, 7]], (x) => g.slice(x, { starts: [1, 6], steps: [2, -3], extents: [3, 3] }), everything),
  define("pad", [[2, 3]], (x) => g.pad(x, { before: [1, 0], after: [0, 2], value: 1 }), numeric),
  define("tile", [[2, 3]], (x) => g.tile(x, [2, 2]), numeric),
  define(
    "gather with negative indices",
    [[5, 3], { shape: [2, 2], data: [0, -1, 3, 3], dtype: "int64" }],
    (x, i) => g.gather(x, i, 0),
    everything,
  ),
  define(
    "scatterRows with negative indices",
    [[2, 2, 3], { shape: [2, 2], data: [0, -1, 3, 3], dtype: "int64" }],
    (x, i) => g.scatterRows(x, i, { axis: 0, extent: 5 }),
    numeric,
  ),
  define("gatherElements", [[3, 4], { shape: [3, 2], below: 4, dtype: "int64" }], (x, i) => g.gatherElements(x, i, 1), numeric),
  define(
    "scatterElements",
    [[3, 4], { shape: [3, 2], below: 4, dtype: "int32" }, [3, 2]],
    (x, i, u) => g.scatterElements(x, i, u, 1),
    numeric,
  ),
  ...floats.map((to) =>
    define(`oneHot to ${to}`, [{ shape: [2, 4], below: 5 }], (i) => g.oneHot(i, 5, to as "float32"), ["int32", "int64", "uint8"]),
  ),
  define("oneHot of negative indices", [{ shape: [3], data: [-1, 2, 4] }], (i) => g.oneHot(i, 4), ["int32", "int64"]),
  ...convolving,
  ...pooling,
  ...averages,
  define("globalAveragePool", [[2, 3, 4, 5]], (x) => g.globalAveragePool(x)),
  define("batchNormalization", [[3, 4, 5, 5], [4], [4], [4], { shape: [4], positive: true }], (x, scale, bias, mean, variance) =>
    g.batchNormalization(x, scale, bias, { mean, variance }, { epsilon: 0.3 }),
  ),
  define("a constant by itself", [], () => g.constant(tensor([1, 2, 3]))),
];
