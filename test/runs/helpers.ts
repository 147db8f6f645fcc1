/** A scratch directory that is gone after the test file. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";

export function scratch(): string {
  const directory = mkdtempSync(join(tmpdir(), "saddle-test-"));
  afterAll(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}
