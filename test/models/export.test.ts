/** Our own models as files: the same numbers at any batch size, accepted by ONNX's checker and a plain ONNX Runtime session. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import { afterAll, describe, expect, it } from "vitest";
import { add, evaluate, expand, input, matMul, mul, reduceSum, reshape, type Value } from "../../src/graph/index.ts";
import { architecture, architectureNames } from "../../src/models/architectures.ts";
import { exportModel } from "../../src/models/export.ts";
import { importModel } from "../../src/models/imported.ts";
import type { Model } from "../../src/models/model.ts";
import { readOnnx } from "../../src/onnx/index.ts";
import { cast, key, type Tensor, tensor, uniform } from "../../src/tensor/index.ts";

const folder = mkdtempSync(join(tmpdir(), "onnx-export-"));
afterAll(() => rmSync(folder, { recursive: true }));
const checker = spawnSync("/usr/bin/python3", ["-c", "import onnx"]).status === 0;

async function plainSession(bytes: Uint8Array, x: Tensor<"float32">): Promise<Float32Array> {
  const session = await InferenceSession.create(bytes);
  expect(session.inputNames).toEqual(["input"]);
  const { logits } = await session.run({ input: new OrtTensor("float32", x.data, [...x.shape]) });
  await session.release();
  return logits.data as Float32Array;
}

function logitsOf({ network, weights }: Model, x: Tensor): Tensor<"float64"> {
  const values = Object.fromEntries(Object.entries(weights).map(([name, { shape }]) => [name, input(name, shape)]));
  return evaluate([network.apply(input("x", x.shape), values).logits], { x, ...weights })[0];
}

function expectClose(a: ArrayLike<number>, b: Float64Array, tolerance: number) {
  const top = b.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
  expect(a.length).toBe(b.length);
  b.forEach((v, i) => {
    expect(Math.abs(a[i] - v)).toBeLessThan(tolerance * top);
  });
}

/** Rows of the leading axis, one after the other. */
const row = (x: Tensor<"float32">, i: number): Tensor<"float32"> =>
  tensor(x.data.slice((i * x.data.length) / x.shape[0], ((i + 1) * x.data.length) / x.shape[0]), [1, ...x.shape.slice(1)]);

describe.each(architectureNames)("%s", (name) => {
  const model = architecture(name, { width: { "preact-resnet-18": 4, "wide-resnet-34-10": 1 }[name] ?? 32, depth: 10 }).initialize(key(1));
  const bytes = exportModel(model);
  const x = cast(uniform(key(2), [37, ...model.network.inputShape]), "float32");

  it("computes the same for 1 and 37 examples in a plain session", async () => {
    const many = await plainSession(bytes, x);
    const single = await plainSession(bytes, row(x, 5));
    const { classes } = model.network;
    expectClose(single, logitsOf(model, row(x, 5)).data, 1e-5);
    expectClose(many.slice(5 * classes, 6 * classes), Float64Array.from(single), 1e-5);
  });

  it("comes back with its names, weights and domain", () => {
    const back = importModel(readOnnx(bytes));
    const trained = (m: Model) => Object.keys(m.weights).sort();
    expect(trained(back)).toEqual(trained(model));
    for (const weight of trained(model)) {
      expect(back.weights[weight].data.every((v, i) => v === model.weights[weight].data[i])).toBe(true);
      const { shape, role } = model.network.weights[weight];
      // A file does not tell that a layer is not to be trained.
      expect(back.network.weights[weight]).toEqual({ shape, role: role === "fixed" ? "trained" : role });
    }
    expect(back.network.domain).toEqual(model.network.domain);
    expect(back.network.inputShape).toEqual(model.network.inputShape);
  });

  it.skipIf(!checker)("passes ONNX's checker (skipped without python3-onnx)", () => {
    const path = join(folder, `${name}.onnx`);
    writeFileSync(path, bytes);
    const script =
      "import onnx, sys; m = onnx.load(sys.argv[1]); onnx.checker.check_model(m, full_check=True); onnx.shape_inference.infer_shapes(m, strict_mode=True)";
    execFileSync("/usr/bin/python3", ["-c", script, path], { stdio: "pipe" });
  });
});

describe("batch sizes inside a network", () => {
  const own = (apply: (x: Value, w: Value) => Value): Model => ({
    network: {
      name: "own",
      inputShape: [4],
      domain: { low: -2, high: 3 },
      classes: 3,
      weights: { w: { shape: [4, 3], role: "trained" } },
      apply: (x, { w }) => ({ logits: apply(x, w), statistics: {} }),
    },
    weights: { w: cast(uniform(key(4), [4, 3]), "float32") },
  });

  it("are freed in every shape that holds them", async () => {
    const model = own((x, w) => {
      const [n] = x.shape;
      const twice = reshape(expand(reshape(matMul(x, w), [1, n, 3]), [2, n, 3]), [2 * n, 3]);
      return reduceSum(reshape(twice, [2, n, 3]), [0]);
    });
    const x = cast(uniform(key(5), [37, 4]), "float32");
    expectClose(await plainSession(exportModel(model), x), logitsOf(model, x).data, 1e-6);
    expect(importModel(readOnnx(exportModel(model))).network.domain).toEqual({ low: -2, high: 3 });
  });

  it("that are part of the numbers are refused", () => {
    const scaled = own((x, w) => mul(matMul(x, w), 1 / x.shape[0]));
    expect(() => exportModel(scaled)).toThrow("that depends on the batch size");
    const other = own((x, w) => (x.shape[0] > 7919 ? add(matMul(x, w), 1) : matMul(x, w)));
    expect(() => exportModel(other)).toThrow("computes otherwise for another batch size");
  });
});
