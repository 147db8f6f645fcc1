import { describe, expect, it } from "vitest";
import { pgd } from "../../src/attacks/index.ts";
import { dataset } from "../../src/data/index.ts";
import { assemble, conv, flatten, linear, type Model, maxPool, norm, relu, sequential } from "../../src/models/index.ts";
import { key, type Tensor, tensor, uniform } from "../../src/tensor/index.ts";
import {
  adam,
  type Checkpoint,
  compileUpdate,
  curriculum,
  decodeCheckpoint,
  dynamic,
  encodeCheckpoint,
  free,
  initialState,
  inverseTime,
  none,
  type Optimizer,
  pgdTraining,
  schedule,
  sgd,
  type TrainingEvent,
  type TrainingOptions,
  train,
} from "../../src/training/index.ts";
import { filled, filledWeights, fixture } from "./fixture.ts";

/** conv 3×3, batch normalization, ReLU, pooling, linear: the network of the script. */
const network = assemble("tiny", sequential(conv(3, 3, { padding: 1, bias: false }), norm(), relu, maxPool(2), flatten, linear(4)), {
  inputShape: [1, 6, 6],
  classes: 4,
});
const trained = Object.fromEntries(
  Object.entries(network.weights).flatMap(([name, { shape, role }]) => (role === "trained" ? [[name, shape]] : [])),
);
const fixed: Model = {
  network,
  weights: { ...network.initialize(key(0)).weights, ...filledWeights(trained, 21, 0.5) },
};
const images = { x: filled([6, 1, 6, 6], 20, 0, 1), labels: tensor([0, 1, 2, 3, 1, 2], [6], "int32") };

/** Steps of one compiled update on the script's batch. */
async function steps(optimizer: Optimizer, rate: number, count: number, options: { clipNorm?: number; averageDecay?: number } = {}) {
  const prepared = await none().prepare({ network, batchSize: 6, epochs: 1, runtime: { threads: 1 } });
  const update = await compileUpdate(network, prepared, { batchSize: 6, optimizer, ...options }, { threads: 1 });
  const state = initialState(fixed, { optimizer, ...options });
  const results: { loss: number; gradientNorm: number; weights: Record<string, number[]>; average: Record<string, number[]> }[] = [];
  const copy = (tensors: Readonly<Record<string, Tensor>>) =>
    Object.fromEntries(Object.entries(tensors).map(([name, { data }]) => [name, Array.from(data as Float32Array)]));
  for (let step = 1; step <= count; step++) {
    const { loss, gradientNorm } = await update.run(state, images, rate, step);
    results.push({ loss, gradientNorm, weights: copy(state.weights), average: copy(state.average) });
  }
  await update.release();
  return results;
}

describe("training steps are PyTorch's", () => {
  it.each<[string, Optimizer, number, number | undefined]>([
    ["sgd", sgd({ momentum: 0.9, weightDecay: 0.01 }), 0.1, undefined],
    ["sgd, clipped", sgd(), 0.5, 0.3],
    ["adam", adam(), 0.02, undefined],
  ])("%s: loss, norm of the gradient, running statistics", async (name, optimizer, rate, clipNorm) => {
    const expected = fixture.trainings[name];
    const found = await steps(optimizer, rate, 6, { clipNorm });
    expected.steps.forEach(({ loss, norm }, i) => {
      expect(found[i].loss, `loss of step ${i}`).toBeCloseTo(loss, 5);
      expect(found[i].gradientNorm, `norm of step ${i}`).toBeCloseTo(norm, 4);
    });
    const last = found[found.length - 1].weights;
    expected.mean.forEach((v, i) => {
      expect(last["norm1.mean"][i]).toBeCloseTo(v, 5);
    });
    expected.variance.forEach((v, i) => {
      expect(last["norm1.variance"][i]).toBeCloseTo(v, 5);
    });
  });
});

const flat = (weights: Record<string, number[]>) => Object.keys(trained).flatMap((name) => weights[name]);
const start = flat(Object.fromEntries(Object.entries(fixed.weights).map(([name, { data }]) => [name, Array.from(data as Float32Array)])));

it("a clipped gradient moves the weights by exactly the rate times the limit", async () => {
  const [first] = await steps(sgd(), 0.5, 1, { clipNorm: 0.3 });
  expect(first.gradientNorm).toBeGreaterThan(0.3);
  expect(Math.hypot(...flat(first.weights).map((w, i) => w - start[i]))).toBeCloseTo(0.15, 5);
  const [free] = await steps(sgd(), 0.5, 1, { clipNorm: 100 });
  expect(Math.hypot(...flat(free.weights).map((w, i) => w - start[i]))).toBeCloseTo(0.5 * free.gradientNorm, 5);
});

it("the moving average is (1 − d) Σ dᵏ w of the past weights", async () => {
  const found = await steps(sgd(), 0.3, 3, { averageDecay: 0.8 });
  const [w1, w2, w3] = found.map(({ weights }) => flat(weights));
  flat(found[2].average).forEach((v, i) => {
    expect(v).toBeCloseTo(0.512 * start[i] + 0.2 * (0.64 * w1[i] + 0.8 * w2[i] + w3[i]), 6);
  });
});

const noise = uniform(key(9), [40, 1, 6, 6]);
const data = dataset({
  name: "noise",
  inputs: tensor(noise.data, noise.shape),
  labels: Int32Array.from({ length: 40 }, (_, i) => i % 4),
});
const base: Omit<TrainingOptions, "defense" | "optimizer"> = {
  schedule: schedule("cyclic", { rate: 0.05, epochs: 3 }),
  epochs: 3,
  batchSize: 8,
  key: key(3),
  checkpointSeconds: 0,
  runtime: { threads: 1 },
  validation: { data, attack: pgd({ steps: 2 }), threat: { norm: "linf", epsilon: 0.1 } },
  monitor: {},
};

