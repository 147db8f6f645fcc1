/** Graphs that cannot be built, differentiated or evaluated say so in words. */
import { expect, it } from "vitest";
import * as g from "../../src/graph/index.ts";
import { tensor } from "../../src/tensor/index.ts";

const x = g.input("x", [2, 4, 5, 5]);
const w = g.input("w", [6, 2, 3, 3]);
const logits = g.input("logits", [3, 10]);

const refused: [string, () => unknown, RegExp][] = [
  ["channels that do not fit the groups", () => g.conv(x, w, undefined, { groups: 1 }), /weights \[6,2,3,3\] in 1 group\(s\) do not fit/],
  ["a number of groups that is none", () => g.conv(x, w, undefined, { groups: 0.5 }), /0.5 group/],
  ["a bias of the wrong length", () => g.conv(x, w, g.input("b", [5]), { groups: 2 }), /Input "b" float32\[5\] is no bias/],
  ["a kernel larger than the input", () => g.conv(x, w, undefined, { groups: 2, dilations: 3 }), /larger than \[5,5\]/],
  ["strides of 0", () => g.conv(x, w, undefined, { groups: 2, strides: 0 }), /strides \[0,0\] must be integers not below 1/],
  ["pads for one side only", () => g.conv(x, w, undefined, { groups: 2, pads: [1, 1] }), /pads \[1,1\] must be 4 numbers/],
  ["a convolution of mixed dtypes", () => g.conv(x, g.input("w", [6, 4, 3, 3], "float64")), /cast them to one dtype/],
  ["a convolution of vectors", () => g.conv(logits, w), /needs \[N, C, …spatial\]/],
  [
    "a cotangent of the wrong extents",
    () => g.convInputGradient(x, g.input("w", [4, 2, 3, 3]), { spatial: [9, 9] }),
    /the convolution's result is/,
  ],
  ["windows that hold only padding", () => g.maxPool(x, 2, { pads: 2 }), /hold only padding/],
  [
    "dilated windows that straddle the input",
    () => g.averagePool(g.input("x", [1, 1, 1]), 2, { dilations: 2, pads: 1 }),
    /hold only padding/,
  ],
  ["labels that are floats", () => g.crossEntropy(logits, g.input("y", [3])), /labels are one integer per example: Input "y" float32\[3\]/],
  ["labels of another batch", () => g.crossEntropy(logits, g.input("y", [4], "int64")), /int64\[4\] does not fit/],
  ["statistics of other channels", () => g.batchNormalization(x, logits, logits, { mean: logits, variance: logits }), /does not fit/],
  ["groups that do not divide the channels", () => g.groupNormalization(x, 3), /do not fall into 3 groups/],
  ["shapes that do not broadcast", () => g.add(x, logits), /do not broadcast/],
  ["a product that does not fit", () => g.matMul(logits, logits), /does not fit/],
  ["an axis that is not there", () => g.softmax(logits, 2), /axis 2 does not exist in rank 2/],
  ["a slice outside", () => g.sliceAxis(logits, 0, 1, 4), /leaves axis 0/],
  ["the gradient of a vector", () => g.grad(logits, logits), /of a scalar/],
  ["a batch of unequal extents", () => g.vmap((a, b) => [g.add(a, b)], [x, logits]), /leading extent 2/],
];

it.each(refused)("%s", (_, build, message) => {
  expect(build).toThrow(g.GraphError);
  expect(build).toThrow(message);
});

it("an index outside its axis, when the graph is evaluated", () => {
  const loss = g.crossEntropy(logits, g.constant(tensor([0, 10, 2], [3], "int64")));
  expect(() => g.evaluate([loss], { logits: tensor(new Array(30).fill(0), [3, 10]) })).toThrow(/index 10 lies outside the 10 places/);
});

it("inputs that are missing or of another shape", () => {
  expect(() => g.evaluate([logits])).toThrow(/"logits" was given no data/);
  expect(() => g.evaluate([logits], { logits: tensor([1], [1]) })).toThrow(/wants the shape \[3,10\], not \[1\]/);
});

it("the cross entropy of huge logits is finite, and exact where one class wins", () => {
  const z = g.constant(tensor([1e4, -1e4, 0, 1e308, 0, -1e308], [2, 3], "float64"));
  const y = g.constant(tensor([1, 0], [2], "int32"));
  const loss = g.crossEntropy(z, y);
  const [value, gradient] = g.evaluate([loss, g.grad(g.sum(loss), z)]);
  expect([...value.data].map((v) => v + 0)).toEqual([2e4, 0]);
  expect([...gradient.data].map((v) => v + 0)).toEqual([1, -1, 0, 0, 0, 0]);
});
