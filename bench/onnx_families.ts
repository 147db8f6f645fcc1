/**
 * Input gradients of torchvision's classifier families, imported from ONNX, against PyTorch: `npx tsx bench/onnx_families.ts FOLDER [name …]`, after
 * `python3 bench/onnx_families.py make FOLDER IMAGES`. Distances are max-norm relative to the largest component of PyTorch's float64 gradient, the
 * median over 8 batches of 4 images; allowed is max(1e-5, 10× PyTorch float32's own). Times are medians in milliseconds, PyTorch's in the best of its
 * thread settings; with `--cpu` they are of processor time on one thread, and `--no-times` leaves them out. "Flips" are the images of the 32 whose gradient is off by more than 1e-4, because some ReLU or maximum
 * fell on the other side of a tie by rounding: ours, PyTorch's.
 */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { decodeNpz } from "../src/data/npy.ts";
import { constant, evaluate, grad, input, logSoftmax, mul, neg, oneHot, sum, transpose, type Value } from "../src/graph/index.ts";
import { importModel } from "../src/models/index.ts";
import { readOnnxFile } from "../src/onnx/node/index.ts";
import { compile } from "../src/runtime/index.ts";
import { rows, type Tensor, tensor, toFloat64 } from "../src/tensor/index.ts";

const [folder, ...rest] = process.argv.slice(2);
const times = !rest.includes("--no-times");
const cpu = rest.includes("--cpu");
const now = () => (cpu ? (process.cpuUsage().user + process.cpuUsage().system) / 1000 : performance.now());
const names = rest.filter((name) => !name.startsWith("--"));
const all = readdirSync(folder).filter((file) => file.endsWith(".onnx"));

console.log(`| model | distance | allowed | flips | parameters beyond | ${times ? "ms | PyTorch ms | ratio |" : ""}`);
console.log(`|---|---|---|---|---|${times ? "---|---|---|" : ""}`);
const ratios: number[] = [];
for (const name of names.length > 0 ? names : all.map((file) => file.replace(/\.onnx$/, ""))) {
  const found = await compare(name);
  const cells = [name, found.distance.toExponential(1), found.allowed.toExponential(1), found.flips, found.parameters];
  if (!times) {
    console.log(`| ${cells.join(" | ")} |`);
    continue;
  }
  const script = new URL("onnx_families.py", import.meta.url).pathname;
  const torch = Number(spawnSync("/usr/bin/python3", [script, cpu ? "cpu" : "time", folder, name], { encoding: "utf8" }).stdout);
  ratios.push(torch / found.milliseconds);
  console.log(`| ${[...cells, found.milliseconds.toFixed(1), torch.toFixed(1), (torch / found.milliseconds).toFixed(2)].join(" | ")} |`);
}
if (times) console.log(`geometric mean of PyTorch's time over ours: ${Math.exp(mean(ratios.map(Math.log))).toFixed(2)}`);

async function compare(name: string) {
  const expected = decodeNpz(new Uint8Array(readFileSync(join(folder, `${name}.npz`))), name);
  const { network, weights, guess } = importModel(readOnnxFile(join(folder, `${name}.onnx`)), { domain: { low: 0, high: 1 } });
  const batches = Array.from({ length: expected.x.shape[0] }, (_, i) => batchOf(expected.x, i, guess.layout === "channels last"));
  const gradients = Array.from({ length: expected.x.shape[0] }, (_, i) => batchOf(expected.dx, i, guess.layout === "channels last"));
  const x = input("x", batches[0].shape);
  const values = Object.fromEntries(Object.entries(weights).map(([key, { shape }]) => [key, input(key, shape)]));
  const lossWith = (own: Readonly<Record<string, Value>>) => {
    const { logits } = network.apply(x, own);
    return neg(sum(mul(logSoftmax(logits), oneHot(constant(expected.y), network.classes))));
  };
  const compared = Object.keys(expected).flatMap((key) => (key.startsWith("d:") && values[key.slice(2)] ? [key.slice(2)] : []));
  // The weights of a model that is only looked at are constants, which the runtime prepares once.
  const fixed = Object.fromEntries(Object.entries(weights).map(([key, weight]) => [key, constant(weight)]));
  const program = await compile({ x }, { dx: grad(lossWith(fixed), x) }, { threads: cpu ? 1 : undefined });
  const distances: number[] = [];
  const durations: number[] = [];
  let flips = 0;
  for (const round of times ? [0, 1, 2] : [0]) {
    for (const [i, batch] of batches.entries()) {
      const start = now();
      const { dx } = await program.run({ x: batch });
      durations.push(now() - start);
      if (round > 0) continue;
      distances.push(relative(dx, gradients[i]));
      for (let k = 0; k < batch.shape[0]; k++) if (relative(rows(dx, k, k + 1), rows(gradients[i], k, k + 1)) > 1e-4) flips++;
    }
  }
  await program.release();
  const allowed = Math.max(1e-5, 10 * toFloat64(expected.dx32)[0]);
  let beyond = "";
  if (compared.length > 0) {
    const loss = lossWith(values);
    const trained = await compile(
      { x, ...values },
      Object.fromEntries(
        grad(
          loss,
          compared.map((key) => values[key]),
        ).map((g, i) => [compared[i], g]),
      ),
    );
    const found = await trained.run({ x: batches[0], ...weights });
    await trained.release();
    const bad = compared.filter(
      (key) => relative(found[key], expected[`d:${key}`]) > Math.max(1e-5, 10 * toFloat64(expected[`d32:${key}`])[0]),
    );
    beyond = `${bad.length} of ${compared.length}${bad.length > 0 ? ` (${bad.slice(0, 3)})` : ""}`;
  }
  return {
    flips: `${flips}, ${toFloat64(expected.flips32)[0]}`,
    distance: median(distances),
    allowed,
    milliseconds: median(durations.slice(2)),
    parameters: beyond,
  };
}

/** One of the stacked batches, with channels first. */
function batchOf(stacked: Tensor, i: number, channelsLast: boolean): Tensor {
  const one = rows(stacked, i, i + 1);
  const batch = { ...one, shape: one.shape.slice(1) };
  if (!channelsLast) return tensor(batch.data as Float32Array, batch.shape, one.dtype as "float32");
  return tensor(
    evaluate([transpose(constant(batch), [0, 3, 1, 2])])[0].data,
    [0, 3, 1, 2].map((axis) => batch.shape[axis]),
    one.dtype as "float32",
  );
}

function relative(a: Tensor, b: Tensor): number {
  const [x, y] = [toFloat64(a), toFloat64(b)];
  const top = y.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
  return x.reduce((m, v, i) => Math.max(m, Math.abs(v - y[i])), 0) / top;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
}

function mean(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}
