/** Lanes are threads beside this one: what they compute must be what this one computes, and neither their errors nor their ends may be lost. */
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { pathToFileURL } from "node:url";
import { describe, expect, it } from "vitest";
import { add, asinh, input, matMul, mul, reduceSum, tanh, type Value } from "../../src/graph/index.ts";
import { CompileError, compile, DeviceError, FeedError, laneCount, overLanes } from "../../src/runtime/index.ts";
import { key, normal, type Tensor, tensor, toFloat64 } from "../../src/tensor/index.ts";

const n = 96;
const shape = [n, n];
const x = input("x", shape, "float64");
const u = input("u", [n], "float64");
const scale = input("scale", [], "float64");
/** Large enough to be written in place, and a small one beside it. */
const next = tanh(add(mul(matMul(x, x), scale), u));
const outputs = { next, total: reduceSum(next) };
const inputs = { x, u, scale };
const feedsOf = (seed: number) => ({
  x: normal(key(seed), shape),
  u: normal(key(seed).fold("u"), [n]),
  scale: tensor(Float64Array.of(0.1), [], "float64"),
});
const numbers = (found: Readonly<Record<string, Tensor>>) =>
  Object.fromEntries(Object.entries(found).map(([name, t]) => [name, [...toFloat64(t)]]));

it("there are as many as cores", async () => {
  expect(await laneCount()).toBe(availableParallelism());
});

describe.skipIf(availableParallelism() < 2)("lane 1 (skipped on a single core)", () => {
  it("computes what this thread computes, fresh and in place, for several executables at once", async () => {
    const here = await compile(inputs, outputs, { threads: 1 });
    const beside = await Promise.all([1, 2, 3].map(() => compile(inputs, outputs, { lane: 1 })));
    const feeds = [1, 2, 3].map(feedsOf);
    const expected = [];
    for (const data of feeds) expected.push(numbers(await here.run(data)));
    // Equal graphs share a session, in which runs wait for each other.
    const found = await Promise.all(beside.map((executable, i) => executable.run(feeds[i])));
    expect(found.map(numbers)).toEqual(expected);
    const into = { next: tensor(new Float64Array(n * n), shape, "float64") };
    const placed = await beside[0].run(feeds[2], into);
    expect(placed.next.data).toBe(into.next.data);
    expect(numbers(placed)).toEqual(expected[2]);
    // What was found before stays as it was.
    expect(found.map(numbers)).toEqual(expected);
    await beside[0].release();
    expect(numbers(await beside[1].run(feeds[0]))).toEqual(expected[0]);
    await Promise.all([here, beside[1], beside[2]].map((executable) => executable.release()));
  });

  it("says what its engine cannot run", async () => {
    const wrong = (lane: number) => compile({ u }, { y: asinh(u) }, { lane }).catch((error: Error) => error);
    const [here, beside] = [await wrong(0), await wrong(1)];
    expect(here).toBeInstanceOf(CompileError);
    expect(beside).toEqual(here);
  });

  it.each([
    ["ends by itself when nothing is left to do", "end", 0],
    ["ends when it is told to, in the middle of a run", "exit", 3],
    ["ends with what was thrown, in the middle of a run", "throw", 1],
  ])("a process with lanes %s", (_, mode, status) => {
    const source = (path: string) => JSON.stringify(new URL(`../../src/${path}`, import.meta.url).href);
    const script = `
      const { input, matMul } = await import(${source("graph/index.ts")});
      const { compile } = await import(${source("runtime/index.ts")});
      const { full } = await import(${source("tensor/index.ts")});
      const x = input("x", [300, 300], "float64");
      const { iterate } = await compile({ x }, { y: matMul(x, x) }, { lane: 1 });
      const run = (runs) => iterate({ x: full([300, 300], 1 / 300, "float64") }, { each: Array(runs).fill({}), carry: { x: "y" } });
      await run(1);
      if (${JSON.stringify(mode)} === "end") await run(20);
      else {
        run(100000);
        setTimeout(() => { if (${JSON.stringify(mode)} === "exit") process.exit(3); throw new Error("thrown"); }, 100);
      }`;
    const arguments_ = ["--import", pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href, "--input-type=module", "-e", script];
    const ended = spawnSync(process.execPath, arguments_, { encoding: "utf8", timeout: 60_000 });
    expect(ended.stderr).not.toContain("terminate");
    expect([ended.status, ended.signal]).toEqual([status, null]);
  });
});

