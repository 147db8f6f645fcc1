import { expect, it } from "vitest";
import {
  add,
  evaluate,
  grad,
  hvp,
  input,
  jvp,
  logSoftmax,
  matMul,
  mul,
  perExample,
  reduceSum,
  relu,
  simplify,
  sub,
  sum,
  tanh,
  topological,
  type Value,
  vjp,
} from "../../src/graph/index.ts";
import { key, normal, rows } from "../../src/tensor/index.ts";

const draw = (label: string, shape: number[]) => normal(key(5).fold(label), shape);

/** f(x) = Σ tanh(xW)·v with its derivatives in closed form, row by row. */
const [n, d, m] = [3, 4, 5];
const x = input("x", [n, d], "float64");
const w = input("w", [d, m], "float64");
const v = input("v", [m, 1], "float64");
const y = sum(matMul(tanh(matMul(x, w)), v));
const feeds = { x: draw("x", [n, d]), w: draw("w", [d, m]), v: draw("v", [m, 1]) };

function closedForm() {
  const z = Array.from({ length: n }, (_, i) =>
    Array.from({ length: m }, (_, j) =>
      Array.from({ length: d }, (_, k) => feeds.x.data[i * d + k] * feeds.w.data[k * m + j]).reduce((a, b) => a + b),
    ),
  );
  return {
    z,
    gradient: z.map((row) =>
      Array.from({ length: d }, (_, k) =>
        row.reduce((s, zj, j) => s + (1 - Math.tanh(zj) ** 2) * feeds.v.data[j] * feeds.w.data[k * m + j], 0),
      ),
    ),
  };
}

it("gradient of a two-layer net has its closed form", () => {
  const [g] = evaluate([grad(y, x)], feeds);
  closedForm()
    .gradient.flat()
    .forEach((expected, i) => {
      expect(g.data[i]).toBeCloseTo(expected, 12);
    });
});

it("hvp is the derivative of the gradient along a vector, in closed form", () => {
  const u = input("u", [n, d], "float64");
  const direction = draw("u", [n, d]);
  const [h] = evaluate(hvp(y, [x], [u]), { ...feeds, u: direction });
  const { z } = closedForm();
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < d; k++) {
      let expected = 0;
      for (let j = 0; j < m; j++) {
        const t = Math.tanh(z[i][j]);
        let along = 0;
        for (let l = 0; l < d; l++) along += feeds.w.data[l * m + j] * direction.data[i * d + l];
        expected += -2 * t * (1 - t * t) * feeds.v.data[j] * feeds.w.data[k * m + j] * along;
      }
      expect(h.data[i * d + k]).toBeCloseTo(expected, 11);
    }
  }
});

it("jvp and vjp are adjoint, and the forward derivative keeps nothing of its dummy", () => {
  const f = logSoftmax(matMul(tanh(matMul(x, w)), input("out", [m, 3], "float64")));
  const t = input("t", [n, d], "float64");
  const c = input("c", f.shape, "float64");
  const forward = jvp([f], [x], [t]);
  expect(
    topological(forward)
      .filter((value) => value.operator.name === "Input")
      .map((value) => value.attributes.name),
  ).not.toContainEqual(expect.stringContaining("cotangent"));
  const [left, right] = evaluate([sum(mul(forward[0], c)), sum(mul(vjp([f], [x], [c])[0], t))], {
    ...feeds,
    out: draw("out", [m, 3]),
    t: draw("t", [n, d]),
    c: draw("c", [n, 3]),
  });
  expect(left.data[0]).toBeCloseTo(right.data[0], 12);
});

it("per-example gradients are the gradients of the examples", () => {
  const loss = (xi: Value) => sum(matMul(relu(matMul(xi, w)), v));
  const [each] = evaluate(perExample(loss, [w], [x]), feeds);
  const one = input("one", [1, d], "float64");
  for (let i = 0; i < n; i++) {
    const [single] = evaluate([grad(loss(one), w)], { ...feeds, one: rows(feeds.x, i, i + 1) });
    expect([...rows(each, i, i + 1).data]).toEqual([...single.data]);
  }
});

it("a value that does not depend on a variable has the derivative zero", () => {
  const unrelated = input("unrelated", [2], "float64");
  expect([...evaluate([grad(y, unrelated)], feeds)[0].data]).toEqual([0, 0]);
});

it("simplifying keeps the numbers and loses work", () => {
  const again = sub(add(mul(tanh(x), 1), 0), mul(tanh(x), 0));
  const g = grad(reduceSum(mul(again, tanh(x))), x);
  const [before] = evaluate([g], feeds);
  const simple = simplify([g]);
  const [after] = evaluate(simple, feeds);
  expect([...after.data]).toEqual([...before.data]);
  expect(topological(simple).length).toBeLessThan(topological([g]).length / 2);
});
