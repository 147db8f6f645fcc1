/** Classifiers exported by PyTorch (test/fixtures/models.py): logits and gradients in inputs and parameters against PyTorch's own. */
import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { decodeNpz } from "../../src/data/npy.ts";
import { constant, evaluate, grad, input, logSoftmax, mul, neg, oneHot, sum, transpose, type Value } from "../../src/graph/index.ts";
import { exportImported, type ImportedModel, importModel } from "../../src/models/imported.ts";
import { readOnnx } from "../../src/onnx/index.ts";
import { compile } from "../../src/runtime/index.ts";
import { cast, key, normal, type Tensor, tensor, toFloat64, uniform, zeros } from "../../src/tensor/index.ts";
import { floats, int64s, integer, listOfFloats, mapsOf, modelBytes, node, port } from "../onnx/models.ts";

const fixture = (name: string) => new URL(`../fixtures/models/${name}`, import.meta.url);
const bytesOf = (name: string) => new Uint8Array(readFileSync(fixture(`${name}.onnx`)));
const load = (name: string) => importModel(readOnnx(bytesOf(name)));
const expectations = (name: string) => decodeNpz(new Uint8Array(readFileSync(fixture(`${name}.npz`))), name);

/** ‖a − b‖∞ relative to b's largest component. */
function distance(a: Tensor, b: Tensor): number {
  const [x, y] = [toFloat64(a), toFloat64(b)];
  expect(a.shape).toEqual(b.shape);
  const top = y.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
  return x.reduce((m, v, i) => Math.max(m, Math.abs(v - y[i])), 0) / top;
}

/** Logits and the gradients of the summed cross-entropy in x and in every trained weight. */
function losses({ network, weights }: ImportedModel, x: Value, y: Tensor) {
  const values = Object.fromEntries(Object.entries(weights).map(([name, { shape }]) => [name, input(name, shape)]));
  const { logits } = network.apply(x, values);
  const loss = neg(sum(mul(logSoftmax(logits), oneHot(constant(y), network.classes))));
  const trained = Object.keys(weights).filter((name) => network.weights[name].role === "trained");
  const [dx, ...dw] = grad(loss, [x, ...trained.map((name) => values[name])]);
  return { inputs: { x, ...values }, outputs: { logits, dx, ...Object.fromEntries(trained.map((name, i) => [`d:${name}`, dw[i]])) } };
}

/** Logits by the reference rules, with the model's own weights. */
function logitsAt({ network, weights }: ImportedModel, data: Tensor): Tensor {
  const values = Object.fromEntries(Object.entries(weights).map(([name, weight]) => [name, constant(weight)]));
  return evaluate([network.apply(input("x", data.shape), values).logits], { x: data })[0];
}

/** Parameters that are not weight, bias or scale of a layer. */
const untrained: Readonly<Record<string, readonly string[]>> = { "vit-14": ["token", "positions"], "vit-17": ["token", "positions"] };

