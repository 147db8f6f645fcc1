#!/usr/bin/env node
// From a checkout the TypeScript sources run as they are; an installed package has the compiled ones.
import { existsSync } from "node:fs";

const source = new URL("../src/cli/main.ts", import.meta.url);
const inCheckout = existsSync(source);
if (inCheckout) (await import("tsx/esm/api")).register();
const { main } = await import(inCheckout ? source.href : new URL("../dist/cli/main.js", import.meta.url).href);

process.stdout.on("error", (error) => process.exit(error.code === "EPIPE" ? 0 : 1));
process.exitCode = await main(process.argv.slice(2));
