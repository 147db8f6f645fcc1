import { describe, expect, it } from "vitest";
import { type ClaimRecord, verdictWords } from "../../src/papers/claims.ts";
import { formatDuration, formatMeasured, formatNumber, type Report, reportHtml } from "../../src/report/index.ts";
import { machine } from "../../src/runs/machine.ts";
import { figures } from "./sample.ts";

const claims: ClaimRecord[] = [
  { id: "A1", statement: "1 < 2 & so on", provenance: "paper", expected: "holds", criterion: "error ≤ 1e-6", measured: 3e-16, holds: true },
  {
    id: "A2",
    statement: "not so",
    provenance: "derived",
    expected: "fails",
    criterion: "c",
    measured: { worst: 1.31, ok: false },
    holds: false,
    note: "one seed",
  },
  { id: "A3", statement: "s", provenance: "code", expected: "fails", criterion: "c", measured: "few", holds: true },
  {
    id: "A4",
    statement: "s",
    provenance: "proposed",
    expected: "holds",
    criterion: "c",
    measured: "nothing",
    holds: false,
    error: "it <broke>",
  },
];
const report: Report = {
  paper: "toy",
  mode: "quick",
  reference: "A. Author: T",
  setUp: "Small.",
  claims,
  figures,
  seed: 3,
  command: 'saddle reproduce toy --out "a b"',
  machine: machine(),
  date: new Date("2026-01-02T03:04:05Z"),
  seconds: 71,
};

describe("report", () => {
  const html = reportHtml(report);
  const row = (id: string) => html.split("<tr>").find((part) => part.includes(`<td class="id">${id}</td>`)) ?? "";

  it("needs nothing but itself", () => {
    const addresses = [...html.matchAll(/(?:src|href)="([^"]{0,30})/g)].map((match) => match[1]);
    expect(addresses.length).toBeGreaterThan(10);
    expect(addresses.filter((address) => !address.startsWith("data:image/png;base64,"))).toEqual([]);
    expect(html.replaceAll('xmlns="http://www.w3.org/2000/svg"', "")).not.toMatch(/https?:|<script|<link|@import|url\(/);
  });

  it("declares every colour that its drawings name, in both themes", () => {
    const used = new Set([...html.matchAll(/var\((--[a-z0-9-]+)\)/g)].map((match) => match[1]));
    expect(used.size).toBeGreaterThan(10);
    for (const name of used) expect(html.split(`${name}:`).length - 1).toBe(2);
  });

  it("says of every claim what was expected and what was found", () => {
    expect(row("A1")).toContain("1 &lt; 2 &amp; so on");
    expect(row("A1")).toContain("✓ holds");
    expect(row("A2")).toMatch(/✗ fails<small>as expected/);
    expect(row("A2")).toContain("worst: 1.31");
    expect(row("A2")).toContain("derived");
    expect(row("A3")).toMatch(/✓ holds<small>was expected to fail/);
    expect(row("A4")).toContain("not measured: it &lt;broke&gt;");
    expect(html).toContain("not as expected: A3, A4");
    expect(verdictWords(claims)).toBe("2 of 4 claims came out as expected, 1 of them by failing");
  });

  it("says how it was made", () => {
    for (const part of ["saddle reproduce toy --out &quot;a b&quot;", "seed 3", "1 min 11 s", "2026-01-02 03:04 UTC", process.version])
      expect(html).toContain(part);
  });
});

describe("numbers", () => {
  it.each([
    [0, "0"],
    [42, "42"],
    [-1234567, "−1234567"],
    [0.123456, "0.1235"],
    [-2.5, "−2.5"],
    [1234.56, "1235"],
    [3.2e-16, "3.2e-16"],
    [0.00051234, "5.123e-4"],
    [123456789, "1.235e8"],
    [Number.NaN, "NaN"],
    [Number.NEGATIVE_INFINITY, "−∞"],
  ])("%d is %s", (value, text) => expect(formatNumber(value)).toBe(text));

  it("of one claim have their names", () => expect(formatMeasured({ a: 0.5, b: "x", c: true })).toEqual(["a: 0.5", "b: x", "c: yes"]));

  it.each([
    [0.42, "0.4 s"],
    [59.7, "1 min 00 s"],
    [250, "4 min 10 s"],
    [3599.6, "1 h 00 min"],
    [7500, "2 h 05 min"],
  ])("%d seconds are %s", (seconds, text) => expect(formatDuration(seconds)).toBe(text));
});
