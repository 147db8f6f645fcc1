/** An ONNX classifier with batch normalization as the start of adversarial training. */
import { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import { expect, it } from "vitest";
import { modelOracle, pgd, runAttack } from "../../src/attacks/index.ts";
import { digits, take, whole } from "../../src/data/index.ts";
import {
  assemble,
  conv,
  exportImported,
  exportModel,
  flatten,
  importModel,
  linear,
  type Model,
  norm,
  relu,
  sequential,
  weightNames,
} from "../../src/models/index.ts";
import { readOnnx } from "../../src/onnx/index.ts";
import { key } from "../../src/tensor/index.ts";
import { adam, type Defense, fgsmRs, none, train } from "../../src/training/index.ts";

const data = digits({ count: 2000 });
const test = whole(take(digits({ split: "test" }), 100));
const threat = { norm: "linf", epsilon: 0.15 } as const;

async function trained(model: Model, defense: Defense, epochs: number): Promise<Model> {
  let weights = model.weights;
  const options = { defense, optimizer: adam(), schedule: () => 2e-3, epochs, batchSize: 50, key: key(3) };
  for await (const event of train(model, data, options)) if (event.type === "end") weights = event.weights;
  return { network: model.network, weights };
}

async function robustAccuracy(model: Model): Promise<number> {
  const { success } = await runAttack(modelOracle(model), pgd({ steps: 5 }), { x: test.x, labels: test.y.data }, threat, { key: key(4) });
  return 1 - success.reduce((a, b) => a + b, 0) / success.length;
}

it("robust accuracy rises, normalization stays bit for bit, the export loads", async () => {
  const layers = sequential(
    conv(8, 4, { stride: 2, padding: 1, bias: false }),
    norm(),
    relu,
    conv(16, 4, { stride: 2, padding: 1 }),
    norm(),
    relu,
    flatten,
    linear(10),
  );
  const start = await trained(assemble("with-norm", layers, { inputShape: [1, 28, 28], classes: 10 }).initialize(key(1)), none(), 2);
  const imported = importModel(readOnnx(exportModel(start)));
  const tuned = await trained(imported, fgsmRs({ epsilon: threat.epsilon }), 3);
  const [before, after] = [await robustAccuracy(imported), await robustAccuracy(tuned)];
  expect(after).toBeGreaterThan(before + 0.2);
  const statistics = weightNames(imported.network, "statistic");
  expect(statistics.length).toBe(4);
  for (const name of statistics) expect([...tuned.weights[name].data]).toEqual([...imported.weights[name].data]);
  const bytes = exportImported(imported, tuned.weights);
  const session = await InferenceSession.create(bytes);
  const x = test.x.data.slice(0, 784 * 3);
  const { logits } = await session.run({ input: new OrtTensor("float32", x, [3, 1, 28, 28]) });
  await session.release();
  const again = await robustAccuracy(importModel(readOnnx(bytes)));
  expect(logits.dims).toEqual([3, 10]);
  expect(again).toBe(after);
});