describe("models exported by PyTorch", () => {
  it.each(["mlp", "cnn", "cnn-batch-1", "resnet", "vit-14", "vit-17", "binary"])("%s has PyTorch's gradients", async (name) => {
    const model = load(name);
    const expected = expectations(name);
    const x = input("x", expected.x.shape);
    const { inputs, outputs } = losses(model, x, expected.y);
    const feeds = { x: cast(expected.x, "float32"), ...model.weights };
    const exact = evaluate(Object.values(outputs), feeds);
    const program = await compile(inputs, outputs);
    const fast = await program.run(feeds);
    await program.release();
    const parameters = Object.keys(expected).filter((key) => key.startsWith("d:") && !untrained[name]?.includes(key.slice(2)));
    expect(
      Object.keys(outputs)
        .filter((key) => key.startsWith("d:"))
        .sort(),
    ).toEqual(parameters.sort());
    for (const [i, key] of Object.keys(outputs).entries()) {
      expect(distance(exact[i], expected[key]), `${key} by the reference rules`).toBeLessThan(1e-7); // the file has √2, ε, … in float32
      const own = toFloat64(expected[key.replace(/^d/, "d32")] ?? zeros([]))[0];
      expect(distance(fast[key as "dx"], expected[key]), `${key} on the runtime`).toBeLessThan(Math.max(1e-5, 10 * own));
    }
  });

  it("float16 weights are taken as float32", () => {
    const model = load("cnn-half");
    const expected = expectations("cnn");
    const x = input("x", expected.x.shape);
    const { outputs } = losses(model, x, expected.y);
    const [logits] = evaluate([outputs.logits], { x: cast(expected.x, "float32"), ...model.weights });
    expect(Object.values(model.network.weights).map(({ role }) => role)).toEqual(Array(6).fill("trained"));
    expect(model.notes).toEqual(["numbers of float16 are computed with in float32, and written back as they were"]);
    const again = importModel(readOnnx(exportImported(model, model.weights)));
    expect(again.weights).toEqual(model.weights);
    expect([...again.file.elementTypes.values()].filter((type) => type === "float16").length).toBe(6);
    expect(distance(logits, expected.logits)).toBeLessThan(2e-3);
    expect(distance(logits, expected.logits)).toBeGreaterThan(1e-6);
  });

  it("a Keras model turns channels, scales pixels and loses its softmax", async () => {
    const model = load("keras");
    const expected = expectations("keras");
    expect(model.network.inputShape).toEqual([3, 12, 12]);
    expect(model.network.domain).toEqual({ low: 0, high: 1 });
    expect(model.notes).toEqual([
      "the file takes channels last; the model takes channels first and turns them",
      expect.stringContaining("Div 255, which fits pixels of 0 to 255; the model takes 0 to 1 and multiplies by 255"),
      expect.stringContaining("the file ends in Softmax"),
    ]);
    const x = input("x", [4, 3, 12, 12]);
    const { outputs } = losses(model, x, expected.y);
    const first = (t: Tensor, factor: number) => evaluate([transpose(mul(constant(t), factor), [0, 3, 1, 2])])[0];
    const [logits, dx] = evaluate([outputs.logits, outputs.dx], { x: cast(first(expected.x, 1 / 255), "float64"), ...model.weights });
    expect(distance(logits, expected.logits)).toBeLessThan(1e-6);
    expect(distance(dx, first(expected.dx, 255))).toBeLessThan(1e-6);
  });
});

