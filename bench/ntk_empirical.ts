/**
 * The empirical tangent kernel of the small CNN (312,202 weights, 10 logits) on images, against PyTorch's functorch (per-example gradients by vmap,
 * /usr/bin/python3) on the same weights and images, interleaved in one run: `npx tsx bench/ntk_empirical.ts [images …]`. Seconds, the better of two
 * rounds, each at its best setting of threads, PyTorch also of chunk.
 */
import { empiricalNtk } from "../src/analysis/ntk-empirical.ts";
import { architecture } from "../src/models/index.ts";
import { logSlope } from "../src/papers/statistics.ts";
import { cast, key, uniform } from "../src/tensor/index.ts";
import { torchProcess } from "./torch.ts";

const model = architecture("small-cnn").initialize(key(1));

const asked = process.argv.slice(2).map(Number);
const settings = [1, 2].flatMap((threads) =>
  [16, 64].map((chunk) => ({ chunk, process: torchProcess("./ntk_empirical_torch.py", threads) })),
);
const weights = Object.fromEntries(Object.entries(model.weights).map(([name, { data }]) => [name, [...(data as Float32Array)]]));
for (const { process } of settings) await process.ask({ weights });
const counts = asked.length > 0 ? asked : [32, 64, 128, 256];
const times: number[] = [];
console.log("| images | Saddlepoint, s | PyTorch, s | ratio |\n|---|---|---|---|");
for (const n of counts) {
  const x = cast(uniform(key(2), [n, 1, 28, 28]), "float32");
  const [mine, theirs]: [number[], number[]] = [[], []];
  for (let round = 0; round < 2; round++) {
    let K = await empiricalNtk(model, x);
    for (const threads of [1, 2]) {
      const begun = performance.now();
      K = await empiricalNtk(model, x, x, { runtime: { threads } });
      mine.push((performance.now() - begun) / 1000);
    }
    for (const { chunk, process } of settings) {
      const { seconds, kernel } = await process.ask<{ seconds: number; kernel: number[][] }>({ n, chunk, x: [...x.data] });
      theirs.push(seconds);
      const gap = Math.max(...kernel.flatMap((row, i) => row.map((value, j) => Math.abs(value / K.get(i, j) - 1))));
      if (!(gap < 1e-3)) throw new Error(`the two kernels differ by ${gap}`);
    }
  }
  const [ours, best] = [Math.min(...mine), Math.min(...theirs)];
  times.push(ours);
  console.log(`| ${n} | ${ours.toFixed(2)} | ${best.toFixed(2)} | ${(best / ours).toFixed(2)} |`);
}
for (const { process } of settings) process.end();
if (counts.length > 1) console.log(`\ntime ∝ images^${logSlope(counts, times).toFixed(2)}`);
