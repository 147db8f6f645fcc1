import { fc, test } from "@fast-check/vitest";
import { describe, expect, it } from "vitest";
import {
  batch,
  count,
  type Dataset,
  dataset,
  digits,
  epoch,
  inOrder,
  split,
  stepsPerEpoch,
  subset,
  take,
  whole,
} from "../../src/data/index.ts";
import { key, tensor } from "../../src/tensor/index.ts";

/** Example i is the two bytes (i mod 256, 255 − i mod 256). */
function toy(labels: number[]): Dataset {
  const bytes = labels.flatMap((_, i) => [i % 256, 255 - (i % 256)]);
  return dataset({ name: "toy", inputs: tensor(bytes, [labels.length, 2], "uint8"), labels });
}

const anyLabels = fc.array(fc.nat(4), { minLength: 2, maxLength: 60 });

describe("batches", () => {
  it("scale bytes by 255, into memory of their own", () => {
    const data = toy([0, 1, 2, 0]);
    const { x, y, indices } = batch(data, [3, 1]);
    expect(x).toEqual({ dtype: "float32", shape: [2, 2], data: Float32Array.of(3 / 255, 252 / 255, 1 / 255, 254 / 255) });
    expect(y).toEqual({ dtype: "int32", shape: [2], data: Int32Array.of(0, 1) });
    expect([...indices]).toEqual([3, 1]);
    expect(x.data.byteOffset + y.data.byteOffset).toBe(0);
    expect(x.data.buffer.byteLength).toBe(16);
  });

  it("hand floats out as they are, without sharing memory", () => {
    const inputs = tensor([-1, 0.25, 0.5, 1], [2, 2]);
    const data = dataset({ name: "floats", inputs, labels: [0, 1], bounds: [-1, 1] });
    const { x } = whole(data);
    expect([...x.data]).toEqual([-1, 0.25, 0.5, 1]);
    x.data[0] = 9;
    expect(inputs.data[0]).toBe(-1);
  });

  test.prop([anyLabels, fc.integer({ min: 1, max: 70 })])("in order cover everything once", (labels, size) => {
    const batches = [...inOrder(toy(labels), size)];
    expect(batches.flatMap(({ y }) => [...y.data])).toEqual(labels);
    expect(batches.flatMap(({ indices }) => [...indices])).toEqual(labels.map((_, i) => i));
  });
});

describe("parts", () => {
  it("subset and take keep the order asked for", () => {
    const data = toy([0, 1, 2, 3]);
    expect([...subset(data, [2, 0, 2]).labels]).toEqual([2, 0, 2]);
    expect([...subset(data, [2, 0]).inputs.data]).toEqual([2, 253, 0, 255]);
    expect(count(take(data, 3))).toBe(3);
    expect(take(data, 9)).toBe(data);
    expect(subset(data, [0]).classes).toEqual(data.classes);
  });

  test.prop([anyLabels, fc.nat(), fc.boolean(), fc.nat(1000)])(
    "a split is a partition with the held number, stratified within one example",
    (labels, wanted, stratified, seed) => {
      const held = 1 + (wanted % (labels.length - 1));
      const [rest, kept] = split(toy(labels), held, { key: key(seed), stratified });
      const firstBytes = (data: Dataset) => Array.from({ length: count(data) }, (_, i) => data.inputs.data[2 * i]);
      expect(count(kept)).toBe(held);
      expect([...firstBytes(rest), ...firstBytes(kept)].sort((a, b) => a - b)).toEqual(labels.map((_, i) => i));
      expect(firstBytes(kept)).toEqual(firstBytes(kept).sort((a, b) => a - b));
      if (stratified) {
        for (const label of new Set(labels)) {
          const share = (held * labels.filter((l) => l === label).length) / labels.length;
          expect(Math.abs(kept.labels.filter((l) => l === label).length - share)).toBeLessThan(1);
        }
      }
    },
  );

  it("another key splits otherwise, the same key alike", () => {
    const data = toy(Array.from({ length: 100 }, (_, i) => i % 5));
    const held = (seed: number) => [...split(data, 20, { key: key(seed) })[1].inputs.data];
    expect(held(1)).toEqual(held(1));
    expect(held(1)).not.toEqual(held(2));
  });
});

describe("an epoch", () => {
  test.prop([anyLabels, fc.integer({ min: 1, max: 20 }), fc.nat(5), fc.nat()])(
    "covers every example once and resumes at any step",
    (labels, batchSize, pass, stop) => {
      const data = toy(labels);
      const options = { key: key(4), epoch: pass, batchSize };
      const all = [...epoch(data, options)];
      expect(all.map(({ step }) => step)).toEqual(Array.from({ length: stepsPerEpoch(labels.length, batchSize) }, (_, i) => i));
      expect(all.flatMap(({ indices }) => [...indices]).sort((a, b) => a - b)).toEqual(labels.map((_, i) => i));
      const from = stop % (all.length + 1);
      expect([...epoch(data, { ...options, from })]).toEqual(all.slice(from));
    },
  );

  it("changes its order with epoch and key, and drops a short last batch when asked", () => {
    const data = toy(Array.from({ length: 50 }, () => 0));
    const order = (seed: number, pass: number) =>
      [...epoch(data, { key: key(seed), epoch: pass, batchSize: 50 })].flatMap(({ indices }) => [...indices]);
    expect(new Set([order(1, 0), order(1, 1), order(2, 0)].map(String)).size).toBe(3);
    const kept = [...epoch(data, { key: key(1), epoch: 0, batchSize: 20, dropLast: true })];
    expect(kept.map(({ indices }) => indices.length)).toEqual([20, 20]);
    expect(() => stepsPerEpoch(10, 0)).toThrow(RangeError);
  });

  it("augments an example by (key, epoch, index), whatever the batch size", () => {
    const data = digits({ count: 30 });
    const shifts = (batchSize: number, pass: number) => {
      const seen = new Map<number, unknown>();
      const augment = (x: ReturnType<typeof whole>["x"], indices: ArrayLike<number>, k: ReturnType<typeof key>) => {
        for (let i = 0; i < indices.length; i++) seen.set(indices[i], k.fold(indices[i]).words);
        return x;
      };
      for (const _ of epoch(data, { key: key(3), epoch: pass, batchSize, augment }));
      return [...seen].sort(([a], [b]) => a - b);
    };
    expect(shifts(7, 0)).toEqual(shifts(30, 0));
    expect(shifts(7, 0)).not.toEqual(shifts(7, 1));
  });
});
