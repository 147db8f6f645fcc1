import { fc, test } from "@fast-check/vitest";
import { expect, it } from "vitest";
import { evaluate, input, reduceSum } from "../../src/graph/index.ts";
import { compile } from "../../src/runtime/index.ts";
import { cast, key, type Tensor, tensor, toFloat64, uniform } from "../../src/tensor/index.ts";
import { distance } from "./helpers.ts";

const dimensions = [12, 5, 20, 16];

test.prop([fc.subarray([0, 1, 2, 3], { minLength: 1 }), fc.boolean(), fc.constantFrom("float32" as const, "float64" as const)], {
  numRuns: 20,
})("large sums over any axes are those of the reference rules", async (axes, keepDimensions, dtype) => {
  const x = input("x", dimensions, dtype);
  const y = reduceSum(x, axes, { keepDimensions });
  const feeds = { x: cast(uniform(key(1), dimensions, -1, 1), dtype) as Tensor };
  const executable = await compile({ x }, { y });
  const found = (await executable.run(feeds)).y;
  await executable.release();
  expect(found.shape).toEqual(y.shape);
  expect(distance(toFloat64(found), evaluate([y], feeds)[0].data)).toBeLessThan(dtype === "float32" ? 2e-6 : 1e-14);
});

it("what is not finite stays in its column", async () => {
  const x = input("x", [4, 4096]);
  const executable = await compile({ x }, { y: reduceSum(x, [0]) });
  const data = new Float32Array(4 * 4096).fill(1);
  data[4096 + 7] = Number.POSITIVE_INFINITY;
  data[2 * 4096 + 9] = Number.NaN;
  const y = toFloat64((await executable.run({ x: tensor(data, [4, 4096]) })).y);
  await executable.release();
  expect([...y.keys()].filter((i) => y[i] !== 4)).toEqual([7, 9]);
  expect([y[7], y[9]]).toEqual([Number.POSITIVE_INFINITY, Number.NaN]);
});
