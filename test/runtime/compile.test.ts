import { describe, expect, it } from "vitest";
import * as g from "../../src/graph/index.ts";
import { CompileError, compile, DeviceError, devices, FeedError, sessionCacheUse, setSessionCacheBytes } from "../../src/runtime/index.ts";
import { full, scalar, type Tensor, tensor, zeros } from "../../src/tensor/index.ts";

const x = g.input("x", [2, 3]);
const w = g.input("w", [3]);
const feeds = { x: tensor([1, 2, 3, 4, 5, 6], [2, 3]), w: tensor([1, 10, 100]) };

describe("running", () => {
  it("gives fresh outputs under the names asked for, which may be those of inputs", async () => {
    const step = await compile({ x, w }, { x: g.mul(x, w), total: g.sum(x) });
    const first = await step.run(feeds);
    const second = await step.run({ ...feeds, x: full([2, 3], 1) });
    expect([...first.x.data]).toEqual([1, 20, 300, 4, 50, 600]);
    expect(first.total).toEqual(scalar(21));
    expect([...second.x.data]).toEqual([1, 10, 100, 1, 10, 100]);
    await step.release();
  });

  it("writes into preallocated outputs in place, also into rows of a larger tensor", async () => {
    const step = await compile({ x, w }, { y: g.mul(x, w) });
    const memory = new Float32Array(12);
    const target: Tensor = { dtype: "float32", shape: [2, 3], data: memory.subarray(6) };
    const { y } = await step.run(feeds, { y: target });
    expect(y).toBe(target);
    expect([...memory]).toEqual([0, 0, 0, 0, 0, 0, 1, 20, 300, 4, 50, 600]);
    await step.release();
  });

  it("makes no arrays besides for large outputs that have their memory", async () => {
    const big = g.input("big", [512, 512]);
    const step = await compile({ big }, { y: g.mul(big, 2), rest: g.sum(big) });
    const given = { big: full([512, 512], 3) };
    const into = { y: zeros([512, 512]), rest: scalar(0) };
    await step.run(given, into);
    const before = process.memoryUsage().arrayBuffers;
    for (let i = 0; i < 8; i++) await step.run(given, into);
    // Eight copies would be 8 MiB.
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 20);
    expect(into.y.data.every((v) => v === 6)).toBe(true);
    expect(into.rest.data[0]).toBe(3 * 512 * 512);
    const partly = await step.run(given, { y: into.y });
    expect(partly.rest).toEqual(into.rest);
    await step.release();
  });

  it("still says what goes wrong while it writes to given memory", async () => {
    const [table, at] = [g.input("table", [256, 256]), g.input("at", [1], "int32")];
    const step = await compile({ table, at }, { y: g.mul(table, g.gather(table, at, 0)) });
    const feeds = { table: full([256, 256], 1), at: tensor([256], [1], "int32") };
    await expect(step.run(feeds, { y: zeros([256, 256]) })).rejects.toThrow(/out of (data )?bounds/);
    await step.release();
  });

  it("passes inputs through and gives one value under two names", async () => {
    const y = g.mul(x, 2);
    const step = await compile({ x }, { a: x, b: y, c: y });
    const { a, b, c } = await step.run({ x: feeds.x });
    expect([...a.data]).toEqual([...feeds.x.data]);
    expect(b).toEqual(c);
    expect([...b.data]).toEqual([2, 4, 6, 8, 10, 12]);
    await step.release();
  });

  it("needs no data for inputs that the outputs do not depend on", async () => {
    const step = await compile({ x, w }, { y: g.neg(w) });
    expect([...(await step.run({ w: feeds.w })).y.data]).toEqual([-1, -10, -100]);
    await step.release();
  });
});

