import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, it } from "vitest";
import type { DiagnoseResult } from "../../src/cli/jobs/diagnose.ts";
import { main } from "../../src/cli/main.ts";
import { encodeNpz } from "../../src/data/index.ts";
import { architecture, exportModel } from "../../src/models/index.ts";
import { cast, key, tensor, uniform } from "../../src/tensor/index.ts";
import { scratch } from "../runs/helpers.ts";

const directory = scratch();
const data = `npz:${join(directory, "data.npz")}`;
const file = (name: string) => join(directory, `${name}.onnx`);

beforeAll(() => {
  const x = cast(uniform(key(1), [12, 1, 8, 8]), "float32");
  const y = tensor(
    Int32Array.from({ length: 12 }, (_, i) => i % 4),
    [12],
    "int32",
  );
  writeFileSync(join(directory, "data.npz"), encodeNpz({ x_test: x, y_test: y }));
  for (const [name, model] of [
    ["mnist-fast", architecture("mnist-fast", { inputShape: [1, 8, 8], classes: 4 })],
    ["two-layer", architecture("two-layer", { inputShape: [1, 8, 8], classes: 4, width: 20 })],
  ] as const) {
    writeFileSync(file(name), exportModel(model.initialize(key(2))));
  }
});

async function saddle(...line: string[]) {
  const written = { out: "", err: "" };
  const stream = (name: "out" | "err") => ({ columns: 110, write: (text: string) => void (written[name] += text) });
  return { code: await main(line, { stdout: stream("out"), stderr: stream("err") }), ...written };
}

it("measures every instrument on an ONNX file, and they agree with each other", async () => {
  const out = join(directory, "diagnosis");
  const {
    code,
    out: line,
    err,
  } = await saddle(
    "diagnose",
    file("mnist-fast"),
    "--data",
    data,
    "--eps",
    "0.1",
    "--norm",
    "linf",
    "--examples",
    "6",
    "--out",
    out,
    "--json",
  );
  expect(err).toContain("singular values");
  expect(code).toBe(0);
  const found = JSON.parse(line) as DiagnoseResult;
  expect(found.examples).toBe(6);
  expect(found.ascent).toHaveLength(21);
  const [first, last] = [found.ascent[0], found.ascent[20]];
  expect(last.loss).toBeGreaterThan(first.loss);
  for (const { fosc, foscInBox } of found.ascent) {
    expect(foscInBox).toBeGreaterThanOrEqual(-1e-6);
    expect(foscInBox).toBeLessThanOrEqual(fosc * (1 + 1e-5) + 1e-6);
  }
  const [spectral, , largest] = found.norms;
  expect(spectral.mean / found.spectrum.clean[0]).toBeCloseTo(1, 2);
  expect(largest.mean).toBeGreaterThan(spectral.mean);
  if ("reason" in found.global || "reason" in found.cell) throw new Error("a ReLU network has a bound and cells");
  expect(found.global.bound).toBeGreaterThan(spectral.largest);
  expect(found.cell.linf).toBeLessThan(found.cell.l2);
  expect(found.cell.examined).toBe(Math.min(200, found.cell.walls));
  const { adversarial, random } = found.line;
  expect(adversarial[20]).toBeGreaterThan(adversarial[10]); // t = 1 against t = 0
  expect(adversarial[10]).toBeCloseTo(random[10], 5);
  expect(existsSync(join(out, "diagnosis.json"))).toBe(true);
  const report = readFileSync(join(out, "report.html"), "utf8");
  for (const title of ["Singular values", "Alignment", "Loss around an input", "Convergence of the ascent"])
    expect(report).toContain(title);
});

it("says what a smooth network does not have", async () => {
  const { code, out } = await saddle(
    "diagnose",
    file("two-layer"),
    "--data",
    data,
    "--eps",
    "0.5",
    "--norm",
    "l2",
    "--examples",
    "4",
    "--steps",
    "3",
    "--out",
    join(directory, "smooth"),
  );
  expect(code).toBe(0);
  expect(out).toMatch(/activation cell +none: cells are those of piecewise linear networks/);
  expect(out).toContain("PGD step");
});

it.each([
  [["diagnose", "model.onnx"], "which data?"],
  [["diagnose", "model.onnx", "--data", "digits"], "which ε?"],
  [["diagnose", "model.onnx", "--data", "digits", "--eps", "0"], "--eps must be more than 0"],
])("refuses %j", async (line, message) => {
  const { code, err } = await saddle(...line.map((word) => (word === "model.onnx" ? file("two-layer") : word)));
  expect(code).toBe(2);
  expect(err).toContain(message);
});
