/** Files that are run as they are: decision trees, and operators through which no gradient passes. */
import { expect, it } from "vitest";
import { constant, input } from "../../src/graph/index.ts";
import { architecture, exportModel, gradientObstacle, importModel, importPredictor } from "../../src/models/index.ts";
import { readOnnx, UnsupportedOperatorError } from "../../src/onnx/index.ts";
import { compile } from "../../src/runtime/index.ts";
import { cast, key, uniform } from "../../src/tensor/index.ts";
import { floats, integer, integers, modelBytes, node, port } from "../onnx/models.ts";
import { leaf, treeFile } from "./trees.ts";

const points = cast(uniform(key(1), [40, 2]), "float32");
const argMax = (row: Float32Array) => row.indexOf(Math.max(...row));
const rowOf = ({ data, shape }: { data: Float32Array; shape: readonly number[] }, i: number) =>
  data.subarray(i * shape[1], (i + 1) * shape[1]);

it.each([
  ["labels and scores", {}],
  ["maps from classes to scores", { maps: true }],
  ["a fixed batch of 1", { batch: 1 }],
])("a decision tree that gives %s", async (_, form) => {
  const file = readOnnx(treeFile(form));
  expect(() => importModel(file)).toThrow(UnsupportedOperatorError);
  const predictor = await importPredictor(file, { threads: 1 });
  expect([predictor.inputShape, predictor.classes, predictor.gives]).toEqual([[2], 3, "scores"]);
  const scores = await predictor.predict(points);
  for (let i = 0; i < 40; i++) expect(argMax(rowOf(scores, i))).toBe(leaf(rowOf(points, i)));
  await predictor.release();
});

it("scores are those of the imported model, where that is possible too: layout, units, normalization, softmax cut off", async () => {
  const w = floats("w", [12, 5], Array.from(uniform(key(3), [60], -1, 1).data));
  const bytes = modelBytes({
    node: [
      node("Transpose", ["x"], ["t"], [integers("perm", [0, 3, 1, 2])]),
      node("Flatten", ["t"], ["f"]),
      node("MatMul", ["f", "w"], ["z"]),
      node("Softmax", ["z"], ["y"]),
    ],
    initializer: [w],
    input: [port("x", ["N", 2, 2, 3])],
    output: [port("y", ["N", 5])],
  });
  const file = readOnnx(bytes);
  const options = { mean: [0.1, 0.2, 0.3], deviation: [0.5, 0.25, 2] };
  const model = importModel(file, options);
  const predictor = await importPredictor(file, { ...options, threads: 1 });
  expect([predictor.inputShape, predictor.domain, predictor.classes]).toEqual([[3, 2, 2], model.network.domain, 5]);
  const x = cast(uniform(key(4), [7, 3, 2, 2]), "float32");
  const scores = await predictor.predict(x);
  const place = input("x", x.shape);
  const weights = Object.fromEntries(Object.entries(model.weights).map(([name, weight]) => [name, constant(weight)]));
  const executable = await compile({ x: place }, { logits: model.network.apply(place, weights).logits }, { threads: 1 });
  const { logits } = await executable.run({ x });
  scores.data.forEach((score, i) => {
    expect(score).toBeCloseTo(Number(logits.data[i]), 5);
  });
  await executable.release();
  await predictor.release();
});

it("says why no gradient leads to the input, and is silent where one does", async () => {
  const through = (...operators: string[]) =>
    modelBytes({
      node: [
        ...operators.map((operator, i) => node(operator, [i === 0 ? "x" : `h${i}`], [`h${i + 1}`])),
        node("MatMul", [`h${operators.length}`, "w"], ["y"]),
      ],
      initializer: [floats("w", [4, 3], Array.from(uniform(key(5), [12], -1, 1).data))],
      input: [port("x", ["N", 4])],
      output: [port("y", ["N", 3])],
    });
  const obstacle = (bytes: Uint8Array) => gradientObstacle(importModel(readOnnx(bytes)));
  expect(obstacle(through("Floor"))).toBe("no gradient passes through Floor");
  expect(obstacle(through("Tanh", "Sign"))).toBe("no gradient passes through Sign");
  expect(obstacle(through("Tanh"))).toBeUndefined();
  expect(obstacle(await exportModel(architecture("mnist-fast").initialize(key(6))))).toBeUndefined();
});

it("a file that the engine cannot run either is refused with its words", async () => {
  const file = readOnnx(
    modelBytes(
      { node: [node("Riddle", ["x"], ["y"], [], "some.where")] },
      {
        opsetImport: [
          { domain: "", version: 17n },
          { domain: "some.where", version: 1n },
        ],
      },
    ),
  );
  await expect(importPredictor(file)).rejects.toThrow(/cannot run this file: .*Riddle/);
  const half = readOnnx(modelBytes({ input: [port("x", ["N", 4], 10)], node: [node("Cast", ["x"], ["y"], [integer("to", 1)])] }));
  await expect(importPredictor(half)).rejects.toThrow("has elements of float16");
});
