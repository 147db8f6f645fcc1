/**
 * AutoAttack here and in its authors' PyTorch code, on the same mnist-fast weights and images:
 *
 *     npx tsx bench/autoattack.ts RUN CHECKOUT [linf|l2] [EPSILON] [IMAGES] [SEEDS] [THREADS]
 *
 * Wall time is only worth something on a machine that does nothing else; processor time, on one thread, bears company better.
 * RUN is the directory of a training run on MNIST, CHECKOUT a copy of the authors' repository (for measurement only). SADDLE_DATA names the data.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exampleRows, modelOracle, type Norm } from "../src/attacks/index.ts";
import { encodeNpz, take, whole } from "../src/data/index.ts";
import { loadData } from "../src/data/node/index.ts";
import { evaluate } from "../src/evaluation/index.ts";
import { openModel } from "../src/runs/index.ts";
import { key, tensor } from "../src/tensor/index.ts";

const [run, checkout, norm = "linf", epsilon = "0.3", images = "200", seeds = "2", threads = "2"] = process.argv.slice(2);
const { model } = openModel(run);
const { x, y } = whole(take(await loadData("mnist", { split: "test" }), Number(images)));
const oracle = modelOracle(model, { threads: Number(threads) });
const threat = { norm: norm as Norm, epsilon: Number(epsilon) };
const cpu = process.cpuUsage();
const ours = await evaluate(oracle, { x, labels: y.data }, threat, { key: key(0) });
const used = process.cpuUsage(cpu);
const processor = (used.user + used.system) / 1e6;
for (const { attack, attempted, broken, seconds } of ours.attacks) console.log(attack, { attempted, broken, seconds: seconds.toFixed(1) });
console.log("here", {
  clean: ours.clean.count,
  standing: ours.robust.count,
  seconds: ours.seconds.toFixed(1),
  processor: processor.toFixed(1),
});

const rows = exampleRows(x);
const logits = new Float32Array(rows.length * 10);
for (const [i, point] of rows.entries()) logits.set((await oracle.answer([{ point, want: "logits", label: 0 }]))[0].logits, 10 * i);
const folder = mkdtempSync(join(tmpdir(), "autoattack-"));
writeFileSync(join(folder, "weights.npz"), encodeNpz(model.weights));
writeFileSync(join(folder, "data.npz"), encodeNpz({ x, y, logits: tensor(logits, [rows.length, 10]) }));
const published = { linf: "Linf", l2: "L2", l1: "L1" }[norm];
for (let seed = 0; seed < Number(seeds); seed++) {
  const script = new URL("autoattack.py", import.meta.url).pathname;
  const said = execFileSync("/usr/bin/python3", [script, folder, checkout, String(published), epsilon, String(seed), threads], {
    env: { ...process.env, OMP_NUM_THREADS: threads, OPENBLAS_NUM_THREADS: threads },
  });
  // The last line; warnings come before it.
  const theirs = JSON.parse(said.toString().trim().split("\n").at(-1) ?? "");
  const ratio = { wall: (theirs.seconds / ours.seconds).toFixed(2), processor: (theirs.processor / processor).toFixed(2) };
  console.log("authors'", theirs, "times as long", ratio);
}
rmSync(folder, { recursive: true });
await oracle.release();
