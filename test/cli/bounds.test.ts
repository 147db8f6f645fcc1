/** Data outside [0, 1]: their bounds are given once, and are the model's input domain from training to the exported file. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { main } from "../../src/cli/main.ts";
import { decodeNpz, encodeNpz } from "../../src/data/index.ts";
import { architecture, exportModel } from "../../src/models/index.ts";
import { openModel } from "../../src/runs/index.ts";
import { key, tensor, uniform } from "../../src/tensor/index.ts";
import { scratch } from "../runs/helpers.ts";

const directory = scratch();
const [data, run, out] = ["data.npz", "run", "out"].map((name) => join(directory, name));
const bounded = ["--data", `npz:${data}`, "--bounds", "-20,20"];
/** Two classes, apart along the first of three coordinates: at −10 and 10, give or take 5. */
const labels = Array.from({ length: 80 }, (_, i) => i % 2);
const noise = uniform(key(1), [80, 3], -5, 5).data;

async function saddle(...line: string[]): Promise<{ code: number; out: string; err: string }> {
  const written = { out: "", err: "" };
  const stream = (name: "out" | "err") => ({ columns: 110, write: (text: string) => void (written[name] += text) });
  const code = await main(line, { stdout: stream("out"), stderr: stream("err") });
  return { code, ...written };
}

beforeAll(async () => {
  const x = Float32Array.from(noise, (v, i) => v + (i % 3 === 0 ? 20 * labels[i / 3] - 10 : 0));
  writeFileSync(data, encodeNpz({ x: tensor(x, [80, 3], "float32"), y: tensor(labels, [80], "int32") }));
  const training = [
    "--model",
    "linear",
    "--defense",
    "pgd",
    "--eps",
    "2",
    "--epochs",
    "4",
    "--batch",
    "8",
    "--rate",
    "0.05",
    "--threads",
    "1",
  ];
  expect(await saddle("train", ...bounded, ...training, "--validation", "0", "--out", run)).toMatchObject({ code: 0 });
});

describe("data in −20 to 20", () => {
  it("are the input domain of the network that is trained on them, in the run and in its file", () => {
    expect(JSON.parse(readFileSync(join(run, "config.json"), "utf8")).bounds).toEqual([-20, 20]);
    for (const target of [run, join(run, "model.onnx")]) expect(openModel(target).model.network.domain).toEqual({ low: -20, high: 20 });
  });

  it("are attacked in it", async () => {
    const evaluated = await saddle("evaluate", run, "--attack", "pgd", "--eps", "4", "--no-diagnosis", "--out", out, "--json");
    const { clean, robust } = JSON.parse(evaluated.out);
    expect(clean).toBe(1);
    expect(robust).toBeGreaterThan(0.9);
    const broken = await saddle("evaluate", run, "--attack", "pgd", "--eps", "19", "--no-diagnosis", "--out", out, "--json");
    expect(JSON.parse(broken.out).robust).toBe(0);
    const points = Object.values(decodeNpz(readFileSync(join(out, "witnesses.npz")), "witnesses")).flatMap((array) =>
      [...array.data].map(Number),
    );
    expect(Math.min(...points)).toBeGreaterThanOrEqual(-20);
    expect(Math.min(...points)).toBeLessThan(-10);
  });

  it("are the domain of a file that looks like another, and that is said", async () => {
    const network = architecture("linear", { inputShape: [3], classes: 2 });
    const file = join(directory, "unit.onnx");
    writeFileSync(file, exportModel(network.initialize(key(2))));
    const told = await saddle("evaluate", file, ...bounded, "--attack", "fgsm", "--eps", "1", "--no-diagnosis", "--out", out);
    expect(told.err + told.out).toContain("the file looks like inputs of 0 to 1; those of the data, -20 to 20, are taken");
  });

  it("are refused where they were not told, with how to tell them", async () => {
    const refused = await saddle("evaluate", run, "--data", `npz:${data}`, "--attack", "fgsm", "--out", out);
    expect(refused).toMatchObject({ code: 1, out: "" });
    expect(refused.err).toContain(
      "outside the input domain [0, 1]. Scale the inputs to the domain, or give the bounds of their numbers (--bounds 0,255",
    );
    expect((await saddle("train", "--data", "digits", "--bounds", "0,255", "--out", join(directory, "x"))).err).toContain("known, 0 and 1");
    expect((await saddle("train", ...bounded.slice(0, 3), "5,1", "--out", join(directory, "x"))).err).toContain(
      "--bounds must be the smallest",
    );
  });
});
