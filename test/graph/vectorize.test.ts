/** One graph for many: per-example gradients, ensembles of weight sets, kernels, and batches within batches. */
import { expect, it } from "vitest";
import * as g from "../../src/graph/index.ts";
import { key, normal, rows, type Tensor, tensor } from "../../src/tensor/index.ts";
import { close } from "./check.ts";

const draw = (label: string, ...shape: number[]) => normal(key(31).fold(label), shape);
const float = (name: string, ...shape: number[]) => g.input(name, shape, "float64");

/** A small CNN with everything that models are made of. */
const weights = {
  w1: float("w1", 4, 2, 3, 3),
  b1: float("b1", 4),
  scale: float("scale", 4),
  shift: float("shift", 4),
  mean: float("mean", 4),
  w2: float("w2", 4, 2, 2, 2),
  w3: float("w3", 4, 3),
};
const variance = g.constant(tensor([0.5, 1, 2, 3], [4], "float64"));
function network(x: g.Value, w: Record<keyof typeof weights, g.Value>): g.Value {
  const first = g.relu(g.batchNormalization(g.conv(x, w.w1, w.b1, { pads: 1 }), w.scale, w.shift, { mean: w.mean, variance }));
  const second = g.relu(g.conv(g.maxPool(first, 2), w.w2, undefined, { groups: 2, strides: 1, pads: [1, 0, 0, 1] }));
  return g.matMul(g.flatten(g.globalAveragePool(g.averagePool(second, 2, { strides: 1 }))), w.w3);
}
const names = Object.keys(weights) as (keyof typeof weights)[];
const point: Record<string, Tensor<"float64">> = Object.fromEntries(names.map((name) => [name, draw(name, ...weights[name].shape)]));

const n = 3;
const x = float("x", n, 2, 6, 6);
const y = g.input("y", [n], "int64");
const data = { x: draw("x", n, 2, 6, 6), y: tensor([2, 0, 1], [n], "int64") };
const lossOf = (images: g.Value, labels: g.Value, w = weights) => g.sum(g.crossEntropy(network(images, w), labels));
const one = { x: float("x", 1, 2, 6, 6), y: g.input("y", [1], "int64") };
const example = (i: number) => ({ x: rows(data.x, i, i + 1), y: rows(data.y, i, i + 1) });
const stacked = (members: Tensor<"float64">[]) =>
  tensor(Float64Array.from(members.flatMap(({ data }) => [...data])), [members.length, ...members[0].shape], "float64");

it("every operator has a rule for batches", () => {
  const without = [...g.operators.values()].filter(({ batch }) => !batch).map(({ name }) => name);
  expect(without.sort()).toEqual(["Constant", "Input"]);
});

it("per-example gradients of a CNN are the gradients of its examples, and add up to the batch's", () => {
  const parameters = names.map((name) => weights[name]);
  const each = g.evaluate(
    g.perExample((a, b) => lossOf(a, b), parameters, [x, y]),
    { ...point, ...data },
  );
  const single = g.grad(lossOf(one.x, one.y), parameters);
  const separately = Array.from({ length: n }, (_, i) => g.evaluate(single, { ...point, ...example(i) }));
  close(
    each,
    parameters.map((_, k) => stacked(separately.map((gradients) => gradients[k]))),
    1e-13,
    "per-example gradient",
  );
  const together = g.evaluate(g.grad(lossOf(x, y), parameters), { ...point, ...data });
  const sums = each.map((gradients) => g.evaluate([g.reduceSum(g.constant(gradients), [0])])[0]);
  close(sums, together, 1e-12, "sum over examples");
});

it("an ensemble of weight sets runs as one graph: logits and input gradients of each", () => {
  const members = 2;
  const sets = names.map((name) => float(`${name} of all`, members, ...weights[name].shape));
  const setPoint = Object.fromEntries(names.map((name) => [`${name} of all`, draw(`${name} of all`, members, ...weights[name].shape)]));
  const f = (...w: g.Value[]) => {
    const own = Object.fromEntries(names.map((name, i) => [name, w[i]])) as typeof weights;
    return [network(x, own), g.grad(lossOf(x, y, own), x)];
  };
  const ensemble = g.vmap(f, sets);
  const all = g.evaluate(ensemble, { ...setPoint, ...data });
  const alone = Array.from({ length: members }, (_, b) => {
    const own = Object.fromEntries(
      names.map((name) => [name, tensor(rows(setPoint[`${name} of all`], b, b + 1).data.slice(), weights[name].shape, "float64")]),
    );
    return g.evaluate(f(...names.map((name) => weights[name])), { ...own, ...data });
  });
  close(
    all,
    [0, 1].map((k) => stacked(alone.map((results) => results[k]))),
    1e-13,
    "ensemble",
  );
  const count = (values: g.Value[]) => g.topological(g.simplify(values)).filter(({ operator }) => operator.name === "Conv").length;
  expect(count(ensemble)).toBe(2);
});

