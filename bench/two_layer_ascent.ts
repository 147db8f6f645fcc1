/**
 * Projected gradient ascent on a two-layer network (d = 100, m = 1000, 64 inputs, 500 steps) against vectorized PyTorch (/usr/bin/python3), interleaved in
 * one run: `npx tsx bench/two_layer_ascent.ts [rounds]`. Milliseconds for all steps, medians of the rounds, PyTorch at its best thread setting; both ends must agree.
 */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { ascend, ballProjection } from "../src/attacks/index.ts";
import { add, constant, grad, input, mul, reshape, square, sub, sum, type Value } from "../src/graph/index.ts";
import { drawEnsemble, outputs } from "../src/papers/first-order-adversary/index.ts";
import { compile } from "../src/runtime/index.ts";
import { cast, type FloatDType, key, normal, type Tensor, tensor, toFloat64, zeros } from "../src/tensor/index.ts";
import { median } from "./workloads.ts";

const [d, m, inputs, steps] = [100, 1000, 64, 500];
const rounds = Number(process.argv[2] ?? 5);
/** Steps in one graph. */
const unrolled = 20;
const [radius, stepSize] = [0.1, 0.002];

const { weights, readout } = drawEnsemble(key(1), { activation: "tanh", networks: 1, d, m });
const x = normal(key(2), [inputs, d], 1 / Math.sqrt(d));
const y = tensor(
  Array.from({ length: inputs }, (_, i) => (i % 2 === 0 ? 1 : -1)),
  [1, inputs],
  "float64",
);

async function saddlepoint(dtype: FloatDType, threads: number) {
  const [at, labels] = [input("x", [inputs, d], dtype), input("y", [1, inputs], dtype)];
  const [w, a, start] = [input("w", [1, d, m], dtype), input("a", [1, m, 1], dtype), input("start", [inputs, d], dtype)];
  const losses = (delta: Value) => mul(square(sub(outputs("tanh", reshape(add(at, delta), [1, inputs, d]), w, a), labels)), 0.5);
  const projection = ballProjection(constant(zeros([], dtype)), "l2", radius);
  const end = ascend(start, unrolled, (delta) => grad(sum(losses(delta)), delta), { direction: "raw", stepSize, projection });
  const executable = await compile({ x: at, y: labels, w, a, start }, { end }, { threads });
  const data = { x: cast(x, dtype), y: cast(y, dtype), w: cast(weights, dtype), a: cast(readout, dtype) };
  return async () => {
    let delta: Tensor = zeros([inputs, d], dtype);
    for (let t = 0; t < steps; t += unrolled) delta = (await executable.run({ ...data, start: delta })).end;
    return toFloat64(delta);
  };
}

function torch(threads: number) {
  const child = spawn("/usr/bin/python3", [new URL("two_layer_ascent_torch.py", import.meta.url).pathname, String(threads)], {
    env: { ...process.env, OMP_NUM_THREADS: String(threads), OPENBLAS_NUM_THREADS: String(threads) },
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async ask<Answer>(job: object): Promise<Answer> {
      child.stdin.write(`${JSON.stringify(job)}\n`);
      return JSON.parse((await lines.next()).value) as Answer;
    },
    end: () => child.stdin.end(),
  };
}

const processes = [1, 2].map(torch);
console.log("| dtype | Saddlepoint, ms | PyTorch, ms | ratio | largest difference of the ends |\n|---|---|---|---|---|");
for (const dtype of ["float32", "float64"] as const) {
  const ours = await Promise.all([1, 2].map((threads) => saddlepoint(dtype, threads)));
  const end = await ours[0]();
  const numbers = (t: Tensor) => [...toFloat64(t)];
  const settings = { dtype, inputs, d, m, radius, stepSize, steps, x: numbers(x), y: numbers(y), w: numbers(weights), a: numbers(readout) };
  let gap = 0;
  for (const process of processes) gap = Math.max(gap, ...(await process.ask<number[]>(settings)).map((v, i) => Math.abs(v - end[i])));
  if (!(gap < (dtype === "float32" ? 1e-4 : 1e-11))) throw new Error(`the two ascents end ${gap} apart`);
  const [mine, theirs] = [ours.map((): number[] => []), processes.map((): number[] => [])];
  for (let round = 0; round < rounds; round++) {
    for (const [i, run] of ours.entries()) {
      const begun = performance.now();
      await run();
      mine[i].push(performance.now() - begun);
    }
    for (const [i, process] of processes.entries()) theirs[i].push(await process.ask<number>({ steps }));
  }
  const [best, other] = [Math.min(...mine.map(median)), Math.min(...theirs.map(median))];
  console.log(`| ${dtype} | ${best.toFixed(0)} | ${other.toFixed(0)} | ${(other / best).toFixed(2)} | ${gap.toExponential(1)} |`);
}
for (const process of processes) process.end();
