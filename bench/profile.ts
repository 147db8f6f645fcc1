/** Where the time of a workload goes, by operator, and by operator and output shape: `npx tsx bench/profile.ts WORKLOAD [runs] [threads]`. The fastest run counts for each node. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setSessionCacheBytes } from "../src/runtime/index.ts";
import { programs, timed, workloads } from "./workloads.ts";

interface ProfileEvent {
  readonly cat: string;
  readonly name: string;
  readonly dur: number;
  readonly args: { readonly op_name?: string; readonly output_type_shape?: readonly Record<string, readonly number[]>[] };
}

const [name, runs = "10", threads] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), "profile-"));
const workload = workloads[name];
const made = await programs(workload, { profile: join(folder, "p"), threads: threads ? Number(threads) : undefined });
await timed(workload, made, Number(runs));
await Promise.all([made.attack.release(), made.train.release()]);
await setSessionCacheBytes(0);
const part = workload.kind === "train" ? "p-train" : "p-attack";
const [file] = readdirSync(folder).filter((entry) => entry.startsWith(part));
const events = (JSON.parse(readFileSync(join(folder, file), "utf8")) as ProfileEvent[]).filter(
  (event) => event.cat === "Node" && event.name.endsWith("_kernel_time"),
);
rmSync(folder, { recursive: true });

const fastest = new Map<string, { operator: string; shape: string; dur: number }>();
for (const { name, dur, args } of events) {
  const shape = Object.values(args.output_type_shape?.[0] ?? {})[0];
  const before = fastest.get(name);
  if (!before || dur < before.dur) fastest.set(name, { operator: String(args.op_name), shape: `[${shape}]`, dur });
}
table("operator", ({ operator }) => operator, 12);
table("operator and output", ({ operator, shape }) => `${operator} ${shape}`, 30);

function table(title: string, label: (node: { operator: string; shape: string }) => string, rows: number): void {
  const totals = new Map<string, { count: number; dur: number }>();
  for (const node of fastest.values()) {
    const { count, dur } = totals.get(label(node)) ?? { count: 0, dur: 0 };
    totals.set(label(node), { count: count + 1, dur: dur + node.dur });
  }
  const sum = [...totals.values()].reduce((total, { dur }) => total + dur, 0);
  console.log(`| ${title} | nodes | ms |\n|---|---|---|\n| all | ${fastest.size} | ${(sum / 1000).toFixed(2)} |`);
  for (const [label, { count, dur }] of [...totals].sort((a, b) => b[1].dur - a[1].dur).slice(0, rows))
    console.log(`| ${label} | ${count} | ${(dur / 1000).toFixed(2)} |`);
}