it("with the batch innermost: the same gradients, no matrix products and no outer product times a mask", () => {
  const [members, n, d, h] = [5, 6, 2, 3];
  const f = (u: g.Value, v: g.Value, inputs: g.Value) => {
    const losses = g.square(g.matMul(g.tanh(g.matMul(inputs, u)), v));
    return g.grad(g.sum(losses), [u, v, inputs]);
  };
  const [us, vs, xs] = [float("us", members, d, h), float("vs", members, h, 1), float("xs", n, d)];
  const feeds = { us: draw("us", members, d, h), vs: draw("vs", members, h, 1), xs: draw("xs", n, d) };
  const batched = [true, true, false];
  const [first, last] = [false, true].map((innermost) => g.simplify(g.vmap(f, [us, vs, xs], { batched, innermost })));
  close(g.evaluate(last, feeds), g.evaluate(first, feeds), 1e-13, "gradient");
  const products = (outputs: g.Value[]) => g.topological(outputs).filter(({ operator }) => operator.name === "MatMul");
  expect(products(first).length).toBeGreaterThan(1);
  // One for all: inputs that are the same for every member.
  expect(products(last).map(({ shape }) => shape)).toEqual([[n, h * members]]);
});

it("factors of rank one leave products: (uv ⊙ D)Q, L(uv ⊙ D) and sums of rows", () => {
  const [n, k, m] = [7, 5, 3];
  const [u, v, D] = [float("u", n, 1), float("v", 1, k), float("D", n, k)];
  const [Q, L] = [float("Q", k, m), float("L", m, n)];
  const feeds = { u: draw("u", n, 1), v: draw("v", 1, k), D: draw("D", n, k), Q: draw("Q", k, m), L: draw("L", m, n) };
  for (const scaled of [g.mul(g.matMul(u, v), D), g.mul(D, g.matMul(u, v))]) {
    const outputs = [g.matMul(scaled, Q), g.matMul(L, scaled), g.reduceSum(scaled, [0]), g.reduceSum(scaled, [1])];
    const moved = g.moveRankOneFactors(outputs);
    close(g.evaluate(moved, feeds), g.evaluate(outputs, feeds), 1e-13, "product");
    const outer = g.topological(moved.slice(0, 3)).filter(({ operator, inputs }) => operator.name === "MatMul" && inputs[0].shape[1] === 1);
    expect(outer).toEqual([]);
    expect(moved[3]).toBe(outputs[3]);
  }
});

it("batches nest: the kernel ⟨∇f(x), ∇f(x′)⟩ of all pairs is the product of per-example gradients", () => {
  const [m, d, h] = [3, 4, 5];
  const xs = float("xs", m, d);
  const u = float("u", d, h);
  const f = (row: g.Value) => g.sum(g.tanh(g.matMul(g.reshape(row, [1, d]), u)));
  const slope = (row: g.Value) => g.grad(f(row), u);
  const [kernel] = g.vmap((a) => g.vmap((b) => [g.sum(g.mul(slope(a), slope(b)))], [xs]), [xs]);
  const [gradients] = g.perExample((row) => f(row), [u], [xs]);
  const flat = g.reshape(gradients, [m, d * h]);
  const feeds = { xs: draw("xs", m, d), u: draw("u", d, h) };
  close(g.evaluate([kernel], feeds), g.evaluate([g.matMul(flat, g.transpose(flat))], feeds), 1e-13, "kernel");
});

it("a Hessian is the batch of products with unit vectors", () => {
  const v = float("v", 3);
  const f = g.sum(g.mul(g.exp(v), g.reduceProd(v)));
  const identity = g.constant(tensor([1, 0, 0, 0, 1, 0, 0, 0, 1], [3, 3], "float64"));
  const [hessian] = g.vmap((e) => g.hvp(f, [v], [e]), [identity]);
  // f = P Σ eˣ with P = abc: ∂ᵢ∂ⱼf = P (Σ eˣ/(xᵢxⱼ) + eˣⁱ/xⱼ + eˣʲ/xᵢ) off the diagonal, P eˣⁱ (1 + 2/xᵢ) on it.
  const p = [0.5, -1.2, 2];
  const product = p[0] * p[1] * p[2];
  const total = p.reduce((s, t) => s + Math.exp(t), 0);
  const expected = p.map((a, i) =>
    p.map((b, j) => (i === j ? product * Math.exp(a) * (1 + 2 / a) : product * (total / (a * b) + Math.exp(a) / b + Math.exp(b) / a))),
  );
  close(g.evaluate([hessian], { v: tensor(p, [3], "float64") }), [tensor(expected.flat(), [3, 3], "float64")], 1e-13, "Hessian");
});
