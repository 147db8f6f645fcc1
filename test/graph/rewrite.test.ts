import { describe, expect, it } from "vitest";
import {
  add,
  cast,
  concat,
  constant,
  constantTensor,
  div,
  evaluate,
  exp,
  expand,
  grad,
  input,
  less,
  mean,
  mul,
  neg,
  reduceMean,
  reduceSum,
  relu,
  reshape,
  shareCommon,
  simplify,
  square,
  stopGradient,
  sub,
  sum,
  tanh,
  topological,
  transpose,
  type Value,
} from "../../src/graph/index.ts";
import { full, key, normal, tensor } from "../../src/tensor/index.ts";
import { close } from "./check.ts";

const x = input("x", [2, 3, 4], "float64");
const feeds = { x: normal(key(2), [2, 3, 4]) };
const names = (outputs: readonly Value[]) => topological(outputs).map((value) => value.operator.name);
const numbers = (value: Value) => [...evaluate([value], feeds)[0].data];

describe("algebra", () => {
  it("composes transposes of any order, and drops them when nothing but unit axes moves", () => {
    for (const [first, second] of [
      [
        [1, 2, 0],
        [0, 2, 1],
      ],
      [
        [2, 0, 1],
        [2, 0, 1],
      ],
      [
        [0, 2, 1],
        [1, 2, 0],
      ],
    ]) {
      const twice = transpose(transpose(x, first), second);
      const [once] = simplify([twice]);
      expect(names([once])).toEqual(["Input", "Transpose"]);
      expect(numbers(once)).toEqual(numbers(twice));
    }
    expect(simplify([transpose(transpose(x, [1, 2, 0]), [2, 0, 1])])[0]).toBe(x);
    expect(names(simplify([transpose(reshape(x, [6, 1, 4]), [1, 0, 2])]))).toEqual(["Input", "Reshape"]);
  });

  it("takes x·0 for 0 even where x is infinite", () => {
    expect([...evaluate(simplify([mul(exp(mul(x, 1e6)), 0)]), feeds)[0].data].every((v) => v === 0)).toBe(true);
  });

  it("works on numbers before they are repeated: the gradient of a mean multiplies no full-size ones", () => {
    const [g] = simplify([grad(mean(square(tanh(x))), x)]);
    expect(names([g])).not.toContain("Expand");
    const scalars = topological([g]).filter((value) => value.operator.name === "Constant");
    expect(scalars.every((value) => value.shape.length === 0)).toBe(true);
    const rows = expand(reduceSum(x, [2], { keepDimensions: true }), [2, 3, 4]);
    const after = simplify([mul(tanh(rows), x)]);
    expect(topological(after).find((value) => value.operator.name === "Tanh")?.shape).toEqual([2, 3, 1]);
    expect(numbers(after[0])).toEqual(numbers(mul(tanh(rows), x)));
  });

  it("takes signs and factors out of sums, and knows that deviations from a mean sum to 0", () => {
    const scale = input("scale", [3, 1], "float64");
    const at = { ...feeds, scale: normal(key(3), [3, 1]) };
    const total = reduceSum(neg(mul(mul(x, x), scale)), [0, 2]);
    const [simple] = simplify([total]);
    expect(
      topological([simple])
        .filter((value) => ["Neg", "Mul"].includes(value.operator.name))
        .map((value) => value.shape),
    ).toEqual([
      [2, 3, 4],
      [1, 3, 1],
      [1, 3, 1],
    ]);
    close(evaluate([simple], at), evaluate([total], at), 1e-14, "sum");
    for (const axes of [[1], [0, 2]]) {
      const deviation = sub(x, reduceMean(x, axes, { keepDimensions: true }));
      expect(names(simplify([reduceSum(mul(deviation, 3), axes)]))).toEqual(["Constant"]);
      expect(names(simplify([reduceSum(deviation, [0])])).length).toBeGreaterThan(1);
      const other = sub(x, reduceMean(tanh(x), axes, { keepDimensions: true }));
      expect(names(simplify([reduceSum(other, axes)]))).toContain("Tanh");
    }
  });

  it("gathers the numbers of a product at its smallest factor", () => {
    const small = input("small", [4], "float64");
    const data = { ...feeds, small: normal(key(3), [4]) };
    const sizes = (value: Value) => topological([value]).flatMap(({ operator, shape }) => (operator.name === "Mul" ? [shape.length] : []));
    const scaled = mul(mul(mul(mul(mul(x, 3), small), 0.5), 7), x);
    const [simple] = simplify([scaled]);
    expect(sizes(scaled)).toEqual([3, 3, 3, 3, 3]);
    expect(sizes(simple).sort()).toEqual([1, 3, 3, 3]);
    close(evaluate([simple], data), evaluate([scaled], data), 1e-15, "product");
    // Numbers that would overflow or vanish together stay apart.
    const y = input("y", [], "float64");
    for (const number of [1e200, 1e-200]) {
      const extreme = tensor(Float64Array.of(1 / number ** 1.5), [], "float64");
      const [kept] = simplify([mul(mul(y, number), number)]);
      expect((evaluate([kept], { y: extreme })[0].data[0] as number) / Math.sqrt(number)).toBeCloseTo(1, 12);
    }
  });

  it("keeps a stopped gradient stopped", () => {
    const y = sum(mul(stopGradient(relu(x)), x));
    const [simple] = simplify([y]);
    expect(numbers(grad(simple, x))).toEqual(numbers(grad(y, x)));
    expect(numbers(grad(simple, x))).toEqual(numbers(relu(x)));
  });
});

