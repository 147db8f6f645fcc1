/**
 * Every claim can come out false: on a made-up laboratory where all come out as expected, one changed figure turns exactly the claim it belongs to
 * (the claims that are expected to fail, too).
 */
import { describe, expect, it } from "vitest";
import { asExpected, checkClaims } from "../../../src/papers/claims.ts";
import { firstOrderAdversary } from "../../../src/papers/first-order-adversary/index.ts";
import { ideal, type Lab } from "./ideal-laboratory.ts";
import { spoilers } from "./spoilers.ts";

describe("claims", () => {
  it("come out as expected on the ideal laboratory, all eleven numbers", async () => {
    const records = await checkClaims(firstOrderAdversary, ideal());
    const numbers = new Set(records.map(({ id }) => id.split("-")[0]));
    expect([...numbers]).toEqual(Array.from({ length: 11 }, (_, i) => `R2.${i + 1}`));
    expect(new Set(records.map(({ id }) => id)).size).toBe(records.length);
    expect(records.filter((record) => !asExpected(record))).toEqual([]);
  });

  it.each(spoilers)("%s comes out otherwise with %s", async (id, _, spoil) => {
    const lab = ideal();
    spoil(lab);
    const unexpected = (await checkClaims(firstOrderAdversary, lab)).filter((record) => !asExpected(record));
    expect(unexpected.map((record) => record.id)).toEqual([id]);
    expect(unexpected[0].error).toBeUndefined();
  });

  it("are each turned by some change", async () => {
    const all = firstOrderAdversary.claims.map(({ id }) => id);
    expect([...new Set(spoilers.map(([id]) => id))].sort()).toEqual([...all].sort());
  });
});

it("draws figures of finite numbers from the laboratory as it comes back from a file", () => {
  const figures = firstOrderAdversary.figures(JSON.parse(JSON.stringify(ideal())) as Lab);
  expect(figures.filter(({ kind }) => kind === "heatmap")).toHaveLength(6);
  expect(new Set(figures.map(({ title }) => title)).size).toBe(figures.length);
  const numbers = (value: unknown): number[] =>
    typeof value === "number" ? [value] : value && typeof value === "object" ? Object.values(value).flatMap(numbers) : [];
  expect(numbers(figures).every(Number.isFinite)).toBe(true);
  for (const figure of figures) {
    if (figure.kind === "chart")
      for (const { x, y, low } of figure.series) expect([y.length, low?.length ?? x.length]).toEqual([x.length, x.length]);
    if (figure.kind === "table") for (const row of figure.rows) expect(row).toHaveLength(figure.columns.length);
  }
});
