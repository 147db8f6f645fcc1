/**
 * The bench on which a laboratory runs: its key, its progress, and the pieces that it asks to be remembered, one JSON file per name under
 * DIR/pieces. A run that was stopped or killed begins again with the pieces that it has.
 */
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Bench, Mode } from "../papers/laboratory.ts";
import { key } from "../tensor/random.ts";
import { fromJson, readJson, toJson, writeJson } from "./files.ts";

/** What pieces depend on. Pieces of other settings are never mixed in. */
export interface BenchSettings {
  paper: string;
  mode: Mode;
  seed: number;
  /** Version of the program. */
  version: string;
}

export interface OpenBench extends Bench {
  /** Pieces found from an earlier run. */
  kept: number;
  /** Seconds that the pieces taken from an earlier run had cost. */
  keptSeconds(): number;
}

/** The directory holds the pieces of another run. */
export class OtherRunError extends Error {
  override readonly name = "OtherRunError";
  readonly hint = "choose another --out, or give --fresh to throw those pieces away";
}

/**
 * A bench over `directory`. `fresh` discards pieces of earlier runs. `progress` and `remember` throw the reason of `signal` once it is aborted.
 * @throws OtherRunError if the directory holds pieces of other settings.
 */
export function openBench(
  directory: string,
  settings: BenchSettings,
  { fresh = false, signal, progress = () => {} }: { fresh?: boolean; signal?: AbortSignal; progress?: Bench["progress"] } = {},
): OpenBench {
  const pieces = join(directory, "pieces");
  if (fresh) rmSync(pieces, { recursive: true, force: true });
  const kept = existsSync(pieces) ? readdirSync(pieces).filter((name) => name.endsWith(".json")).length : 0;
  const before = readJson<BenchSettings>(join(directory, "settings.json"));
  if (kept > 0 && toJson(before) !== toJson(settings))
    throw new OtherRunError(`${directory} holds pieces of another run (${describe(before)})`);
  writeJson(join(directory, "settings.json"), settings);

  const asked = new Set<string>();
  let keptSeconds = 0;
  return {
    mode: settings.mode,
    key: key(settings.seed),
    kept,
    keptSeconds: () => keptSeconds,
    progress(label, fraction) {
      signal?.throwIfAborted();
      progress(label, fraction);
    },
    async remember<T>(name: string, compute: () => T | Promise<T>): Promise<T> {
      // A turn of the event loop, or a word to stop would not be heard between pieces that never wait for anything.
      await nextTurn();
      signal?.throwIfAborted();
      if (asked.has(name)) throw new Error(`two pieces of the laboratory are called "${name}"`);
      asked.add(name);
      const path = join(pieces, `${encodeURIComponent(name)}.json`);
      const piece = readJson<{ seconds: number; value: T }>(path);
      if (piece) {
        keptSeconds += piece.seconds;
        return piece.value;
      }
      const start = performance.now();
      const value = await compute();
      const seconds = (performance.now() - start) / 1000;
      writeJson(path, { seconds, value });
      // As it would be read back, so that a run gives the same whether or not it was resumed.
      return fromJson<{ value: T }>(toJson({ value }), name).value;
    },
  };
}

function describe(settings: BenchSettings | undefined): string {
  return settings
    ? `${settings.paper} --${settings.mode}, seed ${settings.seed}, version ${settings.version}`
    : "of which the settings are lost";
}
