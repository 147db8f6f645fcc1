import { existsSync, readdirSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";

const root = new URL("../", import.meta.url);
const read = (path: string) => readFileSync(new URL(path, root), "utf8");

it("the doors that the front door names are there, and the package opens them", () => {
  const named = [...read("src/index.ts").matchAll(/`saddlepoint\/([\w/-]+)`/g)].map(([, path]) => path);
  expect(named.length).toBeGreaterThan(3);
  expect(named.filter((path) => !existsSync(new URL(`src/${path}/index.ts`, root)))).toEqual([]);
  const { exports } = JSON.parse(read("package.json")) as { exports: Record<string, { default: string }> };
  expect(exports["./*"].default).toBe("./dist/*/index.js");
});

it("examples go through doors only, as users must", () => {
  const files = readdirSync(new URL("examples", root)).filter((name) => name.endsWith(".ts"));
  const imports = files.flatMap((name) =>
    [...read(`examples/${name}`).matchAll(/from "\.\.\/src\/([^"]+)"/g)].map(([, path]) => `${name}: ${path}`),
  );
  expect(imports.length).toBeGreaterThan(10);
  expect(imports.filter((path) => !/(: |\/)index\.ts$/.test(path))).toEqual([]);
});
