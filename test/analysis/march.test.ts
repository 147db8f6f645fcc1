import { expect, it } from "vitest";
import { march } from "../../src/analysis/march.ts";

/** x ← 2x + (number of the step), which shows every step that is left out, doubled or out of order. */
async function doubled(steps: number, records: number, width: number, single = false) {
  const taken: number[] = [];
  const snapshots = await march(Float64Array.of(1), {
    steps,
    records,
    dt: 0.5,
    width,
    single,
    advice: "do less",
    drive: (step, into) => into.fill(step),
    follow: async (X, drives, into) => {
      taken.push(drives.length);
      // What is drawn ahead in the meantime must not touch these.
      await new Promise((resolve) => setTimeout(resolve));
      into[0] = drives.reduce((x, [number]) => 2 * x + number, X[0]);
      return into;
    },
  });
  return { taken, t: snapshots.map(({ t }) => t), x: snapshots.map(({ X }) => X[0]) };
}

it.each([
  { steps: 12, records: 3, width: 1, taken: [4, 4, 4] },
  { steps: 12, records: 3, width: 2 ** 17, taken: [2, 2, 2, 2, 2, 2] },
  { steps: 10, records: 2, width: 2 ** 16, taken: [4, 1, 4, 1] },
  { steps: 3, records: 1, width: 2 ** 19, taken: [1, 1, 1] },
  { steps: 100, records: 1, width: 1, taken: [64, 36] },
])("takes $steps steps, $records records, $width numbers each: several at once, each once, and none across a record", async (setting) => {
  const { taken, t, x } = await doubled(setting.steps, setting.records, setting.width);
  expect(taken).toEqual(setting.taken);
  const period = setting.steps / setting.records;
  const exact = [1];
  for (let step = 0; step < setting.steps; step++) exact.push(2 * exact[step] + step);
  expect(x).toEqual(exact.filter((_, step) => step % period === 0));
  expect(t).toEqual(x.map((_, i) => (i * period) / 2));
});

it("takes one at a time where that is asked for, and none of none", async () => {
  expect((await doubled(5, 1, 1, true)).taken).toEqual([1, 1, 1, 1, 1]);
  expect(await doubled(0, 1, 1)).toEqual({ taken: [], t: [0], x: [1] });
});

it("says when a state leaves the finite numbers, and what to do", async () => {
  const diverging = march(Float64Array.of(1), {
    steps: 4,
    records: 2,
    dt: 1,
    width: 1,
    advice: "take smaller steps",
    drive: (_, into) => into,
    follow: (X, _, into) => into.fill(X[0] / 0),
  });
  await expect(diverging).rejects.toThrow("a path left the finite numbers before t = 2: take smaller steps");
});
