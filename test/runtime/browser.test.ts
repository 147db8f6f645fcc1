import { existsSync, readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { build } from "esbuild";
import { type Browser, chromium } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Device } from "../../src/runtime/index.ts";
import { gradients } from "./browser-entry.ts";
import { distance } from "./helpers.ts";

const executablePath = "/usr/bin/chromium";
const engine = dirname(createRequire(import.meta.url).resolve("onnxruntime-web"));
const types: Record<string, string> = { js: "text/javascript", mjs: "text/javascript", wasm: "application/wasm" };

/** The bundle, and the engine's own files beside it. */
async function serve(): Promise<Server> {
  const { outputFiles } = await build({
    entryPoints: [join(import.meta.dirname, "browser-entry.ts")],
    bundle: true,
    splitting: true,
    format: "esm",
    outdir: "/bundle",
    external: ["onnxruntime-node", "node:*"],
    write: false,
  });
  const files = new Map(outputFiles.map(({ path, contents }) => [path.replace("/bundle/", "/"), contents]));
  const server = createServer((request, response) => {
    const path = request.url ?? "/";
    const body = path === "/" ? '<script type="module" src="/browser-entry.js"></script>' : files.get(path);
    const own = join(engine, path);
    response.setHeader("content-type", types[path.split(".").pop() ?? ""] ?? "text/html");
    if (body !== undefined) response.end(body);
    else if (existsSync(own)) response.end(readFileSync(own));
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}

describe.skipIf(!existsSync(executablePath))("in headless Chromium (skipped where /usr/bin/chromium is absent)", () => {
  let server: Server;
  let browser: Browser;
  beforeAll(async () => {
    server = await serve();
    browser = await chromium.launch({
      executablePath,
      args: ["--no-sandbox", "--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader", "--enable-features=Vulkan"],
    });
  });
  afterAll(async () => {
    await browser?.close();
    server?.close();
  });

  for (const device of ["wasm", "webgpu"] as const) {
    it(`gradients on ${device} are those in Node`, async (context) => {
      const page = await browser.newPage();
      await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
      await page.waitForFunction(() => "gradients" in globalThis);
      const there = await page.evaluate(async () => (globalThis as unknown as { devices(): Promise<{ devices: string[] }> }).devices());
      context.skip(!there.devices.includes(device), `this browser has no ${device}`);
      const result = await page.evaluate(
        (name) => (globalThis as unknown as { gradients: typeof gradients }).gradients(name),
        device as Device,
      );
      const expected = await gradients("cpu");
      expect(Object.keys(result)).toEqual(Object.keys(expected));
      for (const [name, numbers] of Object.entries(expected)) expect(distance(result[name], numbers), name).toBeLessThan(2e-5);
      await page.close();
    });
  }
});
