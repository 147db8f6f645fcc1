import { Worker } from "node:worker_threads";
import { expect, it } from "vitest";
import * as g from "../../src/graph/index.ts";
import { compile } from "../../src/runtime/index.ts";
import { full } from "../../src/tensor/index.ts";

/** 10⁻³⁰·10⁻¹⁰ is subnormal in float32; times 10³⁰ it would be 10⁻¹⁰. */
async function product(): Promise<number> {
  const x = g.input("x", [64]);
  const y = g.input("y", [64]);
  const step = await compile({ x, y }, { z: g.mul(g.mul(x, y), 1e30) });
  const { z } = await step.run({ x: full([64], 1e-30), y: full([64], 1e-10) });
  await step.release();
  return z.data[63] as number;
}

it("the engine flushes subnormal numbers, also in sessions made late", async () => {
  expect(await product()).toBe(0);
  const x = g.input("x", [4, 4]);
  const other = await compile({ x }, { y: g.matMul(x, x) });
  await other.run({ x: full([4, 4], 1) });
  await other.release();
  expect(await product()).toBe(0);
});

it("a worker's sessions flush them too", async () => {
  await product();
  const worker = new Worker(new URL("./denormals-worker.mjs", import.meta.url));
  expect(await new Promise((resolve, reject) => worker.once("message", resolve).once("error", reject))).toBe(0);
});
