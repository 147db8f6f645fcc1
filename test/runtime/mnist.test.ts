import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { unzipped } from "../../src/data/gzip.ts";
import { decodeIdx } from "../../src/data/idx.ts";
import * as g from "../../src/graph/index.ts";
import { compile } from "../../src/runtime/index.ts";
import { cast, type Shape, size, type Tensor, tensor } from "../../src/tensor/index.ts";
import { distance } from "./helpers.ts";

const folder = join(import.meta.dirname, "../../../shared/data/mnist");
const fixture = JSON.parse(readFileSync(join(import.meta.dirname, "../fixtures/mnist_gradients.json"), "utf8")) as {
  batches: number;
  size: number;
  shapes: Shape[];
  torchDistance: number;
  gradients: string;
};

/** The formula of test/fixtures/mnist_gradients.py. */
function weight(shape: Shape, k: number): Tensor {
  const scale = Math.sqrt(2 / (shape.length > 1 ? size(shape.slice(1)) : 50));
  const values = Array.from({ length: size(shape) }, (_, i) => scale * Math.sin(1 + 12.9898 * (i + 1) * (k + 1) + 0.618 * i * i));
  return tensor(values, shape);
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
}

async function read(name: string, rank: number) {
  return decodeIdx(await unzipped(readFileSync(join(folder, name)), name), rank);
}

const weights = Object.fromEntries(fixture.shapes.map((shape, k) => [`w${k}`, weight(shape, k)]));
const x = g.input("x", [fixture.size, 1, 28, 28]);
const y = g.input("y", [fixture.size], "int64");
const inputs = Object.fromEntries(fixture.shapes.map((shape, k) => [`w${k}`, g.input(`w${k}`, shape)]));
const w = Object.values(inputs);
const first = g.relu(g.conv(g.relu(g.conv(x, w[0], w[1])), w[2], w[3]));
const second = g.maxPool(g.relu(g.conv(g.maxPool(first, 2), w[4], w[5])), 2);
const logits = g.add(g.matMul(g.flatten(second), g.transpose(w[6])), w[7]);
const gradient = g.grad(g.neg(g.sum(g.mul(g.logSoftmax(logits), g.oneHot(y, 10)))), x);

it.skipIf(!existsSync(folder))("gradients on clean MNIST, full of ties, are PyTorch's (skipped without ../shared/data)", async () => {
  const images = await read("t10k-images-idx3-ubyte.gz", 3);
  const labels = await read("t10k-labels-idx1-ubyte.gz", 1);
  const expected = new Float32Array(Uint8Array.from(Buffer.from(fixture.gradients, "base64")).buffer);
  const length = fixture.size * 784;
  const distances: Record<string, number[]> = { plain: [], blocked: [] };
  for (const layout of ["plain", "blocked"]) {
    const executable = await compile({ x, y, ...inputs }, { gradient }, { blocked: layout === "blocked" });
    for (let batch = 0; batch < fixture.batches; batch++) {
      const pixels = Float32Array.from(images.data.subarray(batch * length, (batch + 1) * length), (v) => v / 255);
      const own = cast(tensor(labels.data.subarray(batch * fixture.size, (batch + 1) * fixture.size)), "int64");
      const result = await executable.run({ x: tensor(pixels, x.shape), y: own, ...weights });
      distances[layout].push(distance(result.gradient.data as Float32Array, expected.subarray(batch * length, (batch + 1) * length)));
    }
    await executable.release();
  }
  const bound = Math.max(1e-5, 10 * fixture.torchDistance);
  expect(median(distances.plain)).toBeLessThan(bound);
  expect(median(distances.blocked)).toBeLessThan(bound);
});
