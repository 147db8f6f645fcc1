/** A job that counts to `to`, one step every few milliseconds, and says how far it came when it is asked to stop. */
import { setTimeout as wait } from "node:timers/promises";
import type { JobContext } from "../../../src/runs/index.ts";

export interface CountInput {
  to: number;
  /** Does not listen when it is asked to stop. */
  stubborn?: boolean;
  /** What to do at the end. */
  end?: "throw" | "die" | "print";
}

export default async function count(
  { to, stubborn, end }: CountInput,
  { emit, signal }: JobContext<number>,
): Promise<{ counted: number; values: Float64Array }> {
  let counted = 0;
  while (counted < to && (stubborn || !signal.aborted)) {
    await wait(2);
    emit(++counted);
  }
  if (end === "throw") throw Object.assign(new RangeError("the job failed on purpose"), { hint: "do not do that" });
  if (end === "die") process.kill(process.pid, "SIGKILL");
  if (end === "print") console.log("a word on stdout");
  return { counted, values: Float64Array.of(Number.NaN, counted) };
}
