/** What ONNX's own cases do not reach: older and newer forms of operators, functions, branches, folding, quantization. */
import { describe, expect, it } from "vitest";
import { constantTensor, evaluate, grad, input, sum, topological, type Value } from "../../src/graph/index.ts";
import { OnnxError, readOnnx } from "../../src/onnx/index.ts";
import { TensorProto_DataType as DataType } from "../../src/onnx/schema/onnx_pb.ts";
import { cast, key, normal, size, tensor } from "../../src/tensor/index.ts";
import { float, floats, type GraphInit, graph, int64s, integer, integers, modelBytes, node, port, text } from "./models.ts";

/** The result y for x of a model with the given nodes and initializers, at an opset. */
function build(opset: number, init: GraphInit, x: readonly number[] | { shape: readonly number[] }): { x: Value; y: Value } {
  const shape = "shape" in x ? x.shape : [x.length];
  const axes = shape.map((_, i) => `axis${i}`);
  const bytes = modelBytes({ input: [port("x", axes)], output: [port("y", axes)], ...init }, { opsetImport: [{ version: BigInt(opset) }] });
  const placeholder = input("x", shape);
  return { x: placeholder, y: readOnnx(bytes).build({ x: placeholder }).y };
}

const sequence = (shape: readonly number[]) =>
  tensor(
    Float64Array.from({ length: size(shape) }, (_, i) => i),
    shape,
    "float64",
  );

function run(opset: number, init: GraphInit, shape: readonly number[], data = sequence(shape)) {
  const [y] = evaluate([build(opset, init, { shape }).y], { x: data });
  return { shape: y.shape, data: [...y.data] };
}

