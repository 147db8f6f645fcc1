/** The whole laboratory at toy sizes: every piece runs, the result survives a file, and a resumed run computes nothing again. */
import { expect, it } from "vitest";
import { checkClaims } from "../../../src/papers/claims.ts";
import { experiment } from "../../../src/papers/first-order-adversary/experiment.ts";
import { firstOrderAdversary } from "../../../src/papers/first-order-adversary/index.ts";
import type { Sizes } from "../../../src/papers/first-order-adversary/sizes.ts";
import { compareLearningRates } from "../../../src/papers/first-order-adversary/training-comparison.ts";
import type { Bench } from "../../../src/papers/laboratory.ts";
import { key } from "../../../src/tensor/index.ts";

const toy: Sizes = {
  seeds: [3, 2],
  restarts: 2,
  oneStepScales: [0.1, 1],
  dimensions: [
    [5, 4],
    [10, 4],
  ],
  ratios: [1, 10],
  widthSeeds: 3,
  landscapeSeeds: 1,
  reluSteps: 60,
  training: { ratios: [0.05, 0.1], searched: [0.1], seeds: 1, gridSeeds: 1, grid: [10], epochs: 3 },
  images: { scales: [0.1, 1], count: 2, trainingCount: 4, side: 7, m: 50 },
  classifier: { scales: [1, 3], count: 2, trainingCount: 100, epochs: 1, width: 8 },
};

it("runs, reports its progress, and goes on from kept pieces", async () => {
  const pieces = new Map<string, string>();
  const fractions: number[] = [];
  const bench: Bench = {
    mode: "quick",
    key: key(1),
    progress: (_, fraction) => fractions.push(fraction),
    async remember<T>(name: string, compute: () => T | Promise<T>): Promise<T> {
      expect(pieces.has(name), `two pieces called ${name}`).toBe(false);
      pieces.set(name, JSON.stringify(await compute()));
      return JSON.parse(pieces.get(name) as string) as T;
    },
  };
  const lab = await experiment(bench, toy);
  expect(fractions).toEqual([...fractions].sort((a, b) => a - b));
  expect([fractions[0], fractions[fractions.length - 1]]).toEqual([0, 1]);

  const resumed = await experiment({ ...bench, remember: async (name) => JSON.parse(pieces.get(name) as string) }, toy);
  expect(resumed).toEqual(lab);

  const records = await checkClaims(firstOrderAdversary, resumed);
  expect(records.filter(({ error }) => error !== undefined)).toEqual([]);
  // too few seeds for R2.1, and toy trainings reach no threshold: a laboratory that could not fail would say otherwise
  expect(records.find(({ id }) => id === "R2.1")?.holds).toBe(false);
  // exact statements hold at any size
  for (const id of ["R2.7", "R2.7-step", "R2.8"]) expect(records.find((record) => record.id === id)?.holds).toBe(true);
  expect(firstOrderAdversary.figures(resumed).length).toBeGreaterThan(10);
}, 300_000);

it("says which perturbation ratios it can train at, before it trains at any", async () => {
  const nothing = { key: key(1), progress: () => {}, remember: () => Promise.reject(new Error("something was run")) };
  await expect(compareLearningRates(nothing, { ...toy.training, ratios: [0.05, 0.2] })).rejects.toThrow(
    new RangeError("no fixed adversarial loss is known for ρ = 0.2, only for ρ = 0.05, 0.1"),
  );
});
