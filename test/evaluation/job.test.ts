/** The job behind `saddle evaluate`, from a model file and an npz of data to its report. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { modelOracle } from "../../src/attacks/index.ts";
import run, { type EvaluateEvent, type EvaluateInput } from "../../src/cli/jobs/evaluate.ts";
import { encodeNpz } from "../../src/data/index.ts";
import { predict, recheck } from "../../src/evaluation/index.ts";
import { assemble, exportModel, flatten, linear, relu, sequential } from "../../src/models/index.ts";
import { evaluationReport, readJson, readWitnesses, Stopped } from "../../src/runs/index.ts";
import { cast, key, tensor, uniform } from "../../src/tensor/index.ts";

const folder = mkdtempSync(join(tmpdir(), "evaluate-"));
const [count, classes, shape] = [30, 4, [1, 6, 6]];
const x = cast(uniform(key(1), [count, ...shape], 0.2, 0.8), "float32");
const model = assemble("net", sequential(flatten, linear(24), relu, linear(classes)), { inputShape: shape, classes }).initialize(key(2));
const input: EvaluateInput = {
  target: join(folder, "net.onnx"),
  weights: "best",
  data: `npz:${join(folder, "data.npz")}`,
  attacks: ["noise", "pgd", "apgd-ce", "square"],
  norm: "linf",
  eps: [0.05, 0.15],
  steps: 10,
  queries: 60,
  distances: true,
  batch: 16,
  seed: 0,
  threads: 1,
  out: join(folder, "out"),
};
const oracle = modelOracle(model, { threads: 1 });

beforeAll(async () => {
  writeFileSync(input.target, await exportModel(model));
  const y = (await predict(oracle, x)).map((label, i) => (i < 3 ? (label + 1) % classes : label));
  writeFileSync(join(folder, "data.npz"), encodeNpz({ x, y: tensor(y, [count], "int32") }));
});
afterAll(async () => {
  await oracle.release();
  rmSync(folder, { recursive: true, force: true });
});

/** Runs the job, stopping it at the event for which `stop` says so. */
function start(given: EvaluateInput, stop: (event: EvaluateEvent) => boolean = () => false) {
  const control = new AbortController();
  const emit = (event: EvaluateEvent) => {
    if (stop(event)) control.abort(new Stopped("stopped"));
  };
  return run(given, { emit, signal: control.signal });
}

it("writes a report that its schema describes, a page that needs nothing else, and witnesses that hold", async () => {
  const result = await start(input);
  const report = evaluationReport.parse(readJson(join(input.out, "report.json")));
  expect(report.clean.count).toBe(count - 3);
  expect(report.curve.map(({ epsilon }) => epsilon)).toEqual([0.05, 0.15]);
  expect(report.verdicts.filter(({ verdict }) => verdict === "standing").length).toBe(report.robust.count);
  expect(report.soundness.witnesses).toBe(report.verdicts.filter(({ verdict }) => verdict === "broken").length);
  expect(report.soundness.witnesses).toBeGreaterThan(0);
  expect(report.distances?.values.filter((value) => value === 0).length).toBe(3);
  expect(report.examplesPerSecond).toBeGreaterThan(0);
  await recheck(oracle, x, { norm: "linf", epsilon: 0.15 }, readWitnesses(input.out));

  const page = readFileSync(join(input.out, "report.html"), "utf8");
  for (const part of ["Can it be believed?", "Robust accuracy against ε", "Broken examples", "data:image/png"])
    expect(page).toContain(part);
  expect(page).not.toMatch(/(src|href)="https?:/);
  expect(existsSync(result.sheet ?? "")).toBe(true);
  expect(existsSync(join(input.out, "pieces"))).toBe(false);
});

it("when stopped, goes on where it was, with the same verdicts", async () => {
  const quick = { ...input, distances: false, diagnosis: false, attacks: ["noise", "pgd", "apgd-ce"], out: join(folder, "stopped") };
  const whole = await start({ ...quick, out: join(folder, "whole") });
  await expect(start(quick, ({ attack, done }) => attack === "apgd" && done === 1)).rejects.toThrow("stopped");
  expect(existsSync(join(quick.out, "report.json"))).toBe(false);
  const resumed = await start(quick);
  expect(resumed.resumed).toBeGreaterThanOrEqual(2);
  const verdicts = (at: string) => readJson<{ verdicts: unknown }>(join(folder, at, "report.json"))?.verdicts;
  expect(verdicts("stopped")).toEqual(verdicts("whole"));
  expect(resumed.robust).toEqual(whole.robust);
  // Other settings do not take these pieces.
  await expect(start(quick, ({ attack, done }) => attack === "apgd" && done === 1)).rejects.toThrow("stopped");
  expect((await start({ ...quick, seed: 1 })).resumed).toBe(0);
});
