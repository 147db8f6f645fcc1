/**
 * Euler–Maruyama of a small network's training SDE, many paths at once, against vectorized PyTorch (batched products, /usr/bin/python3), interleaved
 * in one run: `npx tsx bench/sde_paths.ts [paths …]`. Both draw their noise; milliseconds a step, medians, PyTorch at its best thread setting. With
 * float32, PyTorch computes everything in it; here the gradients are, and weights stay float64.
 */
import { setTimeout } from "node:timers/promises";
import { simulate } from "../src/analysis/sde.ts";
import { brownianPaths } from "../src/analysis/sde-brownian.ts";
import { sdeOf } from "../src/analysis/sde-training.ts";
import { noisyWave, starts, tanhRegression } from "../src/papers/continuous-time/studies/learners.ts";
import { logSlope } from "../src/papers/statistics.ts";
import { key } from "../src/tensor/index.ts";
import { torchProcess } from "./torch.ts";
import { median } from "./workloads.ts";

const [N, d, width, rounds] = [16, 2, 8, 15];
/** Idle threads of either engine spin for some milliseconds and slow the other down. */
const settled = () => setTimeout(50);
const rule = { η: 0.05, batch: 4, adversary: { α: 0.1, K: 2 } };
const dt = rule.η / 10;
const learner = tanhRegression(d, width);
const data = noisyWave(key(1), N, d);
const dimension = d * width + 2 * width;

const asked = process.argv.slice(2).map(Number);
const counts = asked.length > 0 ? asked : [100, 300, 1000, 3000];
const processes = [1, 2].map((threads) => torchProcess("./sde_paths_torch.py", threads));
for (const precision of ["float64", "float32"] as const) {
  console.log(`| ${precision}: paths | Saddlepoint, ms a step | PyTorch, ms a step | ratio |\n|---|---|---|---|`);
  const medians: number[] = [];
  for (const paths of counts) {
    const [mine, theirs] = await measure(paths, precision);
    medians.push(mine);
    console.log(`| ${paths} | ${mine.toFixed(2)} | ${theirs.toFixed(2)} | ${(theirs / mine).toFixed(2)} |`);
  }
  if (counts.length > 1) console.log(`\ntime ∝ paths^${logSlope(counts, medians).toFixed(2)}\n`);
}
for (const process of processes) process.end();

/** Medians of ours and of PyTorch's best setting, after both have the same drift. */
async function measure(paths: number, precision: "float32" | "float64"): Promise<[number, number]> {
  const equation = await sdeOf(learner, data, { ...rule, copies: paths, precision });
  const start = starts(learner, key(2), paths);
  const theta = Array.from({ length: paths }, (_, i) => [...start.subarray(i * dimension, (i + 1) * dimension)]);
  const sizes = { precision, paths, N, d, width, theta, x: [...(data.x.data as Float64Array)], y: [...(data.y.data as Float64Array)] };
  const drift = await equation.drift(start);
  for (const process of processes) {
    const { adversary, batch, η } = rule;
    const first = await process.ask<number[][]>({ ...sizes, dt, eta: η, batch, alpha: adversary.α, K: adversary.K });
    const gap = Math.max(...first.flat().map((v, i) => Math.abs(v + drift[i])));
    if (!(gap < (precision === "float64" ? 1e-12 : 1e-5))) throw new Error(`the two drifts differ by ${gap}`);
  }
  const steps = Math.ceil(100_000 / paths);
  const ours = async (round: number) => {
    const W = brownianPaths(key(3).fold(round), { paths, sources: N, steps, horizon: steps * dt });
    const begun = performance.now();
    await simulate(equation, start, W);
    return (performance.now() - begun) / steps;
  };
  const [mine, theirs]: [number[], number[][]] = [[], processes.map(() => [])];
  for (let round = 0; round <= rounds; round++) {
    await settled();
    const own = await ours(round);
    // The first round warms both up.
    if (round > 0) mine.push(own);
    for (const [i, process] of processes.entries()) {
      await settled();
      const [found] = await process.ask<number[]>({ steps });
      if (round > 0) theirs[i].push(found);
    }
  }
  await equation.release();
  return [median(mine), Math.min(...theirs.map(median))];
}
