/**
 * What a training step of each defense costs beside one of PGD-10, and what it should cost by its gradients: `npx tsx bench/defenses.ts [threads]`.
 * Small-cnn, batch 128, steps interleaved, medians. Should: gradients of the attack + 1.5 for a weight step (which differentiates the weights
 * too), where two predictions are differentiated twice that, and for awp once more.
 */
import { architecture } from "../src/models/index.ts";
import { cast, integers, key, tensor, uniform } from "../src/tensor/index.ts";
import {
  awp,
  compileUpdate,
  curriculum,
  type Defense,
  dynamic,
  free,
  globalSpectral,
  initialState,
  inputGradient,
  mart,
  none,
  operatorNorm,
  pgdTraining,
  sgd,
  trades,
} from "../src/training/index.ts";
import { median } from "./workloads.ts";

const threads = Number(process.argv[2] ?? 2);
const rounds = Number(process.argv[3] ?? 5);
const batchSize = 128;
const network = architecture("small-cnn");
const model = network.initialize(key(0));
const x = cast(uniform(key(1), [batchSize, 1, 28, 28]), "float32");
const y = tensor(integers(key(2), batchSize, 10), [batchSize], "int32");
const budget = { epsilon: 0.3, steps: 10 };

/** Weight steps in units of one, beside the gradients that the attack reports. */
const defenses: readonly [name: string, defense: Defense, epoch: number, weightSteps: number][] = [
  ["none", none(), 0, 1],
  ["pgd-10", pgdTraining(budget), 0, 1],
  ["fgsm-rs", pgdTraining({ ...budget, steps: 1 }), 0, 1],
  ["dynamic, everyone stops", dynamic({ ...budget, maximum: 1e9, controlEpochs: 10 }), 0, 1],
  ["dynamic, c_t = 0", dynamic({ ...budget, controlEpochs: 10 }), 10, 1],
  ["trades", trades(budget), 0, 2],
  ["mart", mart(budget), 0, 2],
  ["awp-pgd", awp(pgdTraining(budget)), 0, 2],
  ["awp-trades", awp(trades(budget)), 0, 4],
  ["curriculum, first lesson", curriculum(budget), 0, 1],
  ["operator-norm, 10 iterations", operatorNorm({ epsilon: 1.5, iterations: 10 }), 0, 2],
  ["global-spectral", globalSpectral({ lambda: 3e-4 }), 0, 1],
  ["input-gradient", inputGradient({ lambda: 0.1 }), 0, 2],
  ["free, 8 replays", free({ epsilon: 0.3, replays: 8 }), 0, 8],
];
const WEIGHT_STEP = 1.5;

const runs = [];
for (const [name, defense, epoch, weightSteps] of defenses) {
  const prepared = await defense.prepare({ network, batchSize, epochs: 12, runtime: { threads } });
  const optimizer = sgd({ momentum: 0.9 });
  const update = await compileUpdate(network, prepared, { batchSize, optimizer }, { threads });
  const state = initialState(model, { optimizer });
  let gradients = 0;
  const step = async () => {
    gradients = 0;
    for (let replay = 0; replay < (prepared.replays ?? 1); replay++) {
      const batch = { x, y, indices: new Int32Array(batchSize), epoch, replay, key: key(3) };
      const { feeds, gradientEvaluations } = await prepared.craft(batch, state.weights);
      const crafted = Object.fromEntries(Object.entries(feeds).map(([input, value]) => [`crafted/${input}`, value]));
      const result = await update.run(state, { x, labels: y, ...crafted }, 0, 1);
      prepared.observe?.(result);
      gradients += gradientEvaluations;
    }
    // awp counts its own gradient of the weights, which is a weight step's here.
    if (name.startsWith("awp")) gradients--;
    return gradients + WEIGHT_STEP * weightSteps;
  };
  await step();
  runs.push({ name, step, times: [] as number[], should: 0 });
}
for (let round = 0; round < rounds; round++)
  for (const run of runs) {
    const began = performance.now();
    run.should = await run.step();
    run.times.push(performance.now() - began);
  }
const reference = runs.find(({ name }) => name === "pgd-10") ?? runs[0];
console.log(`| defense | ms a step | of PGD-10 | should be |\n|---|---|---|---|`);
for (const { name, times, should } of runs)
  console.log(
    `| ${name} | ${median(times).toFixed(0)} | ${(median(times) / median(reference.times)).toFixed(2)} | ${(should / reference.should).toFixed(2)} |`,
  );