describe("forms of one operator in different versions agree", () => {
  it.each([
    [12, { node: [node("Squeeze", ["x"], ["y"], [integers("axes", [1])])] }],
    [13, { node: [node("Squeeze", ["x", "a"], ["y"])], initializer: [int64s("a", [1], [1])] }],
  ])("Squeeze at %i", (opset, init) => {
    expect(run(opset, init, [2, 1, 3]).shape).toEqual([2, 3]);
  });

  it.each([
    [9, { node: [node("Slice", ["x"], ["y"], [integers("starts", [1]), integers("ends", [9]), integers("axes", [1])])] }],
    [
      10,
      {
        node: [node("Slice", ["x", "s", "e", "a"], ["y"])],
        initializer: [int64s("s", [1], [1]), int64s("e", [1], [9]), int64s("a", [1], [-1])],
      },
    ],
  ])("Slice at %i", (opset, init) => {
    expect(run(opset, init, [2, 3])).toEqual({ shape: [2, 2], data: [1, 2, 4, 5] });
  });

  it.each([
    [10, { node: [node("Clip", ["x"], ["y"], [float("min", 1), float("max", 2)])] }],
    [11, { node: [node("Clip", ["x", "l", "h"], ["y"])], initializer: [floats("l", [], [1]), floats("h", [], [2])] }],
  ])("Clip at %i", (opset, init) => {
    expect(run(opset, init, [4]).data).toEqual([1, 1, 2, 2]);
  });

  it.each([
    [10, { node: [node("Pad", ["x"], ["y"], [integers("pads", [1, 2]), float("value", 9)])] }],
    [13, { node: [node("Pad", ["x", "p", "v"], ["y"])], initializer: [int64s("p", [2], [1, 2]), floats("v", [], [9])] }],
    [
      18,
      {
        node: [node("Pad", ["x", "p", "v", "a"], ["y"])],
        initializer: [int64s("p", [2], [1, 2]), floats("v", [], [9]), int64s("a", [1], [-1])],
      },
    ],
  ])("Pad at %i", (opset, init) => {
    expect(run(opset, init, [2]).data).toEqual([9, 0, 1, 9, 9]);
  });

  it.each([
    [12, { node: [node("ReduceSum", ["x"], ["y"], [integers("axes", [1]), integer("keepdims", 0)])] }],
    [13, { node: [node("ReduceSum", ["x", "a"], ["y"], [integer("keepdims", 0)])], initializer: [int64s("a", [1], [1])] }],
  ])("ReduceSum at %i", (opset, init) => {
    expect(run(opset, init, [2, 3])).toEqual({ shape: [2], data: [3, 12] });
  });

  it.each([
    [17, { node: [node("ReduceMean", ["x"], ["y"], [integers("axes", [-1])])] }],
    [18, { node: [node("ReduceMean", ["x", "a"], ["y"])], initializer: [int64s("a", [1], [-1])] }],
  ])("ReduceMean at %i", (opset, init) => {
    expect(run(opset, init, [2, 3])).toEqual({ shape: [2, 1], data: [1, 4] });
  });

  it("Softmax normalizes everything behind the axis up to opset 12, one axis from 13", () => {
    const total = (opset: number) => run(opset, { node: [node("Softmax", ["x"], ["y"], [integer("axis", 1)])] }, [2, 2, 3]);
    expect(
      total(12)
        .data.slice(0, 6)
        .reduce((a, b) => a + b),
    ).toBeCloseTo(1, 12);
    expect(total(13).data[0] + total(13).data[3]).toBeCloseTo(1, 12);
  });

  it("GroupNormalization scales groups up to opset 20, channels from 21", () => {
    const init = (values: readonly number[]): GraphInit => ({
      node: [node("GroupNormalization", ["x", "s", "b"], ["y"], [integer("num_groups", 2)])],
      initializer: [
        floats("s", [values.length], values),
        floats(
          "b",
          [values.length],
          values.map(() => 0),
        ),
      ],
    });
    expect(run(20, init([1, 3]), [1, 4, 2]).data).toEqual(run(21, init([1, 1, 3, 3]), [1, 4, 2]).data);
  });

  it("Resize repeats by the floor at opset 10, by the nearest centre from 11", () => {
    const doubled = { initializer: [floats("s", [1], [1.5]), floats("r", [0], [])] };
    expect(run(10, { node: [node("Resize", ["x", "s"], ["y"])], ...doubled }, [4]).data).toEqual([0, 0, 1, 2, 2, 3]);
    expect(run(13, { node: [node("Resize", ["x", "r", "s"], ["y"])], ...doubled }, [4]).data).toEqual(
      [0, 0, 1, 2, 2, 3].map((_, i) => Math.ceil((i + 0.5) / 1.5 - 1)).map((v) => Math.max(v, 0)),
    );
  });

  it("Split takes lists and numbers of parts", () => {
    const parts = (opset: number, attributes: Parameters<typeof node>[3]) =>
      run(opset, { node: [node("Split", ["x"], ["a", "b", "c"], attributes), node("Sub", ["a", "b"], ["y"])] }, [6]).data;
    expect(parts(12, [integers("split", [2, 2, 2])])).toEqual([-2, -2]);
    expect(parts(18, [integer("num_outputs", 3)])).toEqual([-2, -2]);
  });
});

describe("shape arithmetic", () => {
  it("is computed away for a batch", () => {
    const init: GraphInit = {
      node: [
        node("Shape", ["x"], ["shape"]),
        node("Gather", ["shape", "zero"], ["n"]),
        node("Unsqueeze", ["n"], ["n1"], [integers("axes", [0])]),
        node("Concat", ["n1", "rest"], ["target"], [integer("axis", 0)]),
        node("Reshape", ["x", "target"], ["flat"]),
        node("ConstantOfShape", ["n1"], ["zeros"]),
        node("Unsqueeze", ["zeros"], ["column"], [integers("axes", [1])]),
        node("Add", ["flat", "column"], ["y"]),
      ],
      initializer: [int64s("zero", [], [0]), int64s("rest", [1], [-1])],
    };
    const { y } = build(12, init, { shape: [5, 2, 3] });
    expect(y.shape).toEqual([5, 6]);
    expect(topological([y]).every((value) => value.dtype === "float32")).toBe(true);
  });

  it("keeps the largest bounds of slices", () => {
    const end = Number(2n ** 63n - 1n);
    const init: GraphInit = {
      node: [node("Unsqueeze", ["e"], ["e1"], [integers("axes", [0])]), node("Slice", ["x", "s", "e1"], ["y"])],
      initializer: [int64s("s", [1], [1]), int64s("e", [], [0])],
    };
    const largest = init.initializer?.[1] as { int64Data: bigint[] };
    largest.int64Data = [2n ** 63n - 1n];
    expect(end).toBeGreaterThan(1e18);
    expect(run(12, init, [4]).data).toEqual([1, 2, 3]);
  });
});

