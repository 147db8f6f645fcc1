/** Files that leave the shape of an example open, and files that take images flattened. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import run, { type EvaluateInput } from "../../src/cli/jobs/evaluate.ts";
import { encodeNpz } from "../../src/data/index.ts";
import { openModel, runTraining, type TrainingRequest } from "../../src/runs/index.ts";
import { cast, key, tensor, uniform } from "../../src/tensor/index.ts";
import { floats, modelBytes, node, port } from "../onnx/models.ts";

const folder = mkdtempSync(join(tmpdir(), "saddle-test-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const [count, shape, classes] = [48, [1, 4, 3], 3];
const x = cast(uniform(key(1), [count, ...shape]), "float32");
const y = tensor(
  Array.from({ length: count }, (_, i) => i % classes),
  [count],
  "int32",
);
writeFileSync(join(folder, "data.npz"), encodeNpz({ x, y }));
const weight = floats("w", [12, classes], Array.from(uniform(key(2), [36], -1, 1).data));
const file = (name: string, input: (string | number)[], operators = [node("Flatten", ["x"], ["f"]), node("MatMul", ["f", "w"], ["y"])]) => {
  const bytes = modelBytes({ node: operators, initializer: [weight], input: [port("x", input)], output: [port("y", ["N", classes])] });
  writeFileSync(join(folder, name), bytes);
  return join(folder, name);
};
const open = file("open.onnx", ["N", "C", "H", "W"]);
const flat = file("flat.onnx", ["N", 12], [node("MatMul", ["x", "w"], ["y"])]);
const start = (given: Partial<EvaluateInput>) =>
  run(
    {
      target: open,
      weights: "best",
      data: `npz:${join(folder, "data.npz")}`,
      attacks: ["fgsm"],
      norm: "linf",
      eps: 0.05,
      batch: 16,
      seed: 0,
      threads: 1,
      diagnosis: false,
      out: join(folder, "out"),
      ...given,
    },
    { emit: () => {}, signal: new AbortController().signal },
  );

const request: TrainingRequest = {
  data: `npz:${join(folder, "data.npz")}`,
  validation: 8,
  augment: "none",
  model: open,
  inputShape: shape,
  defense: "pgd",
  norm: "linf",
  eps: 0.05,
  steps: 2,
  attackMode: "inference",
  warmup: 0,
  epochs: 1,
  batch: 16,
  optimizer: "sgd",
  rate: 0.01,
  schedule: "constant",
  momentum: 0,
  nesterov: false,
  weightDecay: 0,
  seed: 1,
  threads: 1,
  checkpointSeconds: 10,
};
const quiet = { emit: () => {}, signal: new AbortController().signal };

it("evaluate wants the shape that a file leaves open, and says how to give it", async () => {
  await expect(start({})).rejects.toThrow(
    'the file leaves the shape of an example open (it tells [C,H,W] for "x"): give it as inputShape (--input-shape 3,224,224)',
  );
  await expect(start({ inputShape: [1, 3, 5] })).rejects.toThrow(/MatMul/);
  const result = await start({ inputShape: shape });
  expect([result.examples, result.soundness.witnesses > 0]).toEqual([count, true]);
});

it("vectors as long as the images are these, flattened: the bounds are those of images", async () => {
  const { model, notes } = openModel(flat, { data: { shape, bounds: [0, 1] } });
  expect([model.network.inputShape, model.network.domain, notes]).toEqual([shape, { low: 0, high: 1 }, []]);
  expect(await start({ target: flat })).toMatchObject({ clean: (await start({ inputShape: shape })).clean });
  const table = openModel(flat, { data: { shape: [12], bounds: [-2, 5] } });
  expect([table.model.network.inputShape, table.model.network.domain]).toEqual([[12], { low: -2, high: 5 }]);
  expect(table.notes).toEqual(["the file does not tell the bounds of its inputs; those of the data, -2 to 5, are taken"]);
});

it("of several outputs the one that is named counts", async () => {
  const both = [node("MatMul", ["x", "w"], ["y"]), node("Neg", ["y"], ["z"])];
  const bytes = modelBytes({
    node: both,
    initializer: [weight],
    input: [port("x", ["N", 12])],
    output: [port("y", ["N", classes]), port("z", ["N", classes])],
  });
  const target = join(folder, "two.onnx");
  writeFileSync(target, bytes);
  await expect(start({ target })).rejects.toThrow(
    'several outputs ("y", "z"): name the one that holds the scores of the classes (--output y)',
  );
  const [y, z] = [await start({ target, output: "y" }), await start({ target, output: "z" })];
  expect(y.clean).toEqual((await start({ target: flat })).clean);
  expect(z.clean.count).not.toBe(y.clean.count);
});

it("a file through which no gradient passes is attacked as a black box, and not trained", async () => {
  const target = file("floor.onnx", ["N", 12], [node("Floor", ["x"], ["f"]), node("MatMul", ["f", "w"], ["y"])]);
  const { notes } = await start({ target, attacks: ["square"], queries: 20 });
  expect(notes).toContain("no gradient passes through Floor: the file is run as it is and attacked as a black box");
  const asked = { ...request, model: target, inputShape: undefined };
  await expect(runTraining(join(folder, "floored"), asked, quiet)).rejects.toThrow(
    /no gradient passes through Floor, so .*floor.onnx cannot be trained/,
  );
});

it("a run keeps the shape that it was given", async () => {
  await runTraining(join(folder, "run"), request, quiet);
  expect(openModel(join(folder, "run")).model.network.inputShape).toEqual(shape);
  expect((await start({ target: join(folder, "run"), out: join(folder, "run out") })).examples).toBe(count);
  await expect(runTraining(join(folder, "lost"), { ...request, inputShape: undefined }, quiet)).rejects.toThrow("--input-shape");
});
