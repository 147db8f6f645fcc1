/** What is told about model files. */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { inspectModel } from "../../src/models/inspect.ts";
import { readOnnx } from "../../src/onnx/index.ts";
import { floats, integer, modelBytes, node, port } from "../onnx/models.ts";

const inspectFixture = (name: string) =>
  inspectModel(readOnnx(new Uint8Array(readFileSync(new URL(`../fixtures/models/${name}.onnx`, import.meta.url)))));

it("counts operators, parameters and work of a convolutional network", () => {
  const seen = inspectFixture("cnn");
  expect(seen.operators).toMatchObject({ Conv: 2, Relu: 2, MaxPool: 1, AveragePool: 1, Gemm: 1 });
  expect(seen.parameterCount).toEqual({ trained: 6 * 9 + 6 + 8 * 6 * 9 + 8 + 720 + 10, statistic: 0, fixed: 0 });
  expect(seen.parameters[0]).toEqual({ name: "0.weight", shape: [6, 1, 3, 3], role: "trained", use: "weight of Conv" });
  expect(seen.classifier).toMatchObject({ inputShape: [1, 16, 16], classes: 10, domain: { low: 0, high: 1 }, blocking: [], flat: [] });
  const products = 2 * (6 * 256 * 9 + 8 * 36 * 54 + 720);
  const rest = 6 * 256 + 6 * 64 * 4 + 8 * 36 + 8 * 9 * 4 + 10;
  expect(seen.classifier).toMatchObject({ flops: products + rest });
});

it("tells statistics from what is trained and from what is fixed", () => {
  const { parameterCount, parameters } = inspectFixture("resnet");
  expect(parameterCount.statistic).toBe(2 * (8 + 8 + 8 + 12 + 12 + 12));
  expect(parameters.filter(({ use }) => use === "running mean of BatchNormalization").length).toBe(6);
  const mlp = inspectFixture("mlp");
  expect(
    mlp.parameters
      .filter(({ role }) => role === "fixed")
      .map(({ use }) => use)
      .sort(),
  ).toEqual(["input 1 of Div", "input 1 of Sub"]);
});

it("names what is not supported, what blocks and what passes no gradient", () => {
  const blocked = inspectModel(readOnnx(modelBytes({ node: [node("NonZero", ["x"], ["i"]), node("Loop", ["i"], ["y"])] })));
  expect(blocked.unsupported.map(({ operator }) => operator)).toEqual(["NonZero", "Loop"]);
  expect(blocked.classifier).toEqual({ problem: expect.stringContaining("operator NonZero of opset 17") });
  const flat = inspectModel(readOnnx(modelBytes({ node: [node("Sign", ["x"], ["y"])] })));
  expect(flat.classifier).toMatchObject({ flat: ["Sign"], blocking: [] });
});

it("names the straight-through gradient of a quantized model", () => {
  const bytes = modelBytes({
    input: [port("x", ["N", 1, 2, 2])],
    output: [port("y", ["N", 4])],
    node: [
      node("QuantizeLinear", ["x", "s"], ["q"]),
      node("DequantizeLinear", ["q", "s"], ["d"]),
      node("Flatten", ["d"], ["y"], [integer("axis", 1)]),
    ],
    initializer: [floats("s", [], [0.5])],
  });
  const { classifier } = inspectModel(readOnnx(bytes));
  expect(classifier).toMatchObject({ straightThrough: ["QuantizeLinear"], classes: 4 });
  expect("notes" in classifier && classifier.notes.join()).toContain("straight-through gradient, which is not the derivative");
});