describe.each([0, 1].slice(0, availableParallelism()))("iterated runs on lane %i", (lane) => {
  const drives = [4, 5, 6, 7, 8].map((seed) => normal(key(seed), [n]));

  it.each([1, 2, 5])("are %i runs one after the other", async (runs) => {
    const executable = await compile(inputs, outputs, { lane });
    const { x: start, scale } = feedsOf(1);
    const given = start.data.slice();
    let state: Tensor = start;
    let last: Record<string, Tensor> = {};
    for (const u of drives.slice(0, runs)) {
      last = await executable.run({ x: state, u, scale });
      state = last.next;
    }
    const each = drives.slice(0, runs).map((u) => ({ u }));
    const into = { next: tensor(new Float64Array(n * n), shape, "float64") };
    const fresh = await executable.iterate({ x: start, scale }, { each, carry: { x: "next" } });
    const placed = await executable.iterate({ x: start, scale }, { each, carry: { x: "next" } }, into);
    for (const found of [fresh, placed]) expect(numbers(found)).toEqual(numbers(last));
    expect(placed.next.data).toBe(into.next.data);
    expect(start.data).toEqual(given);
    // Fewer runs after more, in the same memory.
    const once = await executable.iterate({ x: start, scale }, { each: [{ u: drives[0] }], carry: { x: "next" } });
    expect(numbers(once)).toEqual(numbers(await executable.run({ x: start, u: drives[0], scale })));
    await executable.release();
  });

  it("carry what no output needs as well", async () => {
    const unused: Value = input("unused", shape, "float64");
    const executable = await compile({ x, unused }, { y: mul(x, 2), z: mul(x, 3) }, { lane });
    const { x: start } = feedsOf(1);
    const { y } = await executable.iterate({ x: start, unused: start }, { each: [{}, {}], carry: { x: "y", unused: "z" } });
    expect(y.data[7]).toBe(4 * (start.data[7] as number));
    await executable.release();
  });

  it("are refused with what is wrong", async () => {
    const executable = await compile(inputs, outputs, { lane });
    const { x: start, scale } = feedsOf(1);
    const iterate = (each: Record<string, Tensor>[], carry: object) =>
      executable.iterate({ x: start, scale }, { each, carry: carry as Record<string, "next"> });
    await expect(iterate([], {})).rejects.toThrow(FeedError);
    await expect(iterate([{}], { x: "next" })).rejects.toThrow('"u" was given no data');
    await expect(iterate([{ u: drives[0] }, { u: start }], { x: "next" })).rejects.toThrow("but was given");
    await expect(iterate([{ u: drives[0] }], { u: "next" })).rejects.toThrow(
      'output "next" is float64[96,96], and cannot be input "u", which is float64[96]',
    );
    await expect(iterate([{ u: drives[0] }], { v: "next" })).rejects.toThrow('no input "v"');
    await expect(iterate([{ u: drives[0] }], { x: "later" })).rejects.toThrow('no output "later"');
    await executable.release();
    await expect(iterate([{ u: drives[0] }], { x: "next" })).rejects.toThrow("released");
  });
});

it.each([-1, 0.5, 4096])("there is no lane %d", async (lane) => {
  await expect(compile(inputs, outputs, { lane })).rejects.toThrow(DeviceError);
});

describe("work over lanes", () => {
  it("comes back in the order of the items, each done once, side by side where there are cores", async () => {
    const items = Array.from({ length: 9 }, (_, i) => i);
    const [done, lanes] = [[] as number[], new Set<number>()];
    const results = await overLanes(items, async (item, lane) => {
      lanes.add(lane);
      const executable = await compile({ scale }, { y: mul(scale, item) }, { lane });
      const { y } = await executable.run({ scale: tensor(Float64Array.of(2), [], "float64") });
      await executable.release();
      done.push(item);
      return y.data[0];
    });
    expect(results).toEqual(items.map((item) => 2 * item));
    expect(done.sort()).toEqual(items);
    expect(lanes).toEqual(new Set(Array.from({ length: Math.min(9, await laneCount()) }, (_, lane) => lane)));
    expect(await overLanes([], async () => 1)).toEqual([]);
  });

  it("ends with the first error, begins nothing after it, and leaves nothing at work", async () => {
    const [begun, ended] = [[] as number[], [] as number[]];
    const work = overLanes([0, 1, 2, 3, 4, 5, 6, 7], async (item) => {
      begun.push(item);
      if (item === 0) throw new Error("the first");
      await new Promise((resolve) => setTimeout(resolve, 30));
      ended.push(item);
    });
    await expect(work).rejects.toThrow("the first");
    expect(begun).toHaveLength(Math.min(8, await laneCount()));
    expect(ended).toEqual(begun.slice(1));
  });
});
