import { fromBinary } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import * as g from "../../src/graph/index.ts";
import { exportOnnx } from "../../src/onnx/export.ts";
import { type ModelProto, ModelProtoSchema } from "../../src/onnx/schema/onnx_pb.ts";
import { tensor } from "../../src/tensor/index.ts";

const decode = (bytes: Uint8Array): ModelProto => fromBinary(ModelProtoSchema, bytes);
const x = g.input("x", [2, 3]);
const w = g.input("w", [4, 3]);
const y = g.relu(g.matMul(x, g.transpose(w)));

describe("an exported graph", () => {
  const model = decode(exportOnnx({ image: x, weights: w }, { logits: y }));

  it("is a model of opset 18 with the given names and static shapes", () => {
    expect(model.irVersion).toBe(8n);
    expect(model.opsetImport).toMatchObject([{ domain: "", version: 18n }]);
    const described = (side: "input" | "output") =>
      model.graph?.[side].map(({ name, type }) => {
        const tensorType = type?.value.case === "tensorType" ? type.value.value : undefined;
        return [name, tensorType?.elemType, ...(tensorType?.shape?.dim.map(({ value }) => value.value) ?? [])];
      });
    expect(described("input")).toEqual([
      ["image", 1, 2n, 3n],
      ["weights", 1, 4n, 3n],
    ]);
    expect(described("output")).toEqual([["logits", 1, 2n, 4n]]);
  });

  it("lists nodes before those that use them, each tensor written once", () => {
    const known = new Set([...(model.graph?.input ?? []), ...(model.graph?.initializer ?? [])].map(({ name }) => name));
    for (const node of model.graph?.node ?? []) {
      for (const name of node.input) expect(known).toContain(name);
      for (const name of node.output) {
        expect(known).not.toContain(name);
        known.add(name);
      }
    }
    expect(known).toContain("logits");
    expect(model.graph?.node.map(({ opType }) => opType)).toEqual(["Transpose", "MatMul", "Relu"]);
  });
});

it("equal graphs have equal bytes, whenever they were built", () => {
  const build = () => {
    const a = g.input("a", [3]);
    return exportOnnx({ a }, { b: g.mul(g.exp(a), g.add(a, 1)) });
  };
  expect(build()).toEqual(build());
});

it("equal small constants share one initializer, negative zero apart", () => {
  const ones = () => g.constant(tensor([1, 1, 1]));
  const signed = g.constant(tensor([-0, 0, 0]));
  const sum = g.add(g.add(g.mul(x, ones()), g.div(x, ones())), g.add(signed, g.constant(tensor([0, 0, 0]))));
  expect(decode(exportOnnx({ x }, { sum })).graph?.initializer).toHaveLength(3);
});

it("outputs may be inputs, constants and each other", () => {
  const { graph } = decode(exportOnnx({ x, w }, { same: x, a: y, b: y, fixed: g.constant(tensor([7])) }));
  const identities = graph?.node.filter(({ opType }) => opType === "Identity").map(({ input, output }) => [input[0], output[0]]);
  expect(identities).toEqual([
    ["x", "same"],
    ["a", "b"],
    [graph?.initializer[0].name, "fixed"],
  ]);
});

it("own names never meet those that the caller gave", () => {
  const { graph } = decode(exportOnnx({ _0: x, _1: w }, { _2: y }));
  const written = graph?.node.flatMap(({ output }) => output) ?? [];
  expect(written).toContain("_2");
  expect(new Set([...written, "_0", "_1"]).size).toBe(written.length + 2);
});

it("what an ONNX model cannot be is refused in words", () => {
  expect(() => exportOnnx({ x }, { y })).toThrow(/the outputs need Input "w" float32\[4,3\]/);
  expect(() => exportOnnx({ x, w }, { x: y })).toThrow(/"x" names an input and an output/);
});

it("operators that ONNX lacks are written in those that it has", () => {
  const image = g.input("image", [1, 2, 6, 6]);
  const kernel = g.input("kernel", [3, 2, 3, 3]);
  const loss = g.sum(g.square(g.maxPool(g.relu(g.conv(image, kernel)), 2)));
  const { graph } = decode(exportOnnx({ image, kernel }, Object.fromEntries(g.grad(loss, [image, kernel]).map((v, i) => [`d${i}`, v]))));
  const types = new Set(graph?.node.map(({ opType }) => opType));
  for (const ours of ["Step", "MaxPoolGrad", "ConvWeightGradient", "ScatterRows", "StopGradient"]) expect(types).not.toContain(ours);
  expect(types).toContain("ConvTranspose");
});
