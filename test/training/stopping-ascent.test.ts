import { describe, expect, it } from "vitest";
import { architecture } from "../../src/models/index.ts";
import { cast, integers, key, tensor, uniform } from "../../src/tensor/index.ts";
import { dynamic, foscThreshold, innerAscent, randomStart, type StoppingAscentOptions, stoppingAscent } from "../../src/training/index.ts";

const batchSize = 64;
const network = architecture("mnist-fast", { inputShape: [1, 12, 12] });
const { weights } = network.initialize(key(1));
const x = cast(uniform(key(2), [batchSize, 1, 12, 12]), "float32");
const y = tensor(integers(key(3), batchSize, 10), [batchSize], "int32");
const workbench = { network, batchSize, epochs: 10, runtime: { threads: 1 } };
const [epsilon, stepSize] = [0.1, 0.025];
const width = x.data.length / batchSize;

const startIn = (norm: "linf" | "l2") => randomStart(x, { norm, epsilon }, key(4), network.domain);
async function stop(options: StoppingAscentOptions, request: { steps: number; threshold: number; fromStart?: boolean }) {
  const ascent = stoppingAscent(workbench, options);
  const start = startIn(options.norm);
  const { fromStart, ...rest } = request;
  const found = await ascent.ascend({ x, y, start, weights, epsilon, stepSize, ...rest, origin: fromStart ? start : undefined });
  await ascent.release();
  return { ...found, point: found.point.data.slice() };
}
async function plain(norm: "linf" | "l2", steps: number) {
  const ascent = await innerAscent(workbench, { norm });
  const point = await ascent.ascend({ x, y, start: startIn(norm), weights, steps, epsilon, stepSize });
  await ascent.release();
  return point.data.slice();
}

describe.each(["linf", "l2"] as const)("in %s", (norm) => {
  it("c_t = 0, everyone in the batch: PGD bit for bit", async () => {
    const { point, steps, gradientEvaluations } = await stop({ norm, masked: true }, { steps: 10, threshold: 0 });
    expect(point).toEqual(await plain(norm, 10));
    expect(new Set(steps)).toEqual(new Set([10]));
    expect(gradientEvaluations).toBe(10 * batchSize);
  });
  it("c_t = ∞: one step for everyone, and one more gradient to see it", async () => {
    for (const masked of [true, false]) {
      const { point, steps, gradientEvaluations } = await stop({ norm, masked }, { steps: 10, threshold: Number.POSITIVE_INFINITY });
      expect(point).toEqual(await plain(norm, 1));
      expect(new Set(steps)).toEqual(new Set([1]));
      expect(gradientEvaluations).toBe(2 * batchSize);
    }
  });
  // Thresholds among the values that occur: some examples stop early, some never.
  const threshold = norm === "linf" ? 0.01 : 0.001;
  it("stopped examples stay bit for bit as they are", async () => {
    const [five, ten] = [
      await stop({ norm, masked: true }, { steps: 5, threshold }),
      await stop({ norm, masked: true }, { steps: 10, threshold }),
    ];
    const early = [...five.steps.keys()].filter((i) => five.steps[i] < 5);
    expect(early.length).toBeGreaterThan(3);
    expect(early.length).toBeLessThan(batchSize);
    for (const i of early) expect(ten.point.subarray(i * width, (i + 1) * width)).toEqual(five.point.subarray(i * width, (i + 1) * width));
  });
  it("examples that leave the batch end where masked ones do, for fewer gradients", async () => {
    const [masked, leaving] = [
      await stop({ norm, masked: true }, { steps: 10, threshold }),
      await stop({ norm }, { steps: 10, threshold }),
    ];
    expect(leaving.steps).toEqual(masked.steps);
    masked.point.forEach((v, i) => {
      expect(leaving.point[i]).toBeCloseTo(v, 5);
    });
    expect(leaving.gradientEvaluations).toBeLessThan(masked.gradientEvaluations);
    const needed = leaving.steps.reduce((total, made) => total + Math.min(made + 1, 10), 0);
    expect(leaving.gradientEvaluations).toBe(needed);
  });
});

it("FOSC from the random start (Q1) and in the box are other values: other examples stop", async () => {
  const made = async (options: Partial<StoppingAscentOptions>, fromStart = false) =>
    (await stop({ norm: "linf", masked: true, ...options }, { steps: 10, threshold: 0.01, fromStart })).steps;
  const paper = await made({});
  expect(await made({}, true)).not.toEqual(paper);
  const boxed = await made({ foscInBox: true });
  // The gap within the box is the smaller one, so no example goes on longer.
  boxed.forEach((steps, i) => {
    expect(steps).toBeLessThanOrEqual(paper[i]);
  });
  expect(boxed).not.toEqual(paper);
});

it("the box-exact form is refused in L2, in words", async () => {
  const prepared = await dynamic({ norm: "l2", epsilon, foscInBox: true }).prepare(workbench);
  const batch = { x, y, indices: new Int32Array(batchSize), epoch: 0, replay: 0, key: key(1) };
  await expect(async () => prepared.craft(batch, weights)).rejects.toThrow("box-exact FOSC of the l2 ball");
});

it("the threshold falls linearly from epoch to epoch, to 0 at T′", () => {
  const at = (epoch: number) => foscThreshold(epoch, { maximum: 0.5, controlEpochs: 100 });
  expect([0, 0.9, 1, 50, 99, 100, 130].map(at)).toEqual([0.5, 0.5, 0.495, 0.25, 0.5 * (1 - 99 / 100), 0, 0]);
  expect(foscThreshold(0, { maximum: 0.5, controlEpochs: 0 })).toBe(0);
});
