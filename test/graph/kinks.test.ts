/** Where a derivative jumps the rules choose one side: closed forms at exact zeros and ties. */
import { describe, expect, it } from "vitest";
import {
  add,
  clip,
  constant,
  evaluate,
  grad,
  hvp,
  input,
  jvp,
  maxPool,
  mul,
  reduceMax,
  reduceProd,
  relu,
  square,
  sum,
  type Value,
  vjp,
} from "../../src/graph/index.ts";
import { size, tensor } from "../../src/tensor/index.ts";

const numbers = (data: number[], shape: readonly number[] = [data.length]) => tensor(data, shape, "float64");

/** Value, vjp, jvp of f and hvp of Σ ½ f², at a point and along a direction. */
function derivatives(f: (x: Value) => Value, point: number[], direction: number[], cotangent: number[], shape = [point.length]) {
  const x = input("x", shape, "float64");
  const v = input("v", shape, "float64");
  const y = f(x);
  const [backward] = vjp([y], [x], [constant(numbers(cotangent, y.shape))]);
  const [forward] = jvp([y], [x], [v]);
  const [curvature] = hvp(sum(mul(square(y), 0.5)), [x], [v]);
  const results = evaluate([y, backward, forward, curvature], { x: numbers(point, shape), v: numbers(direction, shape) });
  const [value, gradient, tangent, second] = results.map(({ data }) => [...data].map((n) => n + 0));
  return { value, gradient, tangent, second };
}

describe("ReLU", () => {
  it("has the derivative 0 at exact zeros, in every direction", () => {
    expect(derivatives(relu, [-1, 0, -0, 2], [3, 5, -7, 11], [1, 1, 1, 4])).toEqual({
      value: [0, 0, 0, 2],
      gradient: [0, 0, 0, 4],
      tangent: [0, 0, 0, 11],
      second: [0, 0, 0, 11],
    });
  });
});

describe("max pooling gives a tie to the first maximum of the window", () => {
  const image = [1, 1, 0, 0, 1, 2, 0, 0];
  it("in disjoint windows: flat background, and a maximum that is not the first place", () => {
    const pool = (x: Value) => maxPool(x, 2);
    expect(derivatives(pool, image, [1, 2, 3, 4, 5, 6, 7, 8], [10, 20], [1, 1, 2, 4])).toEqual({
      value: [2, 0],
      gradient: [0, 0, 20, 0, 0, 10, 0, 0],
      tangent: [6, 3],
      second: [0, 0, 3, 0, 0, 6, 0, 0],
    });
  });

  it("in overlapping windows, where one place can win twice", () => {
    const pool = (x: Value) => maxPool(x, 2, { strides: 1 });
    expect(derivatives(pool, [1, 3, 3, 1], [1, 2, 4, 8], [10, 20, 30], [1, 1, 4])).toEqual({
      value: [3, 3, 3],
      gradient: [0, 30, 30, 0],
      tangent: [2, 2, 4],
      second: [0, 4, 4, 0],
    });
  });

  it("where padding surrounds negative numbers, and with dilation", () => {
    const pool = (x: Value) => maxPool(x, 2, { strides: 1, dilations: 2, pads: 1 });
    expect(derivatives(pool, [-1, -3, -3, -3], [1, 2, 4, 8], [1, 10, 100, 1000], [1, 1, 4])).toEqual({
      value: [-3, -1, -3, -3],
      gradient: [10, 101, 1000, 0],
      tangent: [2, 1, 2, 4],
      second: [1, 4, 4, 0],
    });
  });

  it("after ReLU: dead inputs win ties and pass nothing on", () => {
    const net = (x: Value) => maxPool(relu(x), 2);
    expect(derivatives(net, [-1, 0, 0, 0, 0, -2, 5, 5], [1, 2, 3, 4, 5, 6, 7, 8], [10, 20], [1, 1, 2, 4])).toEqual({
      value: [0, 5],
      gradient: [0, 0, 0, 0, 0, 0, 20, 0],
      tangent: [0, 7],
      second: [0, 0, 0, 0, 0, 0, 7, 0],
    });
  });
});

it("tied maxima of a reduction share the derivative", () => {
  expect(derivatives((x) => reduceMax(x), [2, 1, 2, 2], [3, 5, 6, 9], [12])).toMatchObject({ gradient: [4, 0, 4, 4], tangent: [6] });
});

it("clipping passes the derivative on at its bounds", () => {
  const clipped = (x: Value) => clip(x, { low: -1, high: 1 });
  expect(derivatives(clipped, [-2, -1, 0, 1, 2], [1, 1, 1, 1, 1], [1, 2, 3, 4, 5]).gradient).toEqual([0, 2, 3, 4, 0]);
});

it("a product with zeros among its factors has finite derivatives of every order", () => {
  const x = input("x", [3], "float64");
  const first = grad(reduceProd(x), x);
  const second = grad(sum(mul(first, constant(numbers([1, 10, 100])))), x);
  const at = (point: number[]) => evaluate([first, second], { x: numbers(point) }).map(({ data }) => [...data]);
  expect(at([0, 2, 3])).toEqual([
    [6, 0, 0],
    [230, 3, 2],
  ]);
  expect(at([0, 0, 3])).toEqual([
    [0, 0, 0],
    [30, 3, 0],
  ]);
});

it("a value used twice collects both cotangents", () => {
  const x = input("x", [2], "float64");
  const y = add(maxPool(mul(x, constant(numbers([1, 1], [1, 1, 2]))), 2), 0);
  expect(size(y.shape)).toBe(1);
  expect([...evaluate([grad(sum(mul(y, y)), x)], { x: numbers([3, 3]) })[0].data]).toEqual([6, 0]);
});
