import { describe, expect, it } from "vitest";
import { type Dataset, digits, drawDigit, whole } from "../../src/data/index.ts";
import { key } from "../../src/tensor/index.ts";

const area = 28 * 28;
const train = digits();
const test = digits({ split: "test" });
const pixels = (data: Dataset) => data.inputs.data as Uint8Array;
const image = (data: Dataset, i: number) => pixels(data).subarray(i * area, (i + 1) * area);

it("are 10,000 and 2,000 images, every digit equally often", () => {
  expect([train.inputs.shape, test.inputs.shape]).toEqual([
    [10_000, 1, 28, 28],
    [2_000, 1, 28, 28],
  ]);
  for (let digit = 0; digit < 10; digit++) expect(test.labels.filter((label) => label === digit).length).toBe(200);
});

it("are the same bytes whenever and in whatever order they are drawn", () => {
  const equal = (a: Uint8Array, b: Uint8Array) => Buffer.compare(a, b) === 0;
  expect(equal(pixels(digits({ split: "test" })), pixels(test))).toBe(true);
  expect(equal(pixels(digits({ count: 25 })), pixels(train).subarray(0, 25 * area))).toBe(true);
  const source = key(0).fold("digits", "train");
  for (const index of [9_999, 17, 4_242, 0]) expect(equal(drawDigit(source, index), image(train, index))).toBe(true);
});

it("differ from each other, between splits and between seeds", () => {
  const images = (data: Dataset) => Array.from({ length: data.labels.length }, (_, i) => image(data, i).join());
  expect(new Set([...images(train), ...images(test), ...images(digits({ seed: 1, count: 100 }))]).size).toBe(12_100);
});

it("stand in full ink on a clean background", () => {
  for (let i = 0; i < 2_000; i++) {
    const bytes = image(test, i);
    expect(bytes.filter((v) => v === 0).length / area).toBeGreaterThan(0.5);
    expect(bytes.filter((v) => v === 255).length).toBeGreaterThan(10);
  }
  const border = pixels(test).filter((_, i) => i % 28 === 0 || i % 28 === 27);
  expect(border.filter((v) => v > 0).length / border.length).toBeLessThan(0.02);
});

describe("are hard enough", () => {
  it("that a linear softmax model stays below 95 %, and is far above chance", () => {
    const weights = softmaxRegression(train, 3);
    const { x, y } = whole(test);
    const right = y.data.filter((label, i) => argMax(scores(weights, x.data.subarray(i * area, (i + 1) * area))) === label).length;
    expect(right / 2_000).toBeLessThan(0.95);
    expect(right / 2_000).toBeGreaterThan(0.7);
  });
});

/** Stochastic gradient descent on the cross-entropy of x ↦ Wx + b, one example at a time; returns [W | b] by rows. */
function softmaxRegression(data: Dataset, epochs: number): Float64Array[] {
  const weights = Array.from({ length: 10 }, () => new Float64Array(area + 1));
  const { x, y } = whole(data);
  for (let step = 0; step < epochs * y.data.length; step++) {
    const i = step % y.data.length;
    const input = x.data.subarray(i * area, (i + 1) * area);
    const logits = scores(weights, input);
    const top = Math.max(...logits);
    const total = logits.reduce((sum, v) => sum + Math.exp(v - top), 0);
    for (const [label, row] of weights.entries()) {
      const slope = 0.01 * (Math.exp(logits[label] - top) / total - (y.data[i] === label ? 1 : 0));
      for (let pixel = 0; pixel < area; pixel++) row[pixel] -= slope * input[pixel];
      row[area] -= slope;
    }
  }
  return weights;
}

function scores(weights: Float64Array[], input: Float32Array): number[] {
  return weights.map((row) => {
    let sum = row[area];
    for (let pixel = 0; pixel < area; pixel++) sum += row[pixel] * input[pixel];
    return sum;
  });
}

function argMax(values: number[]): number {
  return values.indexOf(Math.max(...values));
}
