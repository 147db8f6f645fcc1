/**
 * Adversarial training of your own model as a stochastic differential equation: does the SDE follow the training, and what does the adversary add?
 * Run it with `npx tsx examples/continuous-time.ts`.
 */
import { pathToFileURL } from "node:url";
import {
  brownianPaths,
  classifierLearner,
  flattenWeights,
  observe,
  penalized,
  sdeOf,
  simulate,
  trainCopies,
} from "../src/analysis/index.ts";
import { architecture } from "../src/models/index.ts";
import { key, normal, tensor } from "../src/tensor/index.ts";

const average = (values: Float64Array) => values.reduce((sum, v) => sum + v, 0) / values.length;

export async function example(copies = 200) {
  // A model and data: two noisy classes in the plane. Any Model will do, also one read from an ONNX file.
  const N = 32;
  const model = architecture("mlp", { inputShape: [2], classes: 2, width: 6, activation: "tanh" }).initialize(key(1));
  const points = normal(key(2), [N, 2]);
  const labels = Array.from({ length: N }, (_, i) => (points.data[2 * i] > Math.sin(points.data[2 * i + 1]) ? 1 : 0));
  const data = { x: points, y: tensor(labels, [N], "int32") };

  const learner = classifierLearner(model);
  const start = flattenWeights(learner, model.weights);
  const adversary = { α: 0.2, K: 2 };
  const rule = { η: 0.1, batch: 4, adversary, copies };
  const horizon = 5;

  // Adversarial training, many times over, and its order-2 SDE, as many paths.
  const training = await trainCopies(learner, data, start, { ...rule, steps: horizon / rule.η, key: key(3) });
  const equation = await sdeOf(learner, data, { ...rule, approximation: "order 2" });
  const noise = brownianPaths(key(4), { paths: copies, sources: equation.sources, steps: 10 * (horizon / rule.η), horizon });
  const diffusion = await simulate(equation, start, noise);
  await equation.release();

  // Plain SGD, and SGD on the loss that the adversary descends to first order, L + KαG.
  const sgd = await trainCopies(learner, data, start, { ...rule, adversary: undefined, steps: horizon / rule.η, key: key(3) });
  const modified = await trainCopies(penalized(learner, adversary), data, start, {
    ...rule,
    adversary: undefined,
    steps: horizon / rule.η,
    key: key(3),
  });

  const results = [];
  for (const [name, runs] of Object.entries({
    "adversarial training": training,
    "its SDE": diffusion,
    SGD: sgd,
    "SGD on L + KαG": modified,
  })) {
    const { loss, vulnerability } = await observe(learner, data, runs[1].X);
    results.push({ name, loss: average(loss), vulnerability: average(vulnerability) });
  }
  return results;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) console.table(await example());
