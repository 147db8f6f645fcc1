import { expect, it } from "vitest";
import { integers, key, normal, permutation, philox, uniform } from "../../src/tensor/index.ts";

/** Known-answer vectors of philox4x32-10, from the generator's publication (Random123 distribution, kat_vectors). */
const knownAnswers = [
  { counter: [0, 0, 0, 0], words: [0, 0], out: [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8] },
  {
    counter: [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
    words: [0xffffffff, 0xffffffff],
    out: [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
  },
  {
    counter: [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
    words: [0xa4093822, 0x299f31d0],
    out: [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
  },
] as const;

it("computes the published Philox vectors", () => {
  for (const { counter, words, out } of knownAnswers) {
    const bits = new Uint32Array(4);
    philox(counter, [words[0], words[1]], bits);
    expect([...bits]).toEqual([...out]);
  }
});

it("is a pure function of the key, and folds give other streams", () => {
  const root = key(7);
  expect(uniform(root, [5])).toEqual(uniform(key(7), [5]));
  expect(uniform(root, [3]).data).toEqual(uniform(root, [5]).data.subarray(0, 3));
  const streams = [root, key(8), root.fold(0), root.fold(1), root.fold("a"), root.fold("b"), root.fold("a", 0), root.fold(0, "a")];
  expect(new Set(streams.map((k) => uniform(k, [1]).data[0])).size).toBe(streams.length);
});

it("draws uniform and normal numbers with the right moments", () => {
  const count = 200_000;
  const mean = (x: Float64Array, f = (v: number) => v) => x.reduce((sum, v) => sum + f(v), 0) / x.length;
  const u = uniform(key(1), [count], -1, 3).data;
  expect(Math.abs(mean(u) - 1)).toBeLessThan((5 * (4 / Math.sqrt(12))) / Math.sqrt(count));
  expect(u.every((v) => v >= -1 && v < 3)).toBe(true);
  const z = normal(key(1), [count], 2).data;
  expect(Math.abs(mean(z))).toBeLessThan(10 / Math.sqrt(count));
  expect(Math.abs(mean(z, (v) => (v / 2) ** 2) - 1)).toBeLessThan((5 * Math.sqrt(2)) / Math.sqrt(count));
  expect(Math.abs(mean(z, (v) => (v / 2) ** 4) - 3)).toBeLessThan((5 * Math.sqrt(96)) / Math.sqrt(count));
});

it("permutes, and draws integers in range", () => {
  expect([...permutation(key(3), 100)].sort((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, i) => i));
  const seen = new Set(integers(key(3), 1000, 7));
  expect([...seen].sort()).toEqual([0, 1, 2, 3, 4, 5, 6]);
});

it("refuses a seed that is not a natural number", () => {
  for (const seed of [-1, 0.5, Number.NaN, 2 ** 60]) expect(() => key(seed)).toThrow(RangeError);
});
