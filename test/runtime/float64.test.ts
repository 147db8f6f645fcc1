import { expect, it } from "vitest";
import * as g from "../../src/graph/index.ts";
import { compile } from "../../src/runtime/index.ts";
import { key, normal } from "../../src/tensor/index.ts";

it("scales a float64 matrix product by all digits of the factor, batched or not", async () => {
  for (const [shapeA, shapeB] of [
    [
      [3, 4, 5],
      [3, 5, 2],
    ],
    [
      [4, 5],
      [5, 2],
    ],
  ]) {
    const [a, b] = [g.input("a", shapeA, "float64"), g.input("b", shapeB, "float64")];
    const scaled = g.mul(g.matMul(a, b), 0.1);
    const feeds = { a: normal(key(1), shapeA), b: normal(key(2), shapeB) };
    const step = await compile({ a, b }, { scaled });
    const [exact] = g.evaluate([scaled], feeds);
    const found = (await step.run(feeds)).scaled.data as Float64Array;
    for (const [i, v] of found.entries()) expect(Math.abs(v - exact.data[i])).toBeLessThan(1e-15);
    await step.release();
  }
});
