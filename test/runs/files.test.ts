import { spawn } from "node:child_process";
import { appendFileSync, existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { fromJson, jsonLines, readJson, readJsonLines, toJson, writeJson } from "../../src/runs/files.ts";
import { lock } from "../../src/runs/lock.ts";
import { scratch } from "./helpers.ts";

const directory = scratch();

describe("JSON", () => {
  it("keeps NaN and the infinities", () => {
    const value = { a: [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1.5], b: { c: "text", d: null } };
    expect(fromJson(toJson(value), "test")).toEqual(value);
  });

  it.each([[new Float64Array(2)], [new Map([[1, 2]])], [new Set([1])], [() => 1]])("refuses what it would lose: %s", (value) => {
    expect(() => toJson({ inside: [{ value }] })).toThrow(/"value" is a/);
  });

  it("names the file that is broken", () => {
    const path = join(directory, "broken.json");
    writeFileSync(path, "{");
    expect(() => readJson(path)).toThrow(path);
    expect(readJson(join(directory, "absent.json"))).toBeUndefined();
  });

  it("writes nothing when the value is refused, and leaves no temporary file", () => {
    const folder = join(directory, "atomic");
    writeJson(join(folder, "a.json"), { a: 1 });
    expect(() => writeJson(join(folder, "a.json"), { a: new Uint8Array(1) })).toThrow(TypeError);
    expect(readdirSync(folder)).toEqual(["a.json"]);
    expect(readJson(join(folder, "a.json"))).toEqual({ a: 1 });
  });
});

describe("JSON lines", () => {
  it("drops a last line that was cut short, and goes on after the whole ones", () => {
    const path = join(directory, "cut.jsonl");
    jsonLines(path).append({ i: 0 });
    appendFileSync(path, '{"i": 1}\n{"i": 2, "te');
    expect(readJsonLines(path)).toEqual([{ i: 0 }, { i: 1 }]);
    jsonLines(path).append({ i: 3 });
    expect(readJsonLines(path)).toEqual([{ i: 0 }, { i: 1 }, { i: 3 }]);
  });

  it("names the line that is broken in the middle", () => {
    const path = join(directory, "middle.jsonl");
    writeFileSync(path, '{"i": 0}\n{"i": \n{"i": 2}\n');
    expect(() => readJsonLines(path)).toThrow(`${path}:2`);
  });

  it("stays readable when the writer is killed in the middle, and its lock is taken over", async () => {
    const folder = join(directory, "killed");
    mkdirSync(folder);
    const program = fileURLToPath(new URL("./jobs/append-forever.ts", import.meta.url));
    const child = spawn(process.execPath, ["--import", "tsx", program, folder], { stdio: "inherit" });
    while (!existsSync(join(folder, "state.json"))) await wait(20);
    expect(() => lock(folder)).toThrow(`process ${child.pid}`);
    await wait(150);
    child.kill("SIGKILL");
    await new Promise((resolve) => child.on("exit", resolve));

    const lines = readJsonLines<{ i: number; text: string }>(join(folder, "events.jsonl"));
    expect(lines.length).toBeGreaterThan(3);
    for (const [line, { i, text }] of lines.entries()) expect([i, text.length]).toEqual([line, 1 + (line % 5000)]);
    const state = readJson<{ i: number; text: string }>(join(folder, "state.json"));
    expect(state?.text.length).toBe(20_000);
    expect(lines.length - 1 - (state?.i ?? -9)).toBeOneOf([0, 1]);
    lock(folder)();
    expect(existsSync(join(folder, "lock"))).toBe(false);
  });
});

describe("lock", () => {
  it("is held once, also within a process, and free again after its release", () => {
    const folder = join(directory, "locked");
    mkdirSync(folder);
    const release = lock(folder);
    expect(() => lock(folder)).toThrow(/is being written by process/);
    release();
    lock(folder)();
  });

  it.each([
    ["of an earlier process with our number", JSON.stringify({ pid: process.pid, host: hostname(), since: "long ago" })],
    ["that was cut short", '{"pid": 1'],
  ])("takes over a lock %s", (_, left) => {
    const folder = join(directory, "stale");
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "lock"), left);
    lock(folder)();
    expect(existsSync(join(folder, "lock"))).toBe(false);
  });

  it("leaves the lock of another machine alone", () => {
    const folder = join(directory, "elsewhere");
    mkdirSync(folder);
    writeFileSync(join(folder, "lock"), JSON.stringify({ pid: 1, host: "elsewhere", since: "today" }));
    expect(() => lock(folder)).toThrow("process 1 on elsewhere");
  });
});
