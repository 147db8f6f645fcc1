/**
 * AutoAttack here and in its authors' PyTorch code, on the same mnist-fast weights and images:
 *
 *     npx tsx bench/autoattack.ts RUN CHECKOUT [linf|l2] [EPSILON] [IMAGES] [here:LANES:SEED | authors:THREADS:SEED …]
 *
 * RUN is the directory of a training run on MNIST, CHECKOUT a copy of the authors' repository (for measurement only). SADDLE_DATA names the data. One
 * lane computes on one thread. Wall time is only worth something on a machine that does nothing else; processor time bears company better.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exampleRows, type Norm, noise } from "../src/attacks/index.ts";
import { encodeNpz, take, whole } from "../src/data/index.ts";
import { loadData } from "../src/data/node/index.ts";
import { evaluate } from "../src/evaluation/index.ts";
import { openOracle, readModel, withLanes } from "../src/runs/index.ts";
import { key, takeRows, tensor } from "../src/tensor/index.ts";

const [run, checkout, norm = "linf", epsilon = "0.3", images = "200", ...named] = process.argv.slice(2);
const data = take(await loadData("mnist", { split: "test" }), Number(images));
const { x, y } = whole(data);
const options = { threads: 1 };
const { oracle } = await openOracle(run, data, options);

const folder = mkdtempSync(join(tmpdir(), "autoattack-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true })).on("SIGINT", () => process.exit(130));
const rows = exampleRows(x);
const logits = new Float32Array(rows.length * 10);
for (const [i, point] of rows.entries()) logits.set((await oracle.answer([{ point, want: "logits", label: 0 }]))[0].logits, 10 * i);
writeFileSync(join(folder, "weights.npz"), encodeNpz(readModel(run).model.weights));
writeFileSync(join(folder, "data.npz"), encodeNpz({ x, y, logits: tensor(logits, [rows.length, 10]) }));

const least = { here: Number.POSITIVE_INFINITY, authors: Number.POSITIVE_INFINITY };
for (const who of named.length > 0 ? named : ["here:1", "here:2", "authors:1:0", "authors:2:0", "authors:2:1"]) {
  const [side, count, seed = "0"] = who.split(":");
  const found = side === "here" ? await here(Number(count), Number(seed)) : authors(count, seed);
  console.log(who, found);
  least[side as keyof typeof least] = Math.min(least[side as keyof typeof least], found.seconds);
}
console.log("times as long, each at its best:", (least.authors / least.here).toFixed(2));
await oracle.release();

async function here(lanes: number, seed: number) {
  const threat = { norm: norm as Norm, epsilon: Number(epsilon) };
  const wide = lanes === 1 ? undefined : withLanes(oracle, lanes, { target: run, data, options });
  // Opening the lanes does not count, as loading PyTorch does not.
  const one = { x: takeRows(x, [0]), labels: [y.data[0]] };
  await Promise.all((wide?.lanes ?? []).map((lane) => lane.run(noise(), one, threat, { key: key(0) })));
  const cpu = process.cpuUsage();
  const ours = await evaluate(wide ?? oracle, { x, labels: y.data }, threat, { key: key(seed) });
  const { user, system } = process.cpuUsage(cpu);
  for (const { attack, attempted, broken, seconds } of ours.attacks)
    console.log(attack, { attempted, broken, seconds: seconds.toFixed(1) });
  return { clean: ours.clean.count, standing: ours.robust.count, seconds: ours.seconds, processor: (user + system) / 1e6 };
}

function authors(threads: string, seed: string) {
  const script = new URL("autoattack.py", import.meta.url).pathname;
  const published = { linf: "Linf", l2: "L2", l1: "L1" }[norm];
  const said = execFileSync("/usr/bin/python3", [script, folder, checkout, String(published), epsilon, seed, threads], {
    env: { ...process.env, OMP_NUM_THREADS: threads, OPENBLAS_NUM_THREADS: threads },
  });
  // The last line; warnings come before it.
  return JSON.parse(said.toString().trim().split("\n").at(-1) ?? "") as {
    seed: number;
    standing: number;
    seconds: number;
    processor: number;
  };
}