/** All events; checkpoints as the bytes they had when they were handed out. */
async function run(options: TrainingOptions) {
  const events: Exclude<TrainingEvent, { type: "checkpoint" }>[] = [];
  const saved: Uint8Array[] = [];
  for await (const event of train(fixed, data, options)) {
    if (event.type === "checkpoint") saved.push(encodeCheckpoint(event.checkpoint));
    else events.push(event);
  }
  return { events, saved };
}

const budget = { epsilon: 0.1, steps: 3 };
it("does not go on with what another optimizer kept", async () => {
  const { saved } = await run({ ...base, defense: none(), optimizer: sgd({ momentum: 0.9 }) });
  await expect(run({ ...base, defense: none(), optimizer: adam(), resume: decodeCheckpoint(saved[0]) })).rejects.toThrow(
    /the checkpoint holds "velocity\/.*" where the optimizer keeps "gradients\/.*": it was written with another optimizer/,
  );
  await expect(run({ ...base, defense: none(), optimizer: sgd(), resume: decodeCheckpoint(saved[0]) })).rejects.toThrow(/keeps nothing/);
});

describe("a run that resumes from any of its checkpoints is bit for bit the run that was never stopped", () => {
  it.each<[string, Pick<TrainingOptions, "defense" | "optimizer" | "averageDecay">]>([
    ["SGD with momentum, moving average", { defense: pgdTraining(budget), optimizer: sgd({ momentum: 0.9 }), averageDecay: 0.9 }],
    ["Adam, dynamic", { defense: dynamic({ ...budget, maximum: 0.02 }), optimizer: adam() }],
    ["free: the perturbation goes on", { defense: free({ epsilon: 0.1, replays: 3 }), optimizer: adam() }],
    ["curriculum: the lesson goes on", { defense: curriculum({ ...budget, learnt: 0.3 }), optimizer: sgd() }],
  ])("%s", async (_, options) => {
    const whole = await run({ ...base, ...options });
    expect(whole.saved.length).toBeGreaterThan(12);
    for (const at of [0, 6, 10]) {
      const resume: Checkpoint = decodeCheckpoint(whole.saved[at]);
      const rest = await run({ ...base, ...options, resume });
      expect(rest.saved.at(-1)).toEqual(whole.saved.at(-1));
      const timeless = (events: readonly object[]) => events.map((event) => ({ ...event, seconds: 0, weights: 0 }));
      const tail = whole.events.filter((event) => event.type === "step" && event.step > resume.step);
      expect(timeless(rest.events.filter(({ type }) => type === "step"))).toEqual(timeless(tail));
    }
  });
});

it("the schedule enters once per batch, at the end of the step in epochs; Adam counts every weight step of a replayed batch", async () => {
  const rates = (await run({ ...base, defense: free({ epsilon: 0.1, replays: 2 }), optimizer: adam() })).events.flatMap((event) =>
    event.type === "step" ? [event.rate] : [],
  );
  expect(rates.length).toBe(15);
  rates.forEach((rate, i) => {
    expect(rate).toBeCloseTo(base.schedule((i + 1) / 5), 12);
  });
  const decayed = inverseTime(() => 0.1, { decay: 0.5, stepsPerEpoch: 5 });
  expect([0, 0.2, 2].map(decayed)).toEqual([0.1, 0.1 / 1.5, 0.1 / 6]);
});

it("free replays each batch: as many weight steps, and replays − 1 gradients counted beside", async () => {
  const found = (await run({ ...base, defense: free({ epsilon: 0.1, replays: 4 }), optimizer: sgd() })).events;
  for (const event of found) if (event.type === "step") expect(event.gradientEvaluations).toBe(3);
  // One replayed batch from the same start is that many plain steps where nothing is perturbed.
  const still = await run({
    ...base,
    epochs: 1,
    batchSize: 40,
    defense: free({ epsilon: 0, replays: 4 }),
    optimizer: sgd(),
    schedule: () => 0.1,
  });
  const plain = await run({ ...base, epochs: 4, batchSize: 40, defense: none(), optimizer: sgd(), schedule: () => 0.1 });
  const ended = ({ events }: typeof still) => events.flatMap((event) => (event.type === "end" ? [event.weights] : []))[0];
  const [a, b] = [ended(still)["fc1.weight"].data, ended(plain)["fc1.weight"].data];
  for (let i = 0; i < a.length; i++) expect(Number(a[i])).toBeCloseTo(Number(b[i]), 4);
});

it("the attack is against the weights of the moment, in the mode that is asked for", async () => {
  // In training mode the batch's own statistics normalize: the examples differ from those made in inference mode.
  const made = async (mode: "inference" | "training") => {
    const prepared = await pgdTraining({ ...budget, mode }).prepare({ network, batchSize: 6, epochs: 1, runtime: { threads: 1 } });
    const batch = { x: images.x, y: images.labels, indices: new Int32Array(6), epoch: 0, replay: 0, key: key(1) };
    const first = (await prepared.craft(batch, fixed.weights)).feeds.adversarial.data.slice();
    const moved = { ...fixed.weights, "fc1.weight": filled([4, 27], 77) };
    const second = (await prepared.craft(batch, moved)).feeds.adversarial.data.slice();
    await prepared.release();
    expect(second).not.toEqual(first);
    return first;
  };
  expect(await made("training")).not.toEqual(await made("inference"));
});

it("a loss that is no number ends training with the rate in the message", async () => {
  const endless = { ...base, defense: none(), optimizer: sgd(), schedule: () => Number.POSITIVE_INFINITY };
  await expect(run(endless)).rejects.toThrow("lower the learning rate");
});
