import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fc, test } from "@fast-check/vitest";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { errorLines, exitCode, UsageError } from "../../src/cli/errors.ts";
import { fraction, parseFraction, seed } from "../../src/cli/fields.ts";
import { readOptions } from "../../src/cli/options.ts";
import { progressBar } from "../../src/cli/progress.ts";
import { editDistance, nearest } from "../../src/cli/suggest.ts";
import { table, wrap } from "../../src/cli/table.ts";
import { Stopped } from "../../src/runs/job.ts";
import { LockedError } from "../../src/runs/lock.ts";
import { scratch } from "../runs/helpers.ts";

describe("fraction", () => {
  it.each([
    ["8/255", 8 / 255],
    ["0.3", 0.3],
    ["1e-3", 0.001],
    [" 4 / 255 ", 4 / 255],
    ["0", 0],
  ])("%s", (text, value) => expect(parseFraction(text)).toBe(value));

  it.each(["", "8/", "/255", "8/0", "1/2/3", "eight", "-1/255", "0x", "NaN", "Infinity"])("refuses %j", (text) => {
    expect(() => readOptions(z.object({ eps: fraction() }), { eps: text })).toThrow(
      /^--eps must be a number of at least 0 or a fraction such as 8\/255, not/,
    );
  });

  test.prop([fc.nat(), fc.integer({ min: 1, max: 1e6 })])("is the quotient", (a, b) => {
    expect(parseFraction(`${a}/${b}`)).toBe(a / b);
  });
});

describe("options", () => {
  const schema = z.object({
    eps: fraction().prefault("8/255"),
    stepSize: z.number().positive().max(1).optional(),
    attack: z.enum(["pgd", "fgsm", "square"]).default("pgd"),
    norms: z.array(z.string()).default(["linf"]),
    milestones: z.array(z.number()).optional(),
    verbose: z.boolean().default(true),
    seed,
  });
  const directory = scratch();
  const file = (content: string) => {
    const path = join(directory, "config.yaml");
    writeFileSync(path, content);
    return path;
  };
  const defaults = { eps: 8 / 255, attack: "pgd", norms: ["linf"], verbose: true, seed: 0 };

  it("default, are read from a file by either name, and flags go before the file", () => {
    expect(readOptions(schema, {})).toEqual(defaults);
    expect(readOptions(schema, { eps: "0.3", norms: "l1,l2", seed: "7", verbose: false })).toEqual({
      ...defaults,
      eps: 0.3,
      norms: ["l1", "l2"],
      seed: 7,
      verbose: false,
    });
    const configFile = file("step-size: 0.01\neps: 2/255 # small\nverbose: false\nnorms: [l2]\n");
    const configured = { ...defaults, stepSize: 0.01, eps: 2 / 255, verbose: false, norms: ["l2"] };
    expect(readOptions(schema, {}, { configFile })).toEqual(configured);
    expect(readOptions(schema, { eps: "4/255", verbose: true }, { configFile })).toEqual({ ...configured, eps: 4 / 255, verbose: true });
    expect(readOptions(schema, {}, { configFile: file('{"stepSize": 0.01, "seed": 3}') })).toEqual({
      ...defaults,
      stepSize: 0.01,
      seed: 3,
    });
    expect(readOptions(schema, {}, { configFile: file("") })).toEqual(defaults);
  });

  it("take lists with commas, of words or of numbers", () => {
    expect(readOptions(schema, { norms: "", milestones: "50,7.5" })).toEqual({ ...defaults, norms: [], milestones: [50, 7.5] });
    expect(() => readOptions(schema, { milestones: "50,x" })).toThrow('--milestones must be a number, not "x"');
  });

  it.each([
    ["epss: 1", /config\.yaml: there is no option "epss"; did you mean eps\?/],
    ["unheard: 1", /there is no option "unheard"$/],
    ["attack: [", /neither YAML nor JSON/],
    ["- 1", /must hold options by name/],
    ["seed: seven", /config\.yaml, "seed" must be a number, not "seven"/],
    ["verbose: 1", /"verbose" must be true or false, not 1/],
    ["step-size: 2", /"step-size" must be at most 1, not 2/],
    ["attack: pgdd", /must be one of pgd, fgsm, square, not "pgdd"; did you mean pgd\?/],
  ])("refuse the file %j", (content, message) => expect(() => readOptions(schema, {}, { configFile: file(content) })).toThrow(message));

  it.each([
    [{ seed: "1.5" }, "--seed must be a whole number, not 1.5"],
    [{ seed: "" }, '--seed must be a number, not ""'],
    [{ stepSize: "0" }, "--step-size must be more than 0, not 0"],
    [{ seed: "x", attack: "y" }, '--attack must be one of pgd, fgsm, square, not "y"\n--seed must be a number, not "x"'],
  ])("refuse %j", (given, message) => expect(() => readOptions(schema, given)).toThrow(new UsageError(message)));
});