describe("functions and branches", () => {
  const twice = {
    name: "Scale",
    domain: "own",
    input: ["a"],
    output: ["b"],
    attribute: ["slope"],
    opsetImport: [{ domain: "", version: 17n }],
    node: [
      { opType: "LeakyRelu", input: ["a"], output: ["c"], attribute: [{ name: "alpha", refAttrName: "slope", type: 1 }] },
      { opType: "Add", input: ["c", "c"], output: ["b"] },
    ],
  };

  it("functions of the model are inlined, with the attributes of the call", () => {
    const bytes = modelBytes(
      { input: [port("x", ["N"])], output: [port("y", ["N"])], node: [node("Scale", ["x"], ["y"], [float("slope", 0.25)], "own")] },
      { opsetImport: [{ version: 17n }, { domain: "own", version: 1n }], functions: [twice] },
    );
    const x = input("x", [2]);
    const [y] = evaluate([readOnnx(bytes).build({ x }).y], { x: tensor([-4, 4]) });
    expect([...y.data]).toEqual([-2, 8]);
  });

  it.each([
    [3, [6, 6, 6]],
    [2, [0, 1]],
  ])("the branch of a condition on the shape is taken: %i elements", (n, expected) => {
    const branch = (name: string, nodes: GraphInit["node"], result: string) =>
      graph(name, { node: nodes, output: [port(result, ["n"])], initializer: [floats("six", [], [6])] });
    const init: GraphInit = {
      node: [
        node("Size", ["x"], ["n"]),
        node("Equal", ["n", "three"], ["isThree"]),
        node(
          "If",
          ["isThree"],
          ["y"],
          [
            branch("then_branch", [node("Mul", ["x", "zero"], ["z"]), node("Add", ["z", "six"], ["a"])], "a"),
            branch("else_branch", [node("Identity", ["x"], ["b"])], "b"),
          ],
        ),
      ],
      initializer: [int64s("three", [], [3]), floats("zero", [], [0])],
    };
    expect(run(17, init, [n]).data).toEqual(expected);
  });
});

describe("only what is needed is imported", () => {
  it("a classifier beside outputs that cannot be imported is built", () => {
    const bytes = modelBytes({
      input: [port("x", ["N", 3])],
      output: [port("label", ["N"], DataType.INT64), port("y", ["N", 3])],
      node: [node("Softmax", ["x"], ["y"]), node("Mystery", ["y"], ["label"])],
    });
    const file = readOnnx(bytes);
    expect(file.build({ x: input("x", [2, 3]) }, {}, ["y"]).y.shape).toEqual([2, 3]);
    expect(() => file.build({ x: input("x", [2, 3]) })).toThrow(OnnxError);
  });
});

describe("quantized models", () => {
  const init: GraphInit = {
    node: [node("QuantizeLinear", ["x", "s", "z"], ["q"]), node("DequantizeLinear", ["q", "s", "z"], ["y"])],
    initializer: [floats("s", [], [0.5]), { name: "z", dataType: DataType.INT8, dims: [], int32Data: [10] }],
  };

  it("round to the grid of their scale and cut to its range", () => {
    expect(run(13, init, [5], tensor([0.2, 0.3, -1.1, 1e3, -1e3], [5], "float64")).data).toEqual([0, 0.5, -1, 58.5, -69]);
  });

  it("have the straight-through gradient: 1 inside the range, 0 outside", () => {
    const { x, y } = build(13, init, { shape: [4] });
    const [dx] = evaluate([grad(sum(y), x)], { x: tensor([0.2, 30, 1e3, -1e3], [4], "float64") });
    expect([...dx.data]).toEqual([1, 1, 0, 0]);
  });
});

