import { expect, it } from "vitest";
import { aligned, alignedCopies, alignedZeros, tensor } from "../../src/tensor/index.ts";

it("lays tensors side by side, each from a cache line on, as zeros of their dtypes and shapes", () => {
  const [a, b, c] = alignedZeros([
    { dtype: "float32", shape: [30, 100] },
    { dtype: "float64", shape: [] },
    { dtype: "int64", shape: [2] },
  ]);
  expect([a, b, c].map(({ data }) => data.byteOffset)).toEqual([0, 12032, 12096]);
  expect([a, b, c].map(({ data }) => data.length)).toEqual([3000, 1, 2]);
  expect(a.data.buffer).toBe(c.data.buffer);
  b.data[0] = 7;
  expect([...a.data, ...c.data].map(Number)).toEqual(Array(3002).fill(0));
});

it("copies tensors by name, and never shares memory with them", () => {
  const own = { w: tensor([1, 2, 3]), n: tensor([4n, 5n].map(Number), [2], "int64") };
  const copies = alignedCopies(own);
  own.w.data[0] = 9;
  expect([...copies.w.data]).toEqual([1, 2, 3]);
  expect(copies.n).toEqual(own.n);
});

it("takes ordinary memory for what is small, and gives what is empty", () => {
  expect(alignedZeros([])).toEqual([]);
  expect(aligned([0, 3]).data.length).toBe(0);
  expect(aligned([2, 2]).data.buffer.byteLength).toBe(16);
});
