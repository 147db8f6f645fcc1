import { describe, expect, it } from "vitest";
import { asExpected, checkClaims } from "../../src/papers/claims.ts";
import { type Claim, claim } from "../../src/papers/laboratory.ts";

const base = { statement: "x is small", provenance: "derived", criterion: "x < 1" } as const;
const claims: Claim<{ x: number }>[] = [
  claim({ ...base, id: "a", measure: ({ x }) => ({ measured: x, holds: x < 1 }) }),
  claim({
    ...base,
    id: "b",
    expected: "fails",
    measure: async ({ x }) => ({ measured: { x, small: x < 1 }, holds: x < 1, note: "one seed" }),
  }),
  claim({
    ...base,
    id: "c",
    expected: "fails",
    measure: () => {
      throw new Error("no figure");
    },
  }),
];

describe("claims", () => {
  it("are measured in order, with their expectation", async () => {
    const records = await checkClaims({ claims }, { x: 0.5 });
    expect(records[0]).toEqual({ ...base, id: "a", expected: "holds", measured: 0.5, holds: true });
    expect(records[1]).toEqual({ ...base, id: "b", expected: "fails", measured: { x: 0.5, small: true }, holds: true, note: "one seed" });
    expect(records.map(asExpected)).toEqual([true, false, false]);
  });

  it("that are expected to fail must fail, and one that could not be measured is never as expected", async () => {
    const records = await checkClaims({ claims }, { x: 2 });
    expect(records.map(({ holds }) => holds)).toEqual([false, false, false]);
    expect(records.map(asExpected)).toEqual([false, true, false]);
    expect(records[2].error).toBe("no figure");
  });

  it("with a figure that is NaN do not hold by accident", async () => {
    const [record] = await checkClaims({ claims: claims.slice(0, 1) }, { x: Number.NaN });
    expect(record.holds).toBe(false);
  });
});
