import { describe, expect, it } from "vitest";
import { laboratories } from "../../src/papers/index.ts";

describe.each(Object.entries(laboratories))("laboratory %s", (name, load) => {
  it("is listed under its own name, and each of its claims has an id of its own and says what would make it false", async () => {
    const laboratory = await load();
    expect(laboratory.name).toBe(name);
    const ids = laboratory.claims.map(({ id }) => id);
    expect(ids.length).toBeGreaterThan(0);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { statement, criterion } of laboratory.claims) expect([statement, criterion]).not.toContain("");
  });
});