describe("constants", () => {
  it("are computed, but a large repetition of a small one is not stored", () => {
    const [folded] = simplify([add(x, div(constant(full([4], 6, "float64")), 2))]);
    expect(names([folded]).sort()).toEqual(["Add", "Constant", "Input"]);
    const wide = input("wide", [300, 300], "float64");
    const [repeated] = simplify([reduceSum(expand(constant(tensor([1, 2], [2, 1, 1], "float64")), [2, 300, 300])), wide]);
    const stored = topological([repeated]).filter((value) => value.operator.name === "Constant");
    expect(stored.every((value) => value.shape.reduce((a, b) => a * b, 1) <= 2)).toBe(true);
  });
});

describe("integers that are folded", () => {
  it("stay in their dtype's range: the end of an open slice does not turn negative", () => {
    const open = constant({ dtype: "int64", shape: [1], data: BigInt64Array.of(2n ** 63n - 1n) });
    const [both] = simplify([concat([open, open], 0)]);
    expect((constantTensor(both)!.data as BigInt64Array).every((v) => v > 2n ** 62n)).toBe(true);
    const ends = constant({ dtype: "int64", shape: [2], data: BigInt64Array.of(2n ** 63n - 1n, 2n ** 63n - 1n) });
    const [apart] = simplify([less(input("start", [2], "int64"), ends)]);
    expect(topological([apart]).flatMap((value) => [...(constantTensor(value)?.data ?? [])])).toEqual([2n ** 63n - 1n]);
    const wild = cast(constant(tensor([Number.POSITIVE_INFINITY, Number.NaN, -1e300, -2.7], [4], "float64")), "int32");
    expect([...constantTensor(simplify([wild])[0])!.data]).toEqual([2 ** 31 - 1, 0, -(2 ** 31), -2]);
  });
});

describe("common subexpressions", () => {
  it("become one value when operator, inputs and attributes agree", () => {
    const [a, b] = shareCommon([mul(tanh(x), 2), mul(tanh(x), 2)]);
    expect(a).toBe(b);
  });

  it("stay apart when an axis, a dtype, the sign of a zero or one number of a table differs", () => {
    const different = [
      [reduceSum(x, [0]), reduceSum(x, [1])],
      [reduceSum(x, [0]), reduceSum(x, [0], { keepDimensions: true })],
      [constant(full([2], 1, "bool")), constant(full([2], 1, "uint8"))],
      [constant(tensor([0], [1], "float64")), constant(tensor([-0], [1], "float64"))],
      [constant(full([100], 1)), constant(full([100], 2))],
      [sub(x, Number.POSITIVE_INFINITY), sub(x, Number.NEGATIVE_INFINITY)],
    ];
    const table = Float32Array.from({ length: 1000 }, (_, i) => i);
    different.push([constant(tensor(table, [1000])), constant(tensor(table.with(501, -1), [1000]))]);
    for (const [one, other] of different) {
      const [a, b] = shareCommon([one, other]);
      expect(a).not.toBe(b);
    }
    const [first, second] = shareCommon([constant(tensor(table, [1000])), constant(tensor(table.slice(), [1000]))]);
    expect(first).toBe(second);
    const shared = new Uint8Array(100);
    const [a, b] = shareCommon([constant(tensor(shared, [100], "bool")), constant(tensor(shared, [100], "uint8"))]);
    expect([a.dtype, b.dtype]).toEqual(["bool", "uint8"]);
  });
});
