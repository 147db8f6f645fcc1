/** The whole program: calls without a job in this process, runs of a tiny laboratory from the executable. */
import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { main } from "../../src/cli/main.ts";
import { scratch } from "../runs/helpers.ts";

const program = fileURLToPath(new URL("../../bin/saddle.js", import.meta.url));
const toy = fileURLToPath(new URL("./toy.ts", import.meta.url));
const directory = scratch();

interface Ran {
  code: number | null;
  out: string;
  err: string;
}

/** Runs `saddle` in the scratch directory; `during` sees its child process. */
function saddle(line: readonly string[], env: Record<string, string> = {}, during?: (kill: () => void, err: string) => void): Promise<Ran> {
  const child = spawn(process.execPath, [program, ...line], { cwd: directory, env: { ...process.env, NO_COLOR: "1", ...env } });
  let [out, err] = ["", ""];
  child.stdout.on("data", (data) => (out += data));
  child.stderr.on("data", (data) => {
    err += data;
    during?.(() => child.kill("SIGINT"), err);
  });
  return new Promise((resolve) => child.on("close", (code) => resolve({ code, out, err })));
}

async function here(line: readonly string[]): Promise<Ran> {
  const written = { out: "", err: "" };
  const stream = (name: "out" | "err") => ({ columns: 110, write: (text: string) => void (written[name] += text) });
  const code = await main(line, { stdout: stream("out"), stderr: stream("err") });
  return { code, ...written };
}

describe("help", () => {
  it("lists the commands, and explains one with its defaults and examples", async () => {
    const [all, one, version] = await Promise.all([here([]), here(["reproduce", "--help"]), here(["--version"])]);
    expect(all.out).toMatch(/Commands\n(.*\n)*? {2}reproduce +run a paper’s experiment/);
    expect(one.out).toMatch(/--seed N +seed of every random stream.*\(default 0\)/);
    expect(one.out).toMatch(/Examples\n {2}saddle reproduce fosc\n/);
    expect(version.out.trim()).toBe(JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")).version);
    expect([all, one, version].map(({ code, err }) => [code, err])).toEqual([
      [0, ""],
      [0, ""],
      [0, ""],
    ]);
  });
});

describe("a wrong call", () => {
  it.each([
    ["reproduc", /^error: there is no command "reproduc"; did you mean reproduce\?/],
    ["reproduce x --sed 1", /^error: there is no option --sed; did you mean --seed\?/],
    ["reproduce", /^error: PAPER is missing/],
    ["reproduce fosk", /^error: there is no laboratory "fosk"/],
    ["reproduce ./absent.ts", /^error: there is no laboratory at/],
    ["reproduce x --quick --full", /^error: only one of --quick and --full/],
    ["reproduce x --config absent.yaml", /^error: --config: no such file or folder: absent.yaml/],
  ])("is explained in a line on stderr: saddle %s", async (line, message) => {
    const { code, out, err } = await here(line.split(" "));
    expect(err).toMatch(message);
    expect(err.trimEnd().split("\n").length).toBeLessThanOrEqual(2);
    expect(out).toBe("");
    expect(code).toBe(2);
  });
});

describe("reproduce", () => {
  it("prints the claims, writes report and claims.json, and takes its options from a file", async () => {
    writeFileSync(join(directory, "toy.yaml"), `laboratory: ${toy}\nseed: 5\nout: from-file\npng: true\n`);
    const { code, out, err } = await saddle(["reproduce", "--config", "toy.yaml"]);
    expect(code).toBe(0);
    expect(out).toMatch(/T2 +✗ fails \(as expected\) +paper +means are zero/);
    expect(out).toContain("3 of 3 claims came out as expected, 1 of them by failing");
    expect(out).not.toContain("stray");
    expect(err).toContain("stray");
    const claims = JSON.parse(readFileSync(join(directory, "from-file", "claims.json"), "utf8"));
    expect(Object.keys(claims)).toEqual(["paper", "mode", "claims"]);
    expect(Object.keys(claims.claims[0])).toEqual(["id", "statement", "provenance", "expected", "measured", "criterion", "holds"]);
    const report = readFileSync(join(directory, "from-file", "report.html"), "utf8");
    expect(report).toContain("--quick --seed 5 --out from-file");
    expect(readdirSync(join(directory, "from-file", "figures"))).toEqual(["01-means.png"]);
    expect(existsSync(join(directory, "from-file", "lock"))).toBe(false);
  });

  it("prints with --json one line and nothing else on stdout, and fails where a claim does", async () => {
    const { code, out, err } = await saddle(["reproduce", toy, "--json", "--out", "json"], { TOY_BROKEN: "cracked" });
    expect(out.trimEnd().split("\n").length).toBe(1);
    const { paper, mode, claims } = JSON.parse(out);
    expect([paper, mode, claims.length, claims[2].measured, claims[2].holds]).toEqual(["toy", "quick", 3, "cracked", false]);
    expect(err).toContain("2 of 3 claims came out as expected");
    expect(code).toBe(1);
    expect(JSON.parse(readFileSync(join(directory, "json", "claims.json"), "utf8"))).toEqual(JSON.parse(out));
  });

  it("stops at Ctrl-C, goes on from what it has, and gives what an uninterrupted run gives", async () => {
    const slow = { TOY_BUSY_MS: "1200" };
    let asked = false;
    const stopped = await saddle(["reproduce", toy, "--full", "--out", "stopped"], slow, (kill, err) => {
      if (asked || !err.includes("stray")) return;
      asked = true;
      kill();
    });
    expect(stopped.code).toBe(130);
    expect(stopped.err).toContain("expected to take about 30 s on two cores");
    expect(stopped.err).toMatch(/\nstopped\n {2}the same command goes on from what stopped holds/);
    expect(readdirSync(join(directory, "stopped")).sort()).toEqual(["pieces", "settings.json"]);

    const other = await saddle(["reproduce", toy, "--full", "--seed", "9", "--out", "stopped"]);
    expect(other.err).toMatch(
      /error: stopped holds pieces of another run \(toy --full, seed 0.*\n {2}choose another --out, or give --fresh/,
    );
    const [resumed, whole] = await Promise.all([
      saddle(["reproduce", toy, "--full", "--out", "stopped", "--json"]),
      saddle(["reproduce", toy, "--full", "--out", "whole", "--json"]),
    ]);
    expect(resumed.err).toMatch(/going on with [12] pieces? of an earlier run/);
    expect(resumed.out).toBe(whole.out);
  });
});