describe("suggestions", () => {
  it("count insertions, deletions, substitutions and swaps", () => {
    expect([editDistance("kitten", "sitting"), editDistance("esp", "eps"), editDistance("", "abc"), editDistance("ca", "abc")]).toEqual([
      3, 1, 3, 3,
    ]);
    expect(nearest("stepsize", ["steps", "step-size", "seed"])).toBe("step-size");
    expect(nearest("frobnicate", ["steps", "seed"])).toBeUndefined();
  });
  test.prop([fc.string({ maxLength: 8 }), fc.string({ maxLength: 8 })])("by a symmetric distance that is zero for equals only", (a, b) => {
    expect(editDistance(a, b)).toBe(editDistance(b, a));
    expect(editDistance(a, b) === 0).toBe(a === b);
    expect(editDistance(a, b)).toBeLessThanOrEqual(Math.max(a.length, b.length));
  });
});

describe("table", () => {
  const columns = [{ title: "name" }, { title: "value", align: "right" as const }, { title: "text", wrap: true }];

  it("aligns, and wraps what may be wrapped to the width", () => {
    const lines = table(
      columns,
      [
        ["‖ŵ‖", "1.5", "a few words that do not fit"],
        ["b", "12", "short"],
      ],
      { width: 30 },
    );
    expect(lines).toEqual(["name  value  text", "‖ŵ‖     1.5  a few words that", "             do not fit", "b        12  short"]);
  });

  it("takes room from the columns that need most, none from those that need little", () => {
    const wrapping = [{ title: "a", wrap: true }, { title: "b", wrap: true }, { title: "c" }];
    const lines = table(wrapping, [["many words ".repeat(9).trim(), "two words", "kept as it is"]], { width: 60 });
    expect(lines[1]).toMatch(/^many words many words many words {3,4}two words {2}kept as it is$/);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(60);
  });

  it("pads before it styles", () => {
    const style = (text: string) => `<${text}>`;
    expect(table(columns.slice(0, 2), [["a", { text: "1", style }]])).toEqual(["name  value", "a     <    1>"]);
  });

  test.prop([
    fc.array(fc.string({ unit: fc.constantFrom("a", "b", " "), maxLength: 40 }), { maxLength: 3 }),
    fc.integer({ min: 1, max: 20 }),
  ])("loses no word", (paragraphs, width) => {
    const text = paragraphs.join("\n");
    expect(wrap(text, width).join(" ").split(/\s+/).filter(Boolean)).toEqual(text.split(/\s+/).filter(Boolean));
    for (const line of wrap(text, width)) expect(line.length <= width || !line.trim().includes(" ")).toBe(true);
  });
});

describe("progress bar", () => {
  const run = (isTTY: boolean, seconds: readonly number[], options = {}) => {
    const [written, clock] = [[] as string[], { now: 0 }];
    const bar = progressBar({ isTTY, columns: 70, write: (text: string) => written.push(text) }, { now: () => clock.now, ...options });
    for (const second of seconds) {
      clock.now = 1000 * second;
      bar.update(second / 100, `step ${second}`);
    }
    bar.end();
    return written;
  };

  it("says nothing for two seconds, then one line with percentage and time left", () => {
    expect(run(true, [0, 0.5, 1, 1.9])).toEqual([]);
    const [line, gone] = run(true, [0, 1, 25]);
    expect(line).toBe(`\r${"█".repeat(6)}${"░".repeat(18)} 25 %  1 min 15 s left  step 25\x1b[K`);
    expect(gone).toBe("\r\x1b[K");
  });

  it("is redrawn at most ten times a second, and never wider than the terminal", () => {
    const lines = run(
      true,
      [0, 2, 2.05, 2.09, 2.11].map((second) => second),
      { unit: "images of a data set with a long name", total: 1 },
    );
    expect(lines.length).toBe(3);
    expect([...lines[0]].length).toBe("\r".length + 69 + "\x1b[K".length);
  });

  it("writes a plain line now and then where there is no terminal", () => {
    expect(run(false, [0, 1, 2, 3, 10, 23, 24, 50])).toEqual([
      "2 %  1 min 38 s left  step 2\n",
      "23 %  1 min 17 s left  step 23\n",
      "50 %  50 s left  step 50\n",
    ]);
  });

  it("does not count what a resumed run found done as speed", () => {
    const clock = { now: 0 };
    const written: string[] = [];
    const bar = progressBar({ write: (text: string) => written.push(text) }, { total: 100, unit: "images", now: () => clock.now });
    bar.update(80);
    clock.now = 10_000;
    bar.update(90);
    expect(written).toEqual(["90 %  1 images/s  10 s left\n"]);
  });
});

describe("errors", () => {
  it("are one line with a hint, and a stack only for who asks", () => {
    expect(errorLines(new UsageError("wrong", "do it so"), false)).toEqual(["wrong", "do it so"]);
    expect(errorLines(new LockedError("d", "d/lock", { pid: 1, host: "h", since: "s" }), false)[1]).toContain("remove d/lock");
    expect(errorLines(Object.assign(new Error("ENOENT: x"), { code: "ENOENT", path: "a/b" }), false)).toEqual([
      "no such file or folder: a/b",
    ]);
    expect(errorLines(new TypeError("x is undefined"), false)[1]).toContain("SADDLE_DEBUG=1");
    expect(errorLines(new Error("wrong"), true)[0]).toMatch(/\n\s+at /);
  });

  it("have exit codes", () => expect([new UsageError("a"), new Stopped("b"), new Error("c"), "d"].map(exitCode)).toEqual([2, 130, 1, 1]));
});
