import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, expect, it } from "vitest";

const home = mkdtempSync(join(tmpdir(), "saddle-test-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));

it("computing leaves nothing in the user's folders: the engine's telemetry is off", () => {
  const source = (path: string) => JSON.stringify(new URL(`../../src/${path}`, import.meta.url).href);
  const script = `
    const { input, relu } = await import(${source("graph/index.ts")});
    const { compile } = await import(${source("runtime/index.ts")});
    const x = input("x", [2]);
    const { run } = await compile({ x }, { y: relu(x) });
    const { y } = await run({ x: { dtype: "float32", shape: [2], data: Float32Array.of(-1, 3) } });
    console.log(...y.data);`;
  const { ORT_DISABLE_TELEMETRY: _, ...env } = process.env;
  const said = execFileSync(
    process.execPath,
    ["--import", pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href, "--input-type=module", "-e", script],
    { env: { ...env, HOME: home, XDG_CACHE_HOME: join(home, "cache"), TMPDIR: join(home, "tmp") }, encoding: "utf8" },
  );
  expect(said).toBe("0 3\n");
  const engine = readdirSync(home, { recursive: true }).filter((path) => /onnxruntime|mat-debug|Microsoft/.test(String(path)));
  expect(engine).toEqual([]);
});
