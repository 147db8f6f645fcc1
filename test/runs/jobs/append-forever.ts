/** A program, not a job: takes the lock of argv[2] and appends records to its JSON-lines file until it is killed. */
import { join } from "node:path";
import { jsonLines, writeJson } from "../../../src/runs/files.ts";
import { lock } from "../../../src/runs/lock.ts";

const directory = process.argv[2];
lock(directory);
const lines = jsonLines<{ i: number; text: string }>(join(directory, "events.jsonl"));
for (let i = 0; ; i++) {
  lines.append({ i, text: "x".repeat(1 + (i % 5000)) });
  writeJson(join(directory, "state.json"), { i, text: "y".repeat(20_000) });
}