describe("scikit-learn's multi-layer perceptrons", () => {
  const weights = (name: string, shape: readonly number[]) => floats(name, shape, [...normal(key(9).fold(name), shape).data]);
  const layers = (outputs: number) => ({
    node: [
      node("Scaler", ["x"], ["scaled"], [listOfFloats("offset", [1, 2, 3, 4]), listOfFloats("scale", [0.5, 0.5, 2, 2])], "ai.onnx.ml"),
      node("MatMul", ["scaled", "w1"], ["m1"]),
      node("Add", ["m1", "b1"], ["a1"]),
      node("Relu", ["a1"], ["h1"]),
      node("MatMul", ["h1", "w2"], ["m2"]),
      node("Add", ["m2", "b2"], ["z"]),
    ],
    initializer: [
      weights("w1", [4, 5]),
      weights("b1", [5]),
      weights("w2", [5, outputs]),
      weights("b2", [1, outputs]),
      floats("one", [], [1]),
    ],
    output: [port("label", ["N"], 7), mapsOf("probabilities")],
  });
  const ending = [
    node("ArgMax", ["p"], ["best"], [integer("axis", 1)]),
    node("ArrayFeatureExtractor", ["classes", "best"], ["label"], [], "ai.onnx.ml"),
    node("ZipMap", ["p"], ["probabilities"], [], "ai.onnx.ml"),
  ];
  const opsetImport = [{ version: 15n }, { domain: "ai.onnx.ml", version: 1n }];
  const x = tensor([1, 2, 3, 4, -1, 0, 2, 5], [2, 4]);

  it("of several classes lose softmax, labels and maps", () => {
    const { node: nodes, initializer, output } = layers(3);
    const softmax = node("Softmax", ["z"], ["p"], [integer("axis", 1)]);
    const bytes = modelBytes(
      { node: [...nodes, softmax, ...ending], initializer: [...initializer, int64s("classes", [3], [0, 1, 2])], output },
      { opsetImport },
    );
    const model = importModel(readOnnx(bytes));
    expect(Object.keys(model.weights)).toEqual(["w1", "b1", "w2", "b2"]);
    expect(model.network).toMatchObject({ classes: 3, domain: { low: -Infinity, high: Infinity }, inputShape: [4] });
    const [z] = evaluate([model.file.build({ x: input("x", [2, 4]) }, {}, ["z"]).z], { x });
    expect([...logitsAt(model, x).data]).toEqual([...z.data]);
  });

  it("of two classes have the logits 0 and what enters the sigmoid", () => {
    const { node: nodes, initializer, output } = layers(1);
    const sigmoid = [
      node("Sigmoid", ["z"], ["s"]),
      node("Sub", ["one", "s"], ["c"]),
      node("Concat", ["c", "s"], ["p"], [integer("axis", 1)]),
    ];
    const bytes = modelBytes(
      { node: [...nodes, ...sigmoid, ...ending], initializer: [...initializer, int64s("classes", [2], [0, 1])], output },
      { opsetImport },
    );
    const model = importModel(readOnnx(bytes));
    const [z] = evaluate([model.file.build({ x: input("x", [2, 4]) }, {}, ["z"]).z], { x });
    expect([...logitsAt(model, x).data]).toEqual([0, z.data[0], 0, z.data[1]]);
  });
});

describe("roles", () => {
  it("mean and deviation of the data are fixed, statistics of batch normalization are not trained", () => {
    const mlp = load("mlp");
    expect(Object.keys(mlp.network.weights)).toEqual([1, 3, 5].flatMap((i) => [`layers.${i}.weight`, `layers.${i}.bias`]));
    expect(mlp.guess.reason).toBe("the file begins with Sub 0.1307, Div 0.3081, which fits pixels of 0 to 1");
    const resnet = load("resnet");
    const statistics = Object.keys(resnet.network.weights).filter((name) => resnet.network.weights[name].role === "statistic");
    expect(statistics.length).toBe(12);
    expect(statistics.every((name) => /running_(mean|var)$/.test(name))).toBe(true);
  });
});

describe("export of an imported model", () => {
  it("keeps everything but the replaced numbers", () => {
    const model = load("resnet");
    const same = exportImported(model, model.weights);
    expect(readOnnx(same).nodes.map(({ name }) => name)).toEqual(model.file.nodes.map(({ name }) => name));
    const [name] = Object.keys(model.weights);
    const changed = importModel(readOnnx(exportImported(model, { [name]: zeros(model.weights[name].shape) })));
    expect(changed.weights[name].data.every((v) => v === 0)).toBe(true);
    const others = Object.keys(model.weights).slice(1);
    expect(others.every((other) => String(changed.weights[other].data) === String(model.weights[other].data))).toBe(true);
  });

  it.skipIf(spawnSync("/usr/bin/python3", ["-c", "import onnx"]).status !== 0)(
    "passes ONNX's checker (skipped without python3-onnx)",
    () => {
      const model = importModel(load("cnn").file, { mean: [0.5], deviation: [0.25] });
      const script = "import onnx, sys; onnx.checker.check_model(onnx.load_from_string(sys.stdin.buffer.read()), full_check=True)";
      execFileSync("/usr/bin/python3", ["-c", script], { input: exportImported(model, model.weights), stdio: ["pipe", "pipe", "pipe"] });
    },
  );

  it("refuses what is not in the file or has another shape", () => {
    const model = load("resnet");
    const [name] = Object.keys(model.weights);
    expect(() => exportImported(model, { nothing: zeros([1]) })).toThrow('no initializer "nothing"');
    expect(() => exportImported(model, { [name]: zeros([1]) })).toThrow(`[1] cannot take the place of "${name}"`);
  });
});

