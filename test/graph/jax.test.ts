/** One more opinion: gradients, forward derivatives and Hessians of the same functions by jax-js, in float32. */
import { defaultDevice, hessian, init, grad as jaxGrad, jvp as jaxJvp, lax, nn, numpy as np } from "@jax-js/jax";
import { beforeAll, describe, expect, it } from "vitest";
import * as graph from "../../src/graph/index.ts";
import { key, normal, type Tensor } from "../../src/tensor/index.ts";

type Theirs = ReturnType<typeof np.array>;
interface Case {
  name: string;
  shape: number[];
  ours(x: graph.Value): graph.Value;
  theirs(x: Theirs): Theirs;
}

const w = normal(key(2), [4, 3], 0.7);
const filter = normal(key(3), [2, 1, 3, 3], 0.7);
const nested = ({ data, shape }: Tensor<"float64">): Theirs => np.array([...data]).reshape([...shape]);

const elementwise: [string, (x: graph.Value) => graph.Value, (x: Theirs) => Theirs][] = [
  ["tanh", graph.tanh, np.tanh],
  ["sigmoid", graph.sigmoid, nn.sigmoid],
  ["softplus", graph.softplus, nn.softplus],
  ["relu", graph.relu, nn.relu],
  ["leaky ReLU", (x) => graph.leakyRelu(x, { alpha: 0.01 }), (x) => nn.leakyRelu(x)],
  ["ELU", (x) => graph.elu(x, { alpha: 1 }), (x) => nn.elu(x)],
  ["GELU, tanh form", (x) => graph.gelu(x, { approximate: true }), (x) => nn.gelu(x)],
  ["exp of sin", (x) => graph.exp(graph.sin(x)), (x) => np.exp(np.sin(x))],
  ["erf", graph.erf, lax.erf],
];

const cases: Case[] = [
  ...elementwise.map(([name, ours, theirs]) => ({
    name,
    shape: [5],
    ours: (x: graph.Value) => graph.sum(graph.mul(ours(x), x)),
    theirs: (x: Theirs) => np.sum(theirs(x.ref).mul(x)),
  })),
  {
    name: "cross-entropy of a linear layer",
    shape: [2, 4],
    ours: (x) => graph.mul(graph.sum(graph.sliceAxis(graph.logSoftmax(graph.matMul(x, graph.constant(w))), 1, 1, 2)), -1),
    theirs: (x) => np.sum(nn.logSoftmax(np.matmul(x, nested(w))).slice([], [1, 2])).mul(-1),
  },
  {
    name: "a padded, strided convolution",
    shape: [1, 1, 5, 5],
    ours: (x) => graph.sum(graph.square(graph.tanh(graph.conv(x, graph.constant(filter), undefined, { strides: 2, pads: 1 })))),
    theirs: (x) =>
      np.sum(
        np.square(
          np.tanh(
            lax.convGeneralDilated(
              x,
              nested(filter),
              [2, 2],
              [
                [1, 1],
                [1, 1],
              ],
            ),
          ),
        ),
      ),
  },
];

beforeAll(async () => {
  await init("cpu");
  defaultDevice("cpu");
});

function close(ours: ArrayLike<number>, theirs: ArrayLike<number>): void {
  const scale = Math.max(...Array.from(theirs, Math.abs), 1e-3);
  expect(ours.length).toBe(theirs.length);
  for (let i = 0; i < ours.length; i++) expect(Math.abs(ours[i] - theirs[i]) / scale).toBeLessThan(1e-5);
}

describe.each(cases)("$name", ({ name, shape, ours, theirs }) => {
  const at = normal(key(1).fold(name), shape);
  const along = normal(key(1).fold(name, "along"), shape);
  const [x, v] = [graph.input("x", shape, "float64"), graph.input("v", shape, "float64")];
  const y = ours(x);

  it("gradient", async () => {
    const [own] = graph.evaluate([graph.grad(y, x)], { x: at });
    close(own.data, await jaxGrad(theirs)(nested(at)).ravel().data());
  });
  it("forward derivative", async () => {
    const [own] = graph.evaluate(graph.jvp([y], [x], [v]), { x: at, v: along });
    const [, tangent] = jaxJvp(theirs, [nested(at)], [nested(along)]);
    close(own.data, await tangent.ravel().data());
  });
  it("Hessian times a vector", async () => {
    const [own] = graph.evaluate(graph.hvp(y, [x], [v]), { x: at, v: along });
    const size = at.data.length;
    const matrix = hessian((z: Theirs) => theirs(z.reshape(shape)))(nested(at).ravel()) as Theirs;
    close(own.data, await np.matmul(matrix.reshape([size, size]), nested(along).ravel()).data());
  });
});
