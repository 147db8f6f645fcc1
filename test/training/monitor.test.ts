import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { pgd } from "../../src/attacks/index.ts";
import { digits } from "../../src/data/index.ts";
import { loadData } from "../../src/data/node/index.ts";
import { architecture } from "../../src/models/index.ts";
import { key } from "../../src/tensor/index.ts";
import {
  adam,
  type EpochRecord,
  type MonitorOptions,
  none,
  type Overfitting,
  overfitting,
  pgdTraining,
  schedule,
  sgd,
  type TrainingEvent,
  train,
} from "../../src/training/index.ts";

const history = (...epochs: [robust: number, fgsm: number][]): EpochRecord[] =>
  epochs.map(([robust, fgsm], epoch) => ({ epoch, clean: 0.95, robust, fgsm }));

describe("what a history shows", () => {
  it("catastrophic overfitting: FGSM stays, the validation attack goes through", () => {
    expect(overfitting(history([0.6, 0.7], [0.05, 0.85]))).toMatchObject({ kind: "catastrophic", epoch: 1, best: { epoch: 0 } });
    expect(overfitting(history([0.6, 0.7], [0.05, 0.85]))?.message).toContain("85.0 % under FGSM but 5.0 %");
  });
  it("not when both fall, or when the two have always been close", () => {
    expect(overfitting(history([0.6, 0.7], [0.1, 0.12]))).toBeUndefined();
    expect(overfitting(history([0.02, 0.1], [0.3, 0.5], [0.5, 0.7]))).toBeUndefined();
  });
  it("robust overfitting: behind the best for as many epochs as patience asks", () => {
    const falling = history([0.5, 0.6], [0.47, 0.6], [0.46, 0.6], [0.45, 0.6]);
    expect(overfitting(falling)).toMatchObject({ kind: "robust", epoch: 3, best: { epoch: 0 } });
    expect(overfitting(falling.slice(0, 3))).toBeUndefined();
    expect(overfitting(falling, { gap: 0.04 })).toBeUndefined();
    expect(overfitting(falling, { patience: 2, gap: 0.035 })).toMatchObject({ kind: "robust" });
    expect(overfitting(history([0.5, 0.6], [0.47, 0.6], [0.49, 0.6], [0.45, 0.6]))).toBeUndefined();
  });
  it("nothing without epochs", () => expect(overfitting([])).toBeUndefined());
});

/** Training that cannot but fall behind its best: the rate is enormous from the second epoch on. */
async function spoilt(onOverfitting: MonitorOptions["onOverfitting"]) {
  const data = digits({ split: "train", count: 200 });
  const model = architecture("mlp", { width: 16 }).initialize(key(1));
  const events: TrainingEvent[] = [];
  for await (const event of train(model, data, {
    defense: none(),
    optimizer: sgd(),
    schedule: (epoch) => (epoch <= 4 ? 0.2 : 5),
    epochs: 7,
    batchSize: 20,
    key: key(2),
    validation: { data, attack: pgd({ steps: 1 }), threat: { norm: "linf", epsilon: 0.005 } },
    monitor: { onOverfitting, patience: 1, gap: 0.1 },
    runtime: { threads: 1 },
  }))
    if (event.type !== "step") events.push(event);
  return events;
}

const robustOf = (events: readonly TrainingEvent[]) => events.flatMap((event) => (event.type === "epoch" ? [event.robust as number] : []));

describe("what the loop does about it", () => {
  it("warns once when it begins", async () => {
    const events = await spoilt("warn");
    const warnings = events.filter(({ type }) => type === "overfitting");
    expect(warnings[0]).toMatchObject({ kind: "robust", action: "warn" });
    expect(new Set(warnings.map((warning) => warning.type === "overfitting" && warning.epoch - 1)).size).toBe(warnings.length);
    expect(robustOf(events).length).toBe(7);
  });
  it("stops, with a checkpoint to go on from", async () => {
    const events = await spoilt("stop");
    expect(events.slice(-3).map(({ type }) => type)).toEqual(["overfitting", "checkpoint", "end"]);
    const [found] = events.flatMap((event) => (event.type === "overfitting" ? [event] : []));
    expect(robustOf(events).length).toBe(found.epoch + 1);
    expect(found.epoch).toBeLessThan(6);
  });
  it("goes back to the best weights", async () => {
    let best: Float32Array | undefined;
    const events = await spoilt("roll-back");
    for (const [i, event] of events.entries()) {
      if (event.type !== "overfitting") continue;
      const next = events[i + 1];
      if (next.type === "checkpoint") best = next.checkpoint.best?.weights["fc1.weight"].data as Float32Array;
      expect(next.type === "checkpoint" && next.checkpoint.history.length).toBe(event.best.epoch + 1);
    }
    expect(best).toBeDefined();
    expect(events.filter(({ type }) => type === "overfitting").length).toBeGreaterThan(1);
  });
});

const folder = process.env.SADDLE_DATA ?? new URL("../../../shared/data", import.meta.url).pathname;
it.skipIf(!existsSync(`${folder}/mnist`))(
  "on MNIST, training on FGSM alone overfits catastrophically, and the monitor says so (skipped where MNIST is absent)",
  async () => {
    const [data, held] = [
      await loadData("mnist", { split: "train", dataDir: folder, limit: 6000 }),
      await loadData("mnist", { split: "test", dataDir: folder, limit: 200 }),
    ];
    const epsilon = 0.3;
    const found: (Overfitting & { epoch: number })[] = [];
    for await (const event of train(architecture("mnist-fast").initialize(key(1)), data, {
      defense: pgdTraining({ epsilon, steps: 1, stepSize: epsilon, randomStart: false }),
      optimizer: adam(),
      schedule: schedule("cyclic", { rate: 0.005, epochs: 10 }),
      epochs: 5,
      batchSize: 100,
      key: key(2),
      validation: { data: held, attack: pgd({ steps: 10 }), threat: { norm: "linf", epsilon } },
      monitor: { onOverfitting: "stop" },
      runtime: { threads: 1 },
    }))
      if (event.type === "overfitting") found.push(event);
    expect(found).toMatchObject([{ kind: "catastrophic" }]);
    // More than a network that only guesses: it defeats the attack that it is trained with.
    expect(found[0].now.fgsm).toBeGreaterThan(0.2);
    expect(found[0].now.robust).toBeLessThan(0.1);
  },
  120_000,
);
