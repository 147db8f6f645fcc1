/** PyTorch in a process of its own: a script beside this file that answers each line of JSON with one. */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

export interface TorchProcess {
  ask<Answer>(job: object): Promise<Answer>;
  end(): void;
}

/** Starts a script with the number of threads as its first argument; OpenBLAS has a pool of its own, which competes for the cores. */
export function torchProcess(
  script: string,
  threads: number,
  { blasThreads = threads, args = [] as readonly string[] } = {},
): TorchProcess {
  const child = spawn("/usr/bin/python3", [new URL(script, import.meta.url).pathname, String(threads), ...args], {
    env: { ...process.env, OMP_NUM_THREADS: String(threads), OPENBLAS_NUM_THREADS: String(blasThreads) },
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async ask<Answer>(job: object) {
      child.stdin.write(`${JSON.stringify(job)}\n`);
      return JSON.parse((await lines.next()).value) as Answer;
    },
    end: () => child.stdin.end(),
  };
}
