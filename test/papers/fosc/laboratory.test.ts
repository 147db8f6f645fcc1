/** The whole laboratory at toy sizes: every piece runs, the result survives a file, and a resumed run computes nothing again. */
import { expect, it } from "vitest";
import { assemble, flatten, linear, relu, sequential } from "../../../src/models/index.ts";
import { checkClaims } from "../../../src/papers/claims.ts";
import { studyForms, studyReduction, studyStopping } from "../../../src/papers/fosc/exact.ts";
import { experiment, fosc, type Settings, settings } from "../../../src/papers/fosc/index.ts";
import { defenseOf } from "../../../src/papers/fosc/methods.ts";
import type { Bench } from "../../../src/papers/laboratory.ts";
import { key } from "../../../src/tensor/index.ts";

const [digits] = settings.quick.problems;
const toy: Settings = {
  problems: [
    {
      ...digits,
      examples: 128,
      testExamples: 40,
      epochs: 2,
      milestones: [1],
      controlEpochs: 1,
      runs: [
        { methods: ["none", "pgd", "dynamic"], seeds: 2 },
        {
          methods: ["curriculum", "fgsm", "fgsm-then-pgd", "pgd-then-fgsm", "dynamic-q1", "dynamic-q2", "dynamic-q3", "pgd-step-1"],
          seeds: 1,
        },
      ],
    },
  ],
  exactCases: 4,
  lemmaPoints: 20,
  noiseRepeats: 1,
  traced: 20,
  attacked: 2,
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
  expect(lab.runs.map(({ method, seed }) => `${method} ${seed}`).length).toBe(14);
  for (const run of lab.runs) {
    // The more an attack may do, the less is left; AutoAttack saw other examples.
    expect(run.clean).toBeGreaterThanOrEqual(run.fgsm);
    expect(run.pgd20).toBeGreaterThanOrEqual(0);
    expect(run.epochs.length).toBe(2);
  }
  const standard = lab.runs.find(({ method }) => method === "pgd");
  expect(standard?.epochs.map(({ gradientEvaluations }) => gradientEvaluations)).toEqual([10, 10]);
  expect(standard?.quality?.steps.length).toBe(11);
  expect(standard?.autoAttack).toBeTypeOf("number");

  const resumed = await experiment({ ...bench, remember: async (name) => JSON.parse(pieces.get(name) as string) }, toy);
  expect(resumed).toEqual(lab);
  const exact = (await checkClaims(fosc, lab)).filter(({ id }) => ["F1", "F2", "F3", "F6"].includes(id));
  expect(exact.map(({ holds }) => holds)).toEqual([true, true, true, true]);
  for (const figure of fosc.figures(lab)) expect(JSON.stringify(figure)).not.toMatch(/undefined/);
}, 120_000);

it("the exact checks hold on other networks and draws too", async () => {
  const network = assemble("plain", sequential(flatten, linear(20), relu, linear(5)), { inputShape: [1, 6, 6], classes: 5 });
  for (const { error, least, stationary } of studyForms(30, key(8))) {
    expect(error).toBeLessThan(1e-10);
    expect(least).toBeGreaterThanOrEqual(0);
    expect(stationary).toBeLessThan(1e-12);
  }
  const { summed, meanRatio } = await studyReduction(network, key(8));
  expect(summed).toBeLessThan(1e-5);
  expect(meanRatio).toBeCloseTo(128, 2);
  const { stopped, unchanged, maskedDifference } = await studyStopping(network, key(8));
  expect([unchanged, maskedDifference]).toEqual([stopped, 0]);
  expect(stopped).toBeGreaterThan(20);
});

it("every method is a defense, in every mode's problems", () => {
  for (const { problems } of Object.values(settings))
    for (const problem of problems)
      for (const method of problem.runs.flatMap(({ methods }) => methods))
        expect(defenseOf(method, problem).name.length).toBeGreaterThan(2);
  // What is scaled down is scaled alike: T′ and the rate drops at the paper's shares of training.
  for (const { epochs, milestones, controlEpochs } of [settings.full.problems[0], settings.paper.problems[0]])
    expect([...milestones, controlEpochs].map((at) => at / epochs)).toEqual([0.4, 0.8, 0.8]);
});
