/**
 * Euler–Maruyama of a small network's training SDE, many paths at once, against vectorized PyTorch (batched products, /usr/bin/python3), interleaved
 * in one run: `npx tsx bench/sde_paths.ts [paths …]`. Both draw their noise; milliseconds a step, medians, PyTorch at its best thread setting.
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

const [N, d, width] = [16, 2, 8];
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
const medians: number[] = [];
console.log("| paths | Saddlepoint, ms a step | PyTorch, ms a step | ratio |\n|---|---|---|---|");
for (const paths of counts) {
  const equation = await sdeOf(learner, data, { ...rule, copies: paths });
  const start = starts(learner, key(2), paths);
  const theta = Array.from({ length: paths }, (_, i) => [...start.subarray(i * dimension, (i + 1) * dimension)]);
  const settings = { paths, N, d, width, theta, dt, eta: rule.η, batch: rule.batch, alpha: rule.adversary.α, K: rule.adversary.K };
  const drift = await equation.drift(start);
  for (const process of processes) {
    const theirs = (
      await process.ask<number[][]>({ ...settings, x: [...(data.x.data as Float64Array)], y: [...(data.y.data as Float64Array)] })
    ).flat();
    const gap = Math.max(...theirs.map((v, i) => Math.abs(v + drift[i])));
    if (!(gap < 1e-12)) throw new Error(`the two drifts differ by ${gap}`);
  }
  const steps = Math.ceil(20_000 / paths);
  const ours = async (round: number) => {
    const W = brownianPaths(key(3).fold(round), { paths, sources: N, steps, horizon: steps * dt });
    const begun = performance.now();
    await simulate(equation, start, W);
    return (performance.now() - begun) / steps;
  };
  for (const round of [101, 102, 103]) await ours(round);
  const [mine, theirs]: [number[], number[][]] = [[], processes.map(() => [])];
  for (const process of processes) await process.ask({ steps: 3 });
  for (let round = 1; round <= 9; round++) {
    await settled();
    mine.push(await ours(round));
    for (const [i, process] of processes.entries()) {
      await settled();
      theirs[i].push(...(await process.ask<number[]>({ steps })));
    }
  }
  const best = Math.min(...theirs.map(median));
  medians.push(median(mine));
  console.log(`| ${paths} | ${median(mine).toFixed(2)} | ${best.toFixed(2)} | ${(best / median(mine)).toFixed(2)} |`);
  await equation.release();
}
for (const process of processes) process.end();

if (counts.length > 1) console.log(`\ntime ∝ paths^${logSlope(counts, medians).toFixed(2)}`);