describe("Einsum", () => {
  const equations: readonly [string, readonly number[], readonly number[]][] = [
    ["ij,jk->ik", [2, 3], [3, 4]],
    ["bij,bjk->bik", [2, 3, 4], [2, 4, 2]],
    ["bhid,bhjd->bhij", [2, 2, 3, 4], [2, 2, 5, 4]],
    ["...ij,...j->...i", [2, 3, 4], [4]],
    ["ij,ij->", [3, 4], [3, 4]],
    ["i,j->ji", [3], [2]],
    ["ij,kj", [2, 3], [4, 3]],
  ];
  it.each(equations)("%s is the sum that it says", (equation, left, right) => {
    const [a, b] = [normal(key(1), left), normal(key(2), right)];
    const bytes = modelBytes({
      input: [port("a", left), port("b", right)],
      output: [port("y", [])],
      node: [node("Einsum", ["a", "b"], ["y"], [text("equation", equation)])],
    });
    const built = readOnnx(bytes).build({ a: input("a", left), b: input("b", right) }).y;
    const [y] = evaluate([built], { a: cast(a, "float64"), b: cast(b, "float64") });
    expect([...y.data].every((v, i) => Math.abs(v - bySumming(equation, a, b)[i]) < 1e-12)).toBe(true);
    expect(y.data.length).toBe(bySumming(equation, a, b).length);
  });
});

/** The sum over all values of all letters, term by term. */
function bySumming(equation: string, a: { shape: readonly number[]; data: Float64Array }, b: typeof a): number[] {
  const wide = "...";
  const [inputs, given] = equation.split("->");
  const spelled = inputs
    .split(",")
    .map((term, i) => [...term.replace(wide, "AB".slice(0, [a, b][i].shape.length - term.replace(wide, "").length))]);
  const all = [...new Set(spelled.flat())];
  const once = all.filter((letter) => spelled.flat().filter((other) => other === letter).length === 1).sort();
  const output = given === undefined ? once : [...given.replace(wide, all.filter((letter) => letter < "a").join(""))];
  const extent = (letter: string) => spelled.map((term, i) => [a, b][i].shape[term.indexOf(letter)]).find((n) => n !== undefined) as number;
  const result = new Array<number>(output.reduce((n, letter) => n * extent(letter), 1)).fill(0);
  const place = (letters: readonly string[], at: ReadonlyMap<string, number>) =>
    letters.reduce((index, letter) => index * extent(letter) + (at.get(letter) as number), 0);
  const total = all.reduce((n, letter) => n * extent(letter), 1);
  for (let i = 0; i < total; i++) {
    let rest = i;
    const at = new Map(
      all.map((letter) => {
        const k = rest % extent(letter);
        rest = Math.floor(rest / extent(letter));
        return [letter, k] as const;
      }),
    );
    result[place(output, at)] += a.data[place(spelled[0], at)] * b.data[place(spelled[1], at)];
  }
  return result;
}

it("constants of the file stay constants, and replacements take their place", () => {
  const bytes = modelBytes({ node: [node("Mul", ["x", "w"], ["y"])], initializer: [floats("w", [4], [1, 2, 3, 4])] });
  const x = input("x", [1, 4]);
  const file = readOnnx(bytes);
  expect(constantTensor(file.build({ x }).y.inputs[1])?.data).toEqual(Float32Array.of(1, 2, 3, 4));
  const w = input("w", [4]);
  expect(file.build({ x }, { w }).y.inputs[1]).toBe(w);
  expect(() => file.build({ x }, { w: input("w", [5]) })).toThrow('the initializer "w" is [4]; [5] cannot take its place');
});
