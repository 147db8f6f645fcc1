/** The main job from the command line: train, evaluate, export, inspect, one after the other on a tiny run. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { main } from "../../src/cli/main.ts";
import { scratch } from "../runs/helpers.ts";

const directory = scratch();
const run = join(directory, "run");
const settings = [
  "--examples",
  "400",
  "--validation",
  "100",
  "--epochs",
  "2",
  "--batch",
  "50",
  "--model",
  "linear",
  "--eps",
  "0.05",
  "--rate",
  "1e-2",
  "--threads",
  "1",
];

async function saddle(...line: string[]): Promise<{ code: number; out: string; err: string }> {
  const written = { out: "", err: "" };
  const stream = (name: "out" | "err") => ({ columns: 110, write: (text: string) => void (written[name] += text) });
  const code = await main(line, { stdout: stream("out"), stderr: stream("err") });
  return { code, ...written };
}

let trained: Awaited<ReturnType<typeof saddle>>;
beforeAll(async () => {
  trained = await saddle("train", ...settings, "--out", run, "--json");
});

it("--json prints one line with accuracies in 0..1 on stdout, and everything else on stderr", () => {
  expect(trained.code).toBe(0);
  expect(trained.out.trim().split("\n")).toHaveLength(1);
  const { clean, robust, directory: where } = JSON.parse(trained.out);
  expect(where).toBe(run);
  for (const accuracy of [clean, robust]) expect(accuracy).toBeGreaterThan(0);
  expect(robust).toBeLessThanOrEqual(clean);
  expect(clean).toBeLessThanOrEqual(1);
  expect(trained.err).toContain("epoch 2/2");
});

it("the run directory holds settings, metrics, a checkpoint and the exported model", () => {
  for (const name of ["config.json", "metrics.jsonl", "checkpoint.npz", "model.onnx"]) expect(existsSync(join(run, name)), name).toBe(true);
  const epochs = readFileSync(join(run, "metrics.jsonl"), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line))
    .filter(({ type }) => type === "epoch");
  expect(epochs.map(({ epoch }) => epoch)).toEqual([0, 1]);
});

it("a run and its exported file are equally robust", async () => {
  const file = join(directory, "model.onnx");
  expect((await saddle("export", run, "--to", file)).code).toBe(0);
  const attack = ["--attack", "pgd", "--no-diagnosis", "--eps", "0.05", "--steps", "5", "--examples", "100", "--threads", "1", "--json"];
  const ofRun = await saddle("evaluate", run, ...attack, "--out", join(directory, "a"));
  const ofFile = await saddle("evaluate", file, "--data", "digits", ...attack, "--out", join(directory, "b"));
  expect([ofRun.code, ofFile.code]).toEqual([0, 0]);
  const [first, second] = [JSON.parse(ofRun.out), JSON.parse(ofFile.out)];
  expect([second.clean, second.robust]).toEqual([first.clean, first.robust]);
  const inspected = JSON.parse((await saddle("inspect", file, "--json")).out);
  expect(inspected.parameterCount).toEqual({ trained: 7850, statistic: 0, fixed: 0 });
});

it("the same settings from a file give the same numbers", async () => {
  const config = join(directory, "run.yaml");
  writeFileSync(config, "examples: 400\nvalidation: 100\nepochs: 2\nbatch: 50\nmodel: linear\neps: 0.05\nrate: 0.01\nthreads: 1\n");
  const again = await saddle("train", "--config", config, "--out", join(directory, "again"), "--json");
  const numbers = ({ clean, robust, lastClean, lastRobust }: Record<string, number>) => ({ clean, robust, lastClean, lastRobust });
  expect(numbers(JSON.parse(again.out))).toEqual(numbers(JSON.parse(trained.out)));
});

it("a training that learns nothing is said to, with what often helps; another is not", async () => {
  const stuck = await saddle("train", ...settings.slice(0, -4), "--rate", "0", "--threads", "1", "--out", join(directory, "stuck"));
  expect(stuck.err).toContain("training has not left its start: an ε that grows");
  expect(trained.err).not.toContain("has not left its start");
});

describe("what goes wrong is one line", () => {
  it.each([
    [["train", ...settings, "--out", run], "already holds a training run"],
    [["train", "--model", "resnet", "--out", join(directory, "x")], 'there is no network "resnet"'],
    [["train", "--model", "absent.onnx", "--out", join(directory, "x")], "there is no file absent.onnx"],
    [["train", "--data", "mnst", "--out", join(directory, "x")], "there is no data set of this name"],
    [["train", "--eps", "8/2x5"], "a number of at least 0 or a fraction such as 8/255"],
    [["train", "--resume", join(directory, "nowhere")], "there is no training run in"],
    [["train", "--eps", "8", "--out", join(directory, "x")], "ε = 8 reaches across the whole input domain [0, 1]"],
    [["train", "--model", "mlp", "--input-shape", "1,28,28"], "a built-in network takes the shape of the data"],
    [["train", "--model", "wide-resnet-34-10", "--depth", "12", "--out", join(directory, "x")], "10, 16, 22, … layers (6n + 4), not 12"],
    [["evaluate", join(directory, "nowhere")], "there is no file or folder"],
    [["evaluate", join(run, "model.onnx")], "which data?"],
    [["evaluate", "http://localhost:1/m"], "an endpoint needs --data"],
    [["evaluate", "http://", "--data", "digits", "--eps", "0.1"], "http:// is no URL"],
    [["inspect", run], "is a folder"],
    [["export", join(directory, "nowhere")], "there is no training run in"],
    [["inspect", join(directory, "nowhere.onnx")], "there is no file"],
    [["data", "get", "mnst"], "did you mean mnist"],
    [["data", "show", "npz:/nowhere.npz"], "/nowhere.npz"],
  ])("saddle %j", async (line, message) => {
    const { code, out, err } = await saddle(...line);
    expect(code).not.toBe(0);
    expect(out).toBe("");
    expect(err).toContain(message);
    expect(err).not.toMatch(/\n\s+at /);
  });
});
