import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { type RunEvent, readModel, runTraining, startJob, type TrainingRequest, type TrainingSummary } from "../../src/runs/index.ts";
import { key, uniform } from "../../src/tensor/index.ts";
import { decodeCheckpoint, encodeCheckpoint } from "../../src/training/index.ts";

const folder = mkdtempSync(join(tmpdir(), "saddle-runs-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const request: TrainingRequest = {
  data: "digits",
  examples: 420,
  validation: 100,
  augment: "rotate-shift",
  model: "mlp",
  width: 12,
  defense: "pgd",
  norm: "linf",
  eps: 0.1,
  steps: 2,
  attackMode: "inference",
  warmup: 1,
  epochs: 3,
  batch: 32,
  optimizer: "adam",
  rate: 0.01,
  schedule: "cyclic",
  momentum: 0.9,
  nesterov: false,
  weightDecay: 0,
  ema: 0.9,
  seed: 4,
  threads: 1,
  checkpointSeconds: 0.001,
};
const job = new URL("../../src/cli/jobs/train.ts", import.meta.url);
const quiet = { emit: () => {}, signal: new AbortController().signal };

/** The files that must come out alike. */
function outcome(directory: string): { metrics: string; checkpoint: Buffer; model: Buffer } {
  const read = (name: string) => readFileSync(join(directory, name));
  return { metrics: read("metrics.jsonl").toString(), checkpoint: read("checkpoint.npz"), model: read("model.onnx") };
}

/** Starts or resumes a run and kills its process after so many steps. */
function killedAfter(moment: number, directory: string, asked: TrainingRequest): Promise<void> {
  let steps = 0;
  const input = { directory, request: existsSync(join(directory, "config.json")) ? undefined : asked };
  const run = startJob<object, RunEvent, TrainingSummary>(job, input, {
    onEvent: (event) => {
      if (event.type === "step" && ++steps >= moment) run.kill();
    },
  });
  return run.result.then(
    () => {},
    () => {},
  );
}

const spectral: TrainingRequest = { ...request, defense: "global-spectral", lambda: 0.05, augment: "none" };

it.each([
  ["pgd", request],
  ["global-spectral", spectral],
])(
  "a run with %s that is killed at random moments ends bit for bit like one that was never stopped",
  async (name, asked) => {
    const whole = join(folder, `${name}-whole`);
    await runTraining(whole, asked, quiet);
    const killed = join(folder, `${name}-killed`);
    const moments = uniform(key(Date.now() % 1000), [name === "pgd" ? 3 : 2], 1, 12).data;
    for (const [attempt, moment] of moments.entries()) {
      await killedAfter(moment, killed, asked);
      expect(existsSync(join(killed, "config.json")), `attempt ${attempt}`).toBe(true);
    }
    await runTraining(killed, undefined, quiet);
    expect(outcome(killed)).toEqual(outcome(whole));
  },
  120_000,
);

it("the checkpoint of global-spectral holds the vectors of its power iteration, and going on needs them", async () => {
  const directory = join(folder, "forgetful");
  const controller = new AbortController();
  let seen = 0;
  await runTraining(directory, spectral, {
    signal: controller.signal,
    emit: (event) => void (event.type === "step" && ++seen === 4 && controller.abort()),
  });
  const path = join(directory, "checkpoint.npz");
  const checkpoint = decodeCheckpoint(readFileSync(path));
  const { network } = readModel(directory, "last").model;
  const matrices = Object.keys(network.weights).filter((name) => name.endsWith(".weight"));
  expect(Object.keys(checkpoint.defense).sort()).toEqual(matrices.sort());
  for (const { data } of Object.values(checkpoint.defense))
    expect((data as Float32Array).reduce((total, v) => total + v * v, 0)).toBeCloseTo(1, 5);
  const forgotten = Object.fromEntries(
    Object.entries(checkpoint.defense).map(([name, one]) => [name, { ...one, data: new Float32Array(one.data.length).fill(1) }]),
  );
  writeFileSync(path, encodeCheckpoint({ ...checkpoint, defense: forgotten }));
  await runTraining(directory, undefined, quiet);
  expect(outcome(directory).checkpoint.equals(outcome(join(folder, "global-spectral-whole")).checkpoint)).toBe(false);
}, 60_000);

it("a run that is asked to stop saves where it is and goes on from there", async () => {
  const directory = join(folder, "stopped");
  const controller = new AbortController();
  let seen = 0;
  const summary = await runTraining(directory, request, {
    signal: controller.signal,
    emit: (event) => {
      if (event.type === "step" && ++seen === 4) controller.abort();
    },
  });
  expect(summary.stopped).toBe(true);
  const done = await runTraining(directory, undefined, quiet);
  expect(done.stopped).toBe(false);
  expect(outcome(directory)).toEqual(outcome(join(folder, "pgd-whole")));
  expect(readModel(directory).epoch).toBe(done.bestEpoch);
}, 60_000);

it("says what is wrong with a directory, a batch or an ε", async () => {
  await expect(runTraining(join(folder, "pgd-whole"), request, quiet)).rejects.toThrow("already holds a training run");
  await expect(runTraining(join(folder, "nothing"), undefined, quiet)).rejects.toThrow("there is no training run in");
  await expect(runTraining(join(folder, "large"), { ...request, batch: 1000 }, quiet)).rejects.toThrow("do not fill one batch of 1000");
  await expect(runTraining(join(folder, "file"), { ...request, model: "absent.onnx" }, quiet)).rejects.toThrow(
    "there is no file absent.onnx",
  );
});
