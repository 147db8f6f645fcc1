/**
 * Projected gradient ascent on a two-layer network (d = 100, m = 1000, 64 inputs, 500 steps) against vectorized PyTorch (/usr/bin/python3), interleaved in
 * one run: `npx tsx bench/two_layer_ascent.ts [rounds]`. Milliseconds for all steps, medians of the rounds, PyTorch at its best thread setting; both ends
 * must agree. Then the time of one ascent against the width m, with the fitted exponent.
 */
import { ascend, ballProjection } from "../src/attacks/index.ts";
import { add, constant, grad, input, mul, reshape, square, sub, sum, type Value } from "../src/graph/index.ts";
import { drawEnsemble, outputs } from "../src/papers/first-order-adversary/index.ts";
import { logSlope } from "../src/papers/statistics.ts";
import { compile } from "../src/runtime/index.ts";
import { cast, type FloatDType, key, normal, type Tensor, tensor, toFloat64, zeros } from "../src/tensor/index.ts";
import { torchProcess } from "./torch.ts";
import { median } from "./workloads.ts";

const [d, inputs, steps] = [100, 64, 500];
const widths = [250, 500, 1000, 2000, 4000];
const rounds = Number(process.argv[2] ?? 5);
/** Steps in one graph. */
const unrolled = 20;
const [radius, stepSize] = [0.1, 0.002];

const draw = (m: number) => drawEnsemble(key(1), { activation: "tanh", networks: 1, d, m });
const x = normal(key(2), [inputs, d], 1 / Math.sqrt(d));
const y = tensor(
  Array.from({ length: inputs }, (_, i) => (i % 2 === 0 ? 1 : -1)),
  [1, inputs],
  "float64",
);

async function saddlepoint(dtype: FloatDType, threads: number, m: number) {
  const { weights, readout } = draw(m);
  const [at, labels] = [input("x", [inputs, d], dtype), input("y", [1, inputs], dtype)];
  const [w, a, start] = [input("w", [1, d, m], dtype), input("a", [1, m, 1], dtype), input("start", [inputs, d], dtype)];
  const losses = (delta: Value) => mul(square(sub(outputs("tanh", reshape(add(at, delta), [1, inputs, d]), w, a), labels)), 0.5);
  const projection = ballProjection(constant(zeros([], dtype)), "l2", radius);
  const end = ascend(start, unrolled, (delta) => grad(sum(losses(delta)), delta), { direction: "raw", stepSize, projection });
  const executable = await compile({ x: at, y: labels, w, a, start }, { end }, { threads });
  const data = { x: cast(x, dtype), y: cast(y, dtype), w: cast(weights, dtype), a: cast(readout, dtype) };
  return async (): Promise<Float64Array> => {
    let delta: Tensor = zeros([inputs, d], dtype);
    for (let t = 0; t < steps; t += unrolled) delta = (await executable.run({ ...data, start: delta })).end;
    return toFloat64(delta);
  };
}

const processes = [1, 2].map((threads) => torchProcess("./two_layer_ascent_torch.py", threads));
const m = 1000;
const { weights, readout } = draw(m);
console.log("| dtype | Saddlepoint, ms | PyTorch, ms | ratio | largest difference of the ends |\n|---|---|---|---|---|");
for (const dtype of ["float32", "float64"] as const) {
  const ours = await Promise.all([1, 2].map((threads) => saddlepoint(dtype, threads, m)));
  const end = await ours[0]();
  const numbers = (t: Tensor) => [...toFloat64(t)];
  const settings = { dtype, inputs, d, m, radius, stepSize, steps, x: numbers(x), y: numbers(y), w: numbers(weights), a: numbers(readout) };
  let gap = 0;
  for (const process of processes) gap = Math.max(gap, ...(await process.ask<number[]>(settings)).map((v, i) => Math.abs(v - end[i])));
  if (!(gap < (dtype === "float32" ? 1e-4 : 1e-11))) throw new Error(`the two ascents end ${gap} apart`);
  const [mine, theirs] = [ours.map((): number[] => []), processes.map((): number[] => [])];
  for (let round = 0; round < rounds; round++) {
    for (const [i, run] of ours.entries()) mine[i].push(await timed(run));
    for (const [i, process] of processes.entries()) theirs[i].push(await process.ask<number>({ steps }));
  }
  const [best, other] = [Math.min(...mine.map(median)), Math.min(...theirs.map(median))];
  console.log(`| ${dtype} | ${best.toFixed(0)} | ${other.toFixed(0)} | ${(other / best).toFixed(2)} | ${gap.toExponential(1)} |`);
}
for (const process of processes) process.end();

const times: number[] = [];
for (const width of widths) {
  const run = await saddlepoint("float32", 1, width);
  await run();
  times.push(median([await timed(run), await timed(run), await timed(run)]));
}
console.log(
  `\nms at m = ${widths.map((width, i) => `${width}: ${times[i].toFixed(0)}`).join(", ")} (one thread, float32); time ∝ m^${logSlope(widths, times).toFixed(2)}`,
);

async function timed(run: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await run();
  return performance.now() - begun;
}