describe("what is wrong is said", () => {
  const promise = compile({ x, w }, { y: g.mul(x, w) });
  const refused: [string, Record<string, Tensor>, Record<string, Tensor>, RegExp][] = [
    ["missing data", { x: feeds.x }, {}, /input "w" was given no data/],
    ["an unknown name", { ...feeds, z: feeds.w }, {}, /no input "z"; there are "x", "w"/],
    ["a wrong shape", { ...feeds, x: zeros([3, 2]) }, {}, /input "x" is float32\[2,3\], but was given float32\[3,2\]/],
    ["a wrong dtype", { ...feeds, w: zeros([3], "float64") }, {}, /input "w" is float32\[3\], but was given float64\[3\]/],
    ["a wrong target", feeds, { y: zeros([2, 2]) }, /output "y" is float32\[2,3\], but was given float32\[2,2\]/],
    ["an unknown target", feeds, { z: zeros([2, 3]) }, /no output "z"; there are "y"/],
    ["shared memory", { ...feeds, w: { ...feeds.w, data: new Float32Array(new SharedArrayBuffer(12)) } }, {}, /"w" lies in shared memory/],
    ["too few numbers", { ...feeds, w: { ...feeds.w, data: new Float32Array(2) } }, {}, /input "w" has 2 numbers for the shape \[3\]/],
  ];
  for (const [what, given, into, message] of refused) {
    it(what, async () => {
      await expect((await promise).run(given, into)).rejects.toThrow(FeedError);
      await expect((await promise).run(given, into)).rejects.toThrow(message);
    });
  }

  it("a target that lies in the memory of an input", async () => {
    await expect((await promise).run(feeds, { y: feeds.x })).rejects.toThrow(/output "y" lies in the memory of input "x"/);
  });

  it("an input that the outputs need and that is not given", async () => {
    await expect(compile({ x }, { y: g.mul(x, w) })).rejects.toThrow(/the outputs need Input "w" float32\[3\]/);
  });

  it("a device that is not there", async () => {
    await expect(compile({ x }, { y: g.neg(x) }, { device: "wasm" })).rejects.toThrow(DeviceError);
    await expect(compile({ x }, { y: g.neg(x) }, { device: "wasm" })).rejects.toThrow(/device "wasm" is not there; there (is|are) "cpu"/);
    expect((await devices()).devices[0]).toBe("cpu");
  });

  it("an operator that the device lacks in a dtype", async () => {
    const exact = g.input("x", [2], "float64");
    await expect(compile({ exact }, { y: g.asinh(exact) })).rejects.toThrow(CompileError);
    await expect(compile({ exact }, { y: g.asinh(exact) })).rejects.toThrow(/"cpu" has no kernel for operator Asinh/);
  });

  it("running after the release", async () => {
    const step = await compile({ x }, { y: g.neg(x) });
    await step.release();
    await step.release();
    await expect(step.run({ x: feeds.x })).rejects.toThrow(/released/);
  });
});

describe("sessions", () => {
  it("are shared by equal graphs, whatever their names, and kept after the last release", async () => {
    const graph = () => {
      const a = g.input("a", [4, 4]);
      return [a, g.tanh(g.matMul(a, a))] as const;
    };
    const [[a, y], [b, z]] = [graph(), graph()];
    const before = sessionCacheUse().sessions;
    const first = await compile({ a }, { y });
    const second = await compile({ b }, { z });
    expect(sessionCacheUse().sessions).toBe(before + 1);
    await first.release();
    expect([...(await second.run({ b: full([4, 4], 0.5) })).z.data]).toEqual(new Array(16).fill(Math.fround(Math.tanh(1))));
    await second.release();
    expect(sessionCacheUse().sessions).toBe(before + 1);
  });

  it("are released beyond the bound, but never while somebody holds them", async () => {
    const held = await compile({ x }, { y: g.exp(x) });
    const free = await compile({ x }, { y: g.sin(x) });
    await free.release();
    await setSessionCacheBytes(0);
    expect((await held.run({ x: zeros([2, 3]) })).y.data[0]).toBe(1);
    const open = sessionCacheUse().sessions;
    await held.release();
    expect(sessionCacheUse().sessions).toBe(open - 1);
    await setSessionCacheBytes(2 ** 29);
  });

  it("releases each session once, also when several are given back at the same time", async () => {
    await setSessionCacheBytes(0);
    const before = sessionCacheUse().sessions;
    const steps = await Promise.all([2, 3, 4, 5].map((factor) => compile({ x }, { y: g.mul(x, factor) })));
    await Promise.all(steps.map((step) => step.release()));
    expect(sessionCacheUse().sessions).toBe(before);
    await setSessionCacheBytes(2 ** 29);
  });
});
