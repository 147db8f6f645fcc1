/** Every claim can come out false: on a made-up laboratory where all hold, one spoiled figure fails exactly the claim it belongs to. */
import { describe, expect, it } from "vitest";
import { checkClaims } from "../../../src/papers/claims.ts";
import { type FoscLab, fosc, settings } from "../../../src/papers/fosc/index.ts";
import type { Method } from "../../../src/papers/fosc/methods.ts";
import type { RunRecord } from "../../../src/papers/fosc/runs.ts";

function ideal(): FoscLab {
  const [problem] = settings.quick.problems;
  const pgd20: Record<Method, number> = {
    none: 2,
    pgd: 60,
    dynamic: 62,
    curriculum: 59,
    fgsm: 40,
    "fgsm-then-pgd": 60,
    "pgd-then-fgsm": 45,
    "pgd-step-1": 58,
    "pgd-step-1/2": 59,
    "pgd-step-1/8": 57,
    "dynamic-q1": 61,
    "dynamic-q2": 62.5,
    "dynamic-q3": 61,
  };
  const bins = Array.from({ length: 10 }, (_, i) => ({ fosc: 0.1 * i, accuracy: 0.05 * i }));
  const run = (method: Method): RunRecord => ({
    data: problem.data,
    method,
    seed: 0,
    seconds: 1,
    clean: 95,
    fgsm: pgd20[method] + 5,
    pgd10: pgd20[method] + 1,
    pgd20: pgd20[method],
    cw: pgd20[method] - 1,
    transfer: 80,
    epochs: Array.from({ length: problem.epochs }, (_, epoch) => ({
      epoch,
      gradientEvaluations: method === "dynamic" ? Math.min(2 + 2 * epoch, 10) : 10,
      fosc: [0, 0.1, method === "dynamic" ? 0.2 : 0.25, 0.3, 0.4],
    })),
    ...(method === "pgd" && {
      quality: {
        steps: Array.from({ length: 11 }, (_, k) => ({ fosc: 1 / (k + 1), foscInBox: 0.5 / (k + 1), loss: k, accuracy: 1 - 0.05 * k })),
        stepSizes: [1, 0.5, 0.25].map((share) => ({ share, fosc: share, accuracy: 0.5 })),
        bins,
        relativeBins: bins,
      },
    }),
  });
  return {
    forms: [{ form: "L∞", error: 1e-15, least: 0.01, stationary: 1e-16 }],
    reduction: { summed: 1e-7, meanRatio: 128 },
    stopping: { stopped: 50, unchanged: 50, maskedDifference: 0, shrinkingDifference: 0, stepsAtInfinity: [1, 1] },
    toy: {
      lemma: 0.8,
      points: 2000,
      descents: [1, 0.3, 0.1, 0.03, 0.01].map((delta) => ({ delta, sigma: 0, average: 0.1 + delta, bound: 1 + delta, final: delta ** 2 })),
    },
    problems: [{ ...problem, controlEpochs: 4 }],
    runs: (Object.keys(pgd20) as Method[]).map(run),
    sources: { [problem.data]: 1 },
  };
}

const failing = async (lab: FoscLab) => (await checkClaims(fosc, lab)).filter(({ holds }) => !holds).map(({ id }) => id);
const runOf = (lab: FoscLab, method: Method) => lab.runs.find((run) => run.method === method) as RunRecord;

it("all hold on the ideal laboratory, and every figure is drawn from it", async () => {
  expect(await failing(ideal())).toEqual([]);
  const figures = fosc.figures(ideal());
  expect(figures.length).toBe(8);
  for (const figure of figures) expect(JSON.stringify(figure)).not.toMatch(/NaN|undefined|null/);
});

describe("one spoiled figure fails its claim alone", () => {
  it.each<[string, (lab: FoscLab) => void]>([
    ["F1", ({ forms }) => Object.assign(forms[0], { error: 1e-5 })],
    ["F1", ({ forms }) => Object.assign(forms[0], { least: -1e-3 })],
    ["F2", ({ reduction }) => Object.assign(reduction, { summed: 1e-3 })],
    ["F2", ({ reduction }) => Object.assign(reduction, { meanRatio: 1 })],
    ["F3", ({ stopping }) => Object.assign(stopping, { unchanged: 49 })],
    ["F3", ({ stopping }) => Object.assign(stopping, { maskedDifference: 1e-9 })],
    ["F3", ({ stopping }) => Object.assign(stopping, { stepsAtInfinity: [1, 2] })],
    ["F4", (lab) => Object.assign(runOf(lab, "dynamic").epochs[4], { gradientEvaluations: 9 })],
    ["F5", (lab) => runOf(lab, "pgd").quality?.steps.reverse()],
    ["F5", (lab) => runOf(lab, "pgd").quality?.stepSizes.reverse()],
    ["F5.1", (lab) => Object.assign(runOf(lab, "pgd").quality?.bins[9] ?? {}, { accuracy: -1 })],
    ["F6", ({ toy }) => Object.assign(toy, { lemma: 1.01 })],
    ["F6", ({ toy }) => Object.assign(toy.descents[2], { average: 2 })],
    ["F6", ({ toy }) => Object.assign(toy.descents[4], { final: 1 })],
    ["F7", (lab) => Object.assign(runOf(lab, "fgsm-then-pgd"), { pgd20: 59 })],
    ["F7", (lab) => Object.assign(runOf(lab, "pgd-then-fgsm"), { pgd20: 59 })],
    ["F8", (lab) => Object.assign(runOf(lab, "pgd").epochs[4], { fosc: [0, 0, 0.1, 0.1, 0.1] })],
    ["F8.1", (lab) => Object.assign(runOf(lab, "none"), { pgd20: 55 })],
    ["F9", (lab) => Object.assign(runOf(lab, "dynamic-q2"), { pgd20: 64 })],
  ])("%s", async (id, spoil) => {
    const lab = ideal();
    spoil(lab);
    expect(await failing(lab)).toEqual([id]);
  });
  it("F8, when a seed loses", async () => {
    const lab = ideal();
    Object.assign(runOf(lab, "dynamic"), { pgd20: 59.5 });
    // The variants are measured against Dynamic, so they fail with it.
    expect(await failing(lab)).toEqual(["F8", "F9"]);
  });
});
