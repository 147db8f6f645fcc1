import { expect, it } from "vitest";
import { increasing, logSlope, median, quantile, relativeSpread, spearman } from "../../src/papers/statistics.ts";

it("takes medians and quantiles between order statistics", () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 2, 3])).toBe(2.5);
  expect(quantile([0, 10, 20, 30, 40], 0.25)).toBe(10);
  expect(quantile([0, 10], 0.75)).toBeCloseTo(7.5, 14);
});

it("measures spread as sample deviation over mean", () => {
  expect(relativeSpread([1, 2, 3, 4, 5])).toBeCloseTo(Math.sqrt(2.5) / 3, 14);
});

it("correlates ranks, ties sharing theirs (values worked out by hand)", () => {
  expect(spearman([1, 2, 3, 4], [10, 20, 40, 80])).toBe(1);
  expect(spearman([1, 2, 3, 4], [4, 3, 2, 1])).toBe(-1);
  expect(spearman([1, 2, 3], [5, 5, 9])).toBeCloseTo(1.5 / Math.sqrt(2 * 1.5), 14);
  expect(spearman([1, 2, 3], [7, 7, 7])).toBe(0);
});

it("knows increasing lists, strictly or not", () => {
  expect(increasing([1, 2, 3])).toBe(true);
  expect(increasing([1, 2, 2])).toBe(false);
  expect(increasing([1, 2, 2], { strictly: false })).toBe(true);
});

it("finds the exponent of a power law", () => {
  const x = [1, 2, 5, 10, 30];
  expect(
    logSlope(
      x,
      x.map((v) => 7 * v ** -1.5),
    ),
  ).toBeCloseTo(-1.5, 13);
});
