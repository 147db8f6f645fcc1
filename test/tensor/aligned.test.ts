import { expect, it } from "vitest";
import { alignedZeros } from "../../src/tensor/index.ts";

it("lays tensors side by side, each from a cache line on, as zeros of their dtypes and shapes", () => {
  const [a, b, c] = alignedZeros([
    { dtype: "float32", shape: [3, 5] },
    { dtype: "float64", shape: [] },
    { dtype: "int64", shape: [2] },
  ]);
  expect([a, b, c].map(({ data }) => data.byteOffset)).toEqual([0, 64, 128]);
  expect([a, b, c].map(({ data }) => data.length)).toEqual([15, 1, 2]);
  expect(a.data.buffer).toBe(c.data.buffer);
  b.data[0] = 7;
  expect([...a.data, ...c.data].map(Number)).toEqual(Array(17).fill(0));
});

it("gives what is empty, and nothing for nothing", () => {
  expect(alignedZeros([])).toEqual([]);
  expect(alignedZeros([{ dtype: "float32", shape: [0, 3] }])[0].data.length).toBe(0);
});
