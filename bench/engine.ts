/**
 * The engine against PyTorch on the steps of adversarial training, interleaved in one run: `npx tsx bench/engine.ts [--cpu] [workload …]`.
 * PyTorch (/usr/bin/python3) runs with denormals flushed, in the fastest of its thread settings. Medians in milliseconds: of wall time on two
 * threads, or with --cpu of processor time on one thread, which other processes on the machine disturb less.
 */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { setTimeout } from "node:timers/promises";
import { median, programs, timed, workloads } from "./workloads.ts";

const given = process.argv.slice(2);
const cpu = given.includes("--cpu");
const asked = given.filter((name) => name !== "--cpu");

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

const processes = settings.map(torch);
console.log("| workload | Saddlepoint, ms | PyTorch, ms | ratio |\n|---|---|---|---|");
for (const name of asked.length > 0 ? asked : Object.keys(workloads)) {
  const workload = workloads[name];
  const made = await programs(workload, { threads: cpu ? 1 : undefined });
  await timed(workload, made, 2, cpu);
  const [ours, theirs]: [number[], number[][]] = [[], settings.map(() => [])];
  for (const torch of processes) await torch.ask({ ...workload, warm: 1, runs: 1 });
  for (let round = 0; round < 5; round++) {
    await settled();
    ours.push(...(await timed(workload, made, 3, cpu)));
    for (const [i, torch] of processes.entries()) {
      await settled();
      theirs[i].push(...(await torch.ask({ ...workload, warm: 0, runs: 2 })));
    }
  }
  const best = Math.min(...theirs.map(median));
  console.log(`| ${name} | ${median(ours).toFixed(1)} | ${best.toFixed(1)} | ${(best / median(ours)).toFixed(2)} |`);
  await Promise.all([made.attack.release(), made.train.release()]);
}
for (const torch of processes) torch.end();