describe("options", () => {
  it("images go into a file that takes them flattened, normalized or not", () => {
    const bytes = modelBytes({
      input: [port("x", ["N", 12])],
      output: [port("y", ["N", 3])],
      node: [node("MatMul", ["x", "w"], ["y"])],
      initializer: [floats("w", [12, 3], [...normal(key(8), [12, 3]).data])],
    });
    const x = cast(uniform(key(7), [2, 3, 2, 2]), "float32");
    const plain = importModel(readOnnx(bytes), { inputShape: [3, 2, 2] });
    expect(plain.network).toMatchObject({ inputShape: [3, 2, 2], domain: { low: 0, high: 1 } });
    const flat = importModel(readOnnx(bytes), { domain: { low: 0, high: 1 } });
    expect([...logitsAt(plain, x).data]).toEqual([...logitsAt(flat, { ...x, shape: [2, 12] }).data]);
    const baked = importModel(readOnnx(bytes), { inputShape: [3, 2, 2], mean: [0.1, 0.2, 0.3], deviation: [1, 2, 4] });
    const standardized = x.data.map((v, i) => (v - [0.1, 0.2, 0.3][Math.floor(i / 4) % 3]) / [1, 2, 4][Math.floor(i / 4) % 3]);
    expect(distance(logitsAt(baked, x), logitsAt(plain, tensor(standardized, x.shape)))).toBeLessThan(1e-6);
    const same = importModel(readOnnx(bytes), { inputShape: [3, 2, 2], mean: [0], deviation: [1] });
    expect([...logitsAt(same, x).data]).toEqual([...logitsAt(plain, x).data]);
    const again = importModel(readOnnx(exportImported(baked, baked.weights)), { inputShape: [3, 2, 2] });
    expect(distance(logitsAt(again, x), logitsAt(baked, x))).toBeLessThan(1e-12);
    expect(() => importModel(readOnnx(bytes), { inputShape: [1, 28, 28] })).toThrow("[1,28,28] do not fit the file, which takes [12]");
  });

  it("mean and deviation also stand in front of what has its channels last", () => {
    const options = { mean: [0.1, 0.2, 0.3], deviation: [1, 2, 3] };
    const baked = importModel(load("keras").file, options);
    const again = importModel(readOnnx(exportImported(baked, baked.weights)), { domain: { low: 0, high: 1 } });
    const x = cast(uniform(key(6), [2, 3, 12, 12]), "float32");
    expect(distance(logitsAt(again, x), logitsAt(baked, x))).toBeLessThan(1e-12);
  });

  it("mean and deviation move into the model", () => {
    const plain = load("cnn");
    const baked = importModel(plain.file, { mean: [0.25], deviation: [0.5] });
    const x = expectations("cnn").x;
    const moved = tensor(
      toFloat64(x).map((v) => v * 0.5 + 0.25),
      x.shape,
      "float64",
    );
    expect(distance(logitsAt(baked, moved), logitsAt(plain, x))).toBeLessThan(1e-6);
    const again = importModel(readOnnx(exportImported(baked, baked.weights)));
    expect(again.guess.reason).toBe("the file begins with Sub 0.25, Div 0.5, which fits pixels of 0 to 1");
    expect(distance(logitsAt(again, moved), logitsAt(plain, x))).toBeLessThan(1e-6);
    expect(() => importModel(plain.file, { deviation: [0] })).toThrow("deviations are positive");
    expect(() => importModel(plain.file, { mean: [1, 2] })).toThrow("2 numbers as mean do not fit 1 channels");
  });
});
