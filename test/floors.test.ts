import { readdirSync, readFileSync, statSync } from "node:fs";
import { join, relative } from "node:path";
import { expect, it } from "vitest";

/** A folder is a floor: it imports from the floors below it and never from above. Up to `analysis` nothing needs Node or a page. */
const floors = [
  "tensor",
  "graph",
  "onnx",
  "runtime",
  "models",
  "data",
  "attacks",
  "training",
  "evaluation",
  "analysis",
  "papers",
  "runs",
  "report",
  "cli",
];
const lastIsomorphic = floors.indexOf("analysis");
/** The only folders below `papers` with a Node side of their own. */
const nodeFolders = ["onnx/node", "runtime/node", "models/node", "data/node"];
/** Floors of one height that do not know each other. */
const strangers = [["models", "data"]];

const source = new URL("../src/", import.meta.url).pathname;
const files = walk(source).filter((path) => path.endsWith(".ts"));

it("floors import downwards only", () => {
  const breaches = imports().filter(({ from, to }) => {
    const [above, below] = [floors.indexOf(from.split("/")[0]), floors.indexOf(to.split("/")[0])];
    return (
      above >= 0 &&
      (below > above ||
        below < 0 ||
        strangers.some((pair) => pair.includes(from.split("/")[0]) && pair.includes(to.split("/")[0]) && above !== below))
    );
  });
  expect(breaches.map(({ from, to }) => `${from} imports ${to}`)).toEqual([]);
});

it("what is isomorphic imports nothing of Node, nor a folder that does", () => {
  const isNode = (path: string) => nodeFolders.some((folder) => path.startsWith(`${folder}/`));
  const isomorphic = (path: string) =>
    floors.indexOf(path.split("/")[0]) <= lastIsomorphic && floors.includes(path.split("/")[0]) && !isNode(path);
  const breaches = files
    .map((path) => relative(source, path))
    .filter(isomorphic)
    .filter((path) => /(from|import)\s*\(?"node:/.test(readFileSync(join(source, path), "utf8")));
  expect(breaches).toEqual([]);
});

it("every folder of the sources is a floor", () => {
  const folders = readdirSync(source).filter((name) => statSync(join(source, name)).isDirectory());
  expect(folders.filter((name) => !floors.includes(name))).toEqual([]);
});

function imports(): { from: string; to: string }[] {
  return files.flatMap((path) => {
    const targets = [...readFileSync(path, "utf8").matchAll(/(?:from|import)\s*\(?"(\.[^"]+)"/g)].map((match) =>
      join(path, "..", match[1]),
    );
    return targets.map((target) => ({ from: relative(source, path), to: relative(source, target) }));
  });
}

function walk(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    return statSync(path).isDirectory() ? walk(path) : [path];
  });
}
