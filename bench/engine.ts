/**
 * The engine against PyTorch on the steps of adversarial training, in turns in one run: `npx tsx bench/engine.ts [--cpu] [--plain] [workload …]`.
 * PyTorch (/usr/bin/python3) runs with denormals flushed, in the fastest of its thread settings. With --plain the rival is our own plain layout.
 * Medians in milliseconds: of wall time on two threads, or with --cpu of processor time on one thread, which other processes disturb less.
 */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { setTimeout } from "node:timers/promises";
import { median, programs, timed, workloads } from "./workloads.ts";

const given = process.argv.slice(2);
const cpu = given.includes("--cpu");
const threads = cpu ? 1 : undefined;
const asked = given.filter((name) => !name.startsWith("--"));

/** Threads of OpenMP and of OpenBLAS, whose pools compete for the cores. */
const settings = cpu
  ? ([[1, 1]] as const)
  : ([
      [2, 2],
      [2, 1],
      [1, 1],
    ] as const);

/** PyTorch in a process of its own. */
function torch([threads, blasThreads]: readonly [number, number]) {
  const child = spawn("/usr/bin/python3", [new URL("engine_torch.py", import.meta.url).pathname, String(threads), cpu ? "cpu" : "wall"], {
    env: { ...process.env, OMP_NUM_THREADS: String(threads), OPENBLAS_NUM_THREADS: String(blasThreads) },
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async ask(job: object): Promise<number[]> {
      child.stdin.write(`${JSON.stringify(job)}\n`);
      return JSON.parse((await lines.next()).value) as number[];
    },
    end: () => child.stdin.end(),
  };
}

/** Threads that have nothing left to do spin for some milliseconds, in either engine: the next measurement waits until they sleep. */
const settled = () => setTimeout(50);

if (given.includes("--plain")) await againstPlain();
else await againstTorch();

async function againstTorch(): Promise<void> {
  const processes = settings.map(torch);
  console.log("| workload | Saddlepoint, ms | PyTorch, ms | ratio |\n|---|---|---|---|");
  for (const name of asked.length > 0 ? asked : Object.keys(workloads)) {
    const workload = workloads[name];
    const made = await programs(workload, { threads });
    const rivals = processes.map((process) => (runs: number) => process.ask({ ...workload, warm: 0, runs }));
    row(name, await alternate([(runs) => timed(workload, made, runs, cpu), ...rivals]));
    await Promise.all([made.attack.release(), made.train.release()]);
  }
  for (const torch of processes) torch.end();
}

/** What the blocked layout brings. */
async function againstPlain(): Promise<void> {
  console.log("| workload | blocked, ms | plain, ms | ratio |\n|---|---|---|---|");
  for (const name of asked.length > 0 ? asked : Object.keys(workloads).filter((name) => /attack|train-0/.test(name))) {
    const workload = workloads[name];
    const made = await Promise.all([true, false].map((blocked) => programs(workload, { threads, blocked })));
    row(name, await alternate(made.map((one) => (runs) => timed(workload, one, runs, cpu))));
    await Promise.all(made.flatMap((one) => [one.attack.release(), one.train.release()]));
  }
}

/** Median times of several ways to do the same, taken in turns of at least 3 runs and a tenth of a second. */
async function alternate(ways: readonly ((runs: number) => Promise<number[]>)[]): Promise<number[]> {
  const times = ways.map((): number[] => []);
  const runs: number[] = [];
  for (const way of ways) runs.push(Math.max(3, Math.ceil(100 / median(await way(3)))));
  for (let round = 0; round < 5; round++) {
    for (const [i, way] of ways.entries()) {
      await settled();
      times[i].push(...(await way(runs[i])));
    }
  }
  return times.map(median);
}

function row(name: string, [ours, ...others]: readonly number[]): void {
  const best = Math.min(...others);
  console.log(`| ${name} | ${ours.toFixed(1)} | ${best.toFixed(1)} | ${(best / ours).toFixed(2)} |`);
}
