/**
 * Peak resident memory of ten training steps, ours and PyTorch's, each in a process of its own: `npx tsx bench/memory.ts [workload …]`.
 * MiB of the whole process (VmHWM), the language and its libraries included. Ours runs compiled, as the package is published, and with the flags of
 * the process that trains; what reading and compiling the model left behind is collected before the first step.
 */
import { spawn, spawnSync } from "node:child_process";
import { copyFileSync, readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { jobFlags } from "../src/runs/job.ts";
import { programs, timed, workloads } from "./workloads.ts";

const [first, ...rest] = process.argv.slice(2);
if (first === "--own") console.log(await own(rest[0]));
else {
  const names = first ? [first, ...rest] : Object.keys(workloads).filter((name) => name.endsWith("train-10"));
  const compiled = fileURLToPath(new URL("../node_modules/.cache/memory", import.meta.url));
  spawnSync(
    "npx",
    ["tsc", "-p", ".", "--noEmit", "false", "--incremental", "false", "--tsBuildInfoFile", "null", "--outDir", compiled, "--rootDir", "."],
    { stdio: "inherit" },
  );
  copyFileSync(new URL("engine_torch.py", import.meta.url), `${compiled}/bench/engine_torch.py`);
  console.log("| workload | Saddlepoint, MiB | PyTorch, MiB |\n|---|---|---|");
  for (const name of names) {
    const ours = spawnSync(process.execPath, [...jobFlags, "--expose-gc", `${compiled}/bench/memory.js`, "--own", name], {
      encoding: "utf8",
    });
    console.log(`| ${name} | ${ours.stdout.trim()} | ${await torch(name)} |`);
  }
}

async function own(name: string): Promise<number> {
  const made = await programs(workloads[name]);
  globalThis.gc?.();
  await timed(workloads[name], made, 10);
  return peak("self");
}

async function torch(name: string): Promise<number> {
  const child = spawn("/usr/bin/python3", [new URL("engine_torch.py", import.meta.url).pathname, "2", "wall"], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  child.stdin.write(`${JSON.stringify({ ...workloads[name], warm: 0, runs: 10 })}\n`);
  await createInterface({ input: child.stdout })[Symbol.asyncIterator]().next();
  const result = peak(child.pid as number);
  child.stdin.end();
  return result;
}

/** Peak resident memory of a process, in MiB. */
function peak(pid: number | "self"): number {
  return Math.round(Number(/VmHWM:\s*(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024);
}
