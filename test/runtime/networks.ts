/** Small graphs that put whole sequences of operators together, as networks and their gradients do. */

import type { Value } from "../../src/graph/index.ts";
import * as g from "../../src/graph/index.ts";
import { define } from "./cases.ts";

type Build = (x: Value, ...weights: Value[]) => Value;
/** Σ sin(y/100): every component of y gets another cotangent, and errors in y do not grow. */
const scalarOf = (y: Value) => g.sum(g.sin(g.mul(y, 0.01)));
const inputGradient =
  (f: Build): Build =>
  (x, ...weights) =>
    g.grad(scalarOf(f(x, ...weights)), x);
/** All weight gradients in one value. */
const weightGradients =
  (f: Build): Build =>
  (x, ...weights) =>
    g.concat(
      g.grad(scalarOf(f(x, ...weights)), weights).map((dw) => g.reshape(dw, [-1])),
      0,
    );

const positive = (channels: number) => ({ shape: [channels], positive: true });
const stored = (x: Value, [scale, bias, mean, variance]: readonly Value[]) => g.batchNormalization(x, scale, bias, { mean, variance });
const ofBatch = (x: Value, [scale, bias]: readonly Value[]) => g.batchNormalizationTraining(x, scale, bias).normalized;

const networks: readonly [string, Parameters<typeof define>[1], Build][] = [
  [
    "two convolutions and a pooling",
    [[4, 1, 10, 10], [16, 1, 3, 3], [16], [32, 16, 3, 3], [32]],
    (x, w1, b1, w2, b2) => g.maxPool(g.relu(g.conv(g.relu(g.conv(x, w1, b1)), w2, b2)), 2),
  ],
  [
    "odd channels, a pooling with a rest, a matrix product",
    [
      [8, 3, 9, 9],
      [18, 3, 3, 3],
      [22, 18, 3, 3],
      [5, 88],
    ],
    (x, w1, w2, w3) =>
      g.matMul(g.flatten(g.maxPool(g.relu(g.conv(g.relu(g.conv(x, w1, undefined, { pads: 1 })), w2)), 3)), g.transpose(w3)),
  ],
  [
    "overlapping pooling between convolutions",
    [
      [4, 2, 9, 9],
      [16, 2, 3, 3],
      [16, 16, 3, 3],
    ],
    (x, w1, w2) => g.conv(g.maxPool(g.relu(g.conv(x, w1)), 3, { strides: 2, pads: 1 }), w2),
  ],
  [
    "normalized convolutions",
    [[4, 2, 6, 6], [20, 2, 3, 3], [20], [20], [20], positive(20), [16, 20, 3, 3], [16], [16], [16], positive(16)],
    (x, w1, ...rest) => g.relu(stored(g.conv(g.relu(stored(g.conv(x, w1), rest)), rest[4], undefined, { pads: 1 }), rest.slice(5))),
  ],
  [
    "convolutions normalized by the batch",
    [[8, 2, 6, 6], [20, 2, 3, 3], positive(20), [20], [16, 20, 3, 3], positive(16), [16]],
    (x, w1, ...rest) => g.relu(ofBatch(g.conv(g.relu(ofBatch(g.conv(x, w1), rest)), rest[2], undefined, { pads: 1 }), rest.slice(3))),
  ],
  [
    "a residual block before its activation, strided, with a projection",
    [[4, 16, 8, 8], [16], [16], [16], positive(16), [32, 16, 3, 3], [32, 32, 3, 3], [32, 16, 1, 1]],
    (x, s, b, m, v, w1, w2, w3) => {
      const h = g.relu(stored(x, [s, b, m, v]));
      const body = g.conv(g.relu(g.conv(h, w1, undefined, { strides: 2, pads: 1 })), w2, undefined, { pads: 1 });
      return g.globalAveragePool(g.relu(g.add(body, g.conv(h, w3, undefined, { strides: 2 }))));
    },
  ],
  [
    "a residual block of identity",
    [[4, 16, 6, 6], [16], [16], [16], positive(16), [16, 16, 3, 3], [16, 16, 3, 3]],
    (x, s, b, m, v, w1, w2) => {
      const first = g.conv(x, w1, undefined, { pads: 1 });
      return g.reduceMean(g.add(g.conv(g.relu(stored(first, [s, b, m, v])), w2, undefined, { pads: 1 }), first), [2, 3]);
    },
  ],
  [
    "strided convolutions of more examples than fill blocks",
    [
      [18, 3, 9, 8],
      [16, 3, 3, 3],
      [18, 16, 1, 1],
      [20, 16, 3, 3],
    ],
    (x, w1, w2, w3) => {
      const h = g.relu(g.conv(x, w1, undefined, { pads: 1 }));
      const shortcut = g.conv(h, w2, undefined, { strides: 2 });
      return g.concat([shortcut, g.conv(h, w3, undefined, { strides: 2, pads: 1 })], 1);
    },
  ],
  [
    "a strided convolution of colours, padded by half its kernel",
    [
      [3, 3, 9, 12],
      [16, 3, 7, 7],
    ],
    (x, w) => g.conv(x, w, undefined, { strides: 2, pads: 3 }),
  ],
  [
    "convolutions with more weights than pixels",
    [[3, 16, 4, 3], [256, 16, 1, 1], [512, 256, 3, 3], [512]],
    (x, w1, w2, b) => {
      const h = g.relu(g.conv(x, w1));
      return g.concat(
        [g.conv(h, w2, b, { pads: 1 }), g.conv(h, w2, undefined, { strides: 2, pads: 1 })].map((y) => g.flatten(y)),
        1,
      );
    },
  ],
  [
    "overlapping poolings of whole numbers, full of ties",
    [
      { shape: [4, 2, 9, 8], below: 3 },
      { shape: [16, 2, 3, 3], below: 2 },
    ],
    (x, w) => {
      const y = g.conv(x, w, undefined, { pads: 1 });
      const pooled = [g.maxPool(y, 3, { strides: 2, pads: 1 }), g.maxPool(y, 3, { pads: 1 }), g.maxPool(y, 3, { strides: 2, ceil: true })];
      return g.concat(
        pooled.map((p) => g.flatten(p)),
        1,
      );
    },
  ],
  [
    "activations that are not ReLU",
    [
      [4, 2, 7, 7],
      [16, 2, 3, 3],
      [16, 16, 3, 3],
    ],
    (x, w1, w2) => g.leakyRelu(g.conv(g.tanh(g.conv(x, w1)), w2), { alpha: 0.2 }),
  ],
];

const float32 = ["float32"] as const;
export const networkCases = networks.flatMap(([name, arguments_, f]) => [
  define(name, arguments_, f, float32),
  define(`the input gradient of ${name}`, arguments_, inputGradient(f), float32),
  define(`the weight gradients of ${name}`, arguments_, weightGradients(f), float32),
]);
