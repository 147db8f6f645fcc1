/** `saddle evaluate` on what only predicts: a file with a decision tree, and an endpoint that fails in the middle. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import run, { type EvaluateInput } from "../../src/cli/jobs/evaluate.ts";
import { encodeNpz } from "../../src/data/index.ts";
import { evaluationReport, readJson } from "../../src/runs/index.ts";
import { cast, key, takeRows, tensor, uniform } from "../../src/tensor/index.ts";
import { service } from "../models/service.ts";
import { leaf, reach, treeFile } from "../models/trees.ts";

const folder = mkdtempSync(join(tmpdir(), "saddle-test-"));
const ε = 0.1;
const drawn = cast(uniform(key(1), [40, 2], 0, 1), "float32");
const point = (i: number) => drawn.data.subarray(2 * i, 2 * i + 2);
// Points whose reach is ε up to rounding would be a matter of taste.
const chosen = Array.from({ length: 40 }, (_, i) => i).filter((i) => Math.abs(reach(point(i)) - ε) > 1e-3);
const standing = chosen.filter((i) => reach(point(i)) > ε).length;
const input: EvaluateInput = {
  target: join(folder, "tree.onnx"),
  weights: "best",
  data: `npz:${join(folder, "data.npz")}`,
  attacks: ["autoattack"],
  norm: "linf",
  eps: ε,
  queries: 60,
  batch: 16,
  seed: 0,
  threads: 1,
  out: join(folder, "out"),
};
const start = (given: EvaluateInput) => run(given, { emit: () => {}, signal: new AbortController().signal });

beforeAll(() => {
  writeFileSync(input.target, treeFile({ maps: true }));
  const y = tensor(
    chosen.map((i) => leaf(point(i))),
    [chosen.length],
    "int32",
  );
  writeFileSync(join(folder, "data.npz"), encodeNpz({ x: takeRows(drawn, chosen), y }));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it("a decision tree is evaluated as a black box, to the robust accuracy that its thresholds give", async () => {
  const result = await start(input);
  expect(result.notes).toEqual([
    "a decision tree has no gradient: the file is run as it is and attacked as a black box",
    "the file does not tell the bounds of its inputs; those of the data, 0 to 1, are taken",
  ]);
  expect(result.remarks).toEqual(["the model gives scores and no gradients: square takes the place of AutoAttack, which needs them"]);
  expect([result.clean.value, result.robust.count, result.masking]).toEqual([1, standing, undefined]);
  expect(standing).toBeGreaterThan(5);
  expect(chosen.length - standing).toBeGreaterThan(5);
  const report = evaluationReport.parse(readJson(join(input.out, "report.json")));
  for (const { index, verdict } of report.verdicts) expect(verdict).toBe(reach(point(chosen[index])) > ε ? "standing" : "broken");
});

it("what needs gradients is refused", async () => {
  await expect(start({ ...input, attacks: ["pgd"] })).rejects.toThrow(
    "pgd needs gradients, and this model only predicts scores: use square",
  );
});

it.each(["scores", "classes"])("an endpoint that gives %s fails in the middle, and the same command goes on", async (gives) => {
  let failing = gives === "scores" ? 100 : 300;
  const { url, close } = await service((instances, n) => {
    if (n === failing) return [500, "out of memory"];
    return {
      predictions: instances.map((x) => (gives === "classes" ? leaf(x) : Array.from({ length: 3 }, (_, j) => (j === leaf(x) ? 1 : 0)))),
    };
  });
  const asked = {
    ...input,
    target: url,
    attacks: [gives === "scores" ? "square" : "hop-skip-jump"],
    steps: 1,
    out: join(folder, gives),
  };
  await expect(start(asked)).rejects.toThrow("answered with status 500: out of memory");
  const result = await start(asked);
  expect(result.resumed).toBeGreaterThan(0);
  expect(result.clean.value).toBe(1);
  // Square finds all that can be broken here, one step of HopSkipJump not.
  if (gives === "scores") expect(result.robust.count).toBe(standing);
  else expect(result.robust.count).toBeGreaterThanOrEqual(standing);
  expect(result.notes).toEqual([`${url} is asked for predictions and attacked as a black box`]);
  failing = -1;
  await start({ ...asked, out: join(folder, "whole") });
  const verdicts = (at: string) => readJson<{ verdicts: unknown }>(join(at, "report.json"))?.verdicts;
  expect(verdicts(asked.out)).toEqual(verdicts(join(folder, "whole")));
  await close();
});
