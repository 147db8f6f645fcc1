/** Computes (10⁻³⁰·10⁻¹⁰)·10³⁰ in a worker with sessions of its own, and posts the result. */
import { parentPort } from "node:worker_threads";
import { register } from "tsx/esm/api";

register();
const g = await import("../../src/graph/index.ts");
const { compile } = await import("../../src/runtime/index.ts");
const { full } = await import("../../src/tensor/index.ts");

const x = g.input("x", [64]);
const y = g.input("y", [64]);
const step = await compile({ x, y }, { z: g.mul(g.mul(x, y), 1e30) });
const { z } = await step.run({ x: full([64], 1e-30), y: full([64], 1e-10) });
await step.release();
parentPort.postMessage(z.data[63]);
