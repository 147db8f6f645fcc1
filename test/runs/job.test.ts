import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type BenchSettings, openBench } from "../../src/runs/bench.ts";
import { type Job, JobDied, runJob, Stopped, startJob } from "../../src/runs/job.ts";
import { scratch } from "./helpers.ts";
import type { CountInput } from "./jobs/count.ts";

const countJob = new URL("./jobs/count.ts", import.meta.url);
type Counted = { counted: number; values: Float64Array };
const start = (input: CountInput, onEvent?: (event: number) => void): Job<Counted> => startJob(countJob, input, { onEvent });

describe("job", () => {
  it("streams its events in order and returns typed arrays and NaN whole", async () => {
    const events: number[] = [];
    const { counted, values } = await start({ to: 20, end: "print" }, (event) => events.push(event)).result;
    expect(counted).toBe(20);
    expect(events).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
    expect(values).toEqual(Float64Array.of(Number.NaN, 20));
  });

  it("stops when asked, and may still return what it has", async () => {
    const job = start({ to: 1e9 }, (event) => event === 5 && job.stop());
    expect((await job.result).counted).toBeGreaterThanOrEqual(5);
  });

  it("rejects with what the job threw: name, message and hint", async () => {
    await expect(start({ to: 1, end: "throw" }).result).rejects.toMatchObject({
      name: "RangeError",
      message: "the job failed on purpose",
      hint: "do not do that",
    });
  });

  it("rejects when the process dies, and when there is no such job", async () => {
    await expect(start({ to: 1, end: "die" }).result).rejects.toThrow(/signal SIGKILL/);
    await expect(start({ to: 1, end: "die" }).result).rejects.toBeInstanceOf(JobDied);
    await expect(startJob(new URL("./jobs/absent.ts", import.meta.url), {}).result).rejects.toThrow(/absent/);
  });

  it("asks at the first Ctrl-C and ends the process at the second", async () => {
    let asked = 0;
    const politely = runJob<CountInput, number, Counted>(
      countJob,
      { to: 1e9 },
      { onEvent: (event) => event === 5 && process.emit("SIGINT"), onStopping: () => asked++ },
    );
    expect((await politely).counted).toBeGreaterThanOrEqual(5);
    const atOnce = runJob<CountInput, number, Counted>(
      countJob,
      { to: 1e9, stubborn: true },
      { onEvent: () => process.emit("SIGINT"), onStopping: () => asked++ },
    );
    await expect(atOnce).rejects.toBeInstanceOf(Stopped);
    expect(asked).toBe(2);
    expect(process.listenerCount("SIGINT")).toBe(0);
  });
});

describe("bench", () => {
  const directory = scratch();
  const settings: BenchSettings = { paper: "p", mode: "quick", seed: 7, version: "0" };

  it("remembers pieces: what is there is not computed again, and comes back the same", async () => {
    let computed = 0;
    const compute = () => ({ count: ++computed, values: [1 / 3, Number.NaN], nested: { a: "b" }, nothing: undefined });
    const first = await openBench(directory, settings).remember("a/b", compute);
    const bench = openBench(directory, settings);
    expect(bench.kept).toBe(1);
    expect(await bench.remember("a/b", compute)).toEqual(first);
    expect(computed).toBe(1);
    expect(await openBench(directory, settings, { fresh: true }).remember("a/b", compute)).toMatchObject({ count: 2 });
    expect(readdirSync(join(directory, "pieces"))).toEqual(["a%2Fb.json"]);
  });

  it("does not mix the pieces of other settings in", async () => {
    expect(() => openBench(directory, { ...settings, seed: 8 })).toThrow(/pieces of another run \(p --quick, seed 7/);
    expect(openBench(directory, { ...settings, seed: 8 }, { fresh: true }).kept).toBe(0);
  });

  it("refuses a name twice, and a value that JSON would change", async () => {
    const bench = openBench(join(directory, "names"), settings);
    await bench.remember("x", () => 1);
    await expect(bench.remember("x", () => 2)).rejects.toThrow(/two pieces/);
    await expect(bench.remember("y", () => [Float32Array.of(1)])).rejects.toThrow(/Float32Array/);
  });

  it("ends between pieces when asked to stop", async () => {
    const stop = new AbortController();
    const folder = join(directory, "stopping");
    const bench = openBench(folder, settings, { signal: stop.signal });
    await bench.remember("x", () => stop.abort(new Stopped("stopped")));
    await expect(bench.remember("y", () => 2)).rejects.toBeInstanceOf(Stopped);
    expect(() => bench.progress("z", 0.5)).toThrow(Stopped);
    expect(existsSync(join(folder, "pieces", "x.json"))).toBe(true);
  });
});
