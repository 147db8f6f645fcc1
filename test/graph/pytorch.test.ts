import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import * as g from "../../src/graph/index.ts";
import { size, type Tensor, tensor } from "../../src/tensor/index.ts";
import { close } from "./check.ts";

/** Options as PyTorch takes them: padding is the same on both sides. */
interface Options {
  strides: number[];
  padding: number[];
  dilations: number[];
  groups: number;
  spatial: number[];
  kernel: number[];
  ceil: boolean;
  countIncludePad: boolean;
}
interface Fixture {
  name: string;
  options: Options;
  inputs: { shape: number[]; kind: "ties" | "smooth" | "positive" }[];
  shape: number[];
  value: number[];
  first: number[][];
  second: number[][];
}

/** The script's formula for its inputs. */
function number(i: number, salt: number, kind: string): number {
  if (kind === "ties") return (((i * i + 3 * i + 5 * salt + Math.floor(i / 5)) % 7) - 3) / 2;
  const smooth = Math.sin(i * i + 1.7 * i + salt);
  return kind === "positive" ? 1 + smooth / 2 : smooth;
}
const filled = (shape: readonly number[], salt: number, kind: string): Tensor<"float64"> =>
  tensor(
    Array.from({ length: size(shape) }, (_, i) => number(i, salt, kind)),
    shape,
    "float64",
  );

const windowOf = ({ padding, ...options }: Options) => ({ ...options, pads: [...padding, ...padding] });
const epsilon = 1e-3;
const functions: Record<string, (options: Options) => (...xs: g.Value[]) => g.Value> = {
  conv: (o) => (x, w, b?: g.Value) => g.conv(x, w, b, windowOf(o)),
  conv_transpose: (o) => (dy, w) => g.convInputGradient(dy, w, windowOf(o)),
  max_pool: (o) => (x) => g.maxPool(x, o.kernel, windowOf(o)),
  average_pool: (o) => (x) => g.averagePool(x, o.kernel, windowOf(o)),
  batch_norm: () => (x, s, b, mean, variance) =>
    g.batchNormalization(x, s, b, { mean: g.stopGradient(mean), variance: g.stopGradient(variance) }, { epsilon }),
  batch_norm_training: () => (x, s, b) => g.batchNormalizationTraining(x, s, b, { epsilon }).normalized,
  layer_norm: () => (x, scale, bias) => g.layerNormalization(x, { axis: -2, scale, bias, epsilon }),
  group_norm: () => (x, scale, bias) => g.groupNormalization(x, 2, { scale, bias, epsilon }),
  instance_norm: () => (x, scale, bias) => g.instanceNormalization(x, { scale, bias, epsilon }),
  cross_entropy: () => (z) => g.crossEntropy(z, g.constant(tensor([1, 4, 2, 0], [4], "int64"))),
  relu: () => g.relu,
  leaky_relu: () => (x) => g.leakyRelu(x, { alpha: 0.1 }),
  elu: () => (x) => g.elu(g.sub(x, 0.1), { alpha: 1.3 }),
  gelu: () => (x) => g.gelu(x),
  gelu_tanh: () => (x) => g.gelu(x, { approximate: true }),
  hard_swish: () => g.hardSwish,
  softplus: () => g.softplus,
  abs: () => g.abs,
  clip: () => (x) => g.clip(x, { low: -1, high: 0.5 }),
  max: () => g.max,
  min: () => g.min,
  amax: () => (x) => g.reduceMax(x, [0, 2]),
  prod: () => (x) => g.reduceProd(x, [1]),
  pow: () => (x) => g.pow(x, 2),
  log_sum_exp: () => (x) => g.logSumExp(x, [1]),
};

const fixtures = JSON.parse(readFileSync(new URL("../fixtures/operators.json", import.meta.url), "utf8")) as Fixture[];

it.each(fixtures.map((fixture, i) => [fixture.name, i] as const))("%s (%i) has PyTorch's value, gradient and second derivative", (_, i) => {
  const { name, options, inputs, shape, value, first, second } = fixtures[i];
  const xs = inputs.map((x, salt) => g.input(`x${salt}`, x.shape, "float64"));
  const feeds = new Map(xs.map((x, salt) => [x, filled(x.shape, salt, inputs[salt].kind)]));
  const y = functions[name](options)(...xs);
  const gradients = g.grad(g.sum(g.mul(y, g.constant(filled(y.shape, 11, "smooth")))), xs);
  const slope = gradients.map((dx, k) => g.sum(g.mul(dx, g.constant(filled(dx.shape, 13 + k, "smooth"))))).reduce(g.add);
  expect(y.shape).toEqual(shape);
  const expected = (numbers: number[][]) => numbers.map((data, k) => tensor(data, inputs[k].shape, "float64"));
  close(g.evaluate([y], feeds), [tensor(value, shape, "float64")], 1e-11, "value");
  close(g.evaluate(gradients, feeds), expected(first), 1e-11, "gradient");
  close(g.evaluate(g.grad(slope, xs), feeds), expected(second), 1e-11, "second derivative");
});

it("the fixtures try every function", () => {
  expect([...new Set(fixtures.map(({ name }) => name))].sort()).toEqual(Object.keys(functions).sort());
});
