/** The job behind `saddle reproduce`: a laboratory's experiment, its claims and its figures, written as claims.json and report.html. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type ClaimsDocument, checkClaims } from "../../papers/claims.ts";
import { laboratories } from "../../papers/index.ts";
import type { Laboratory, Mode } from "../../papers/laboratory.ts";
import { figurePng, reportHtml } from "../../report/index.ts";
import { openBench } from "../../runs/bench.ts";
import { writeAtomic, writeJson } from "../../runs/files.ts";
import type { JobContext } from "../../runs/job.ts";
import { lock } from "../../runs/lock.ts";
import { machine, version } from "../../runs/machine.ts";

export interface ReproduceInput {
  /** A registered name, or the URL of a module that exports a `laboratory`. */
  laboratory: string;
  mode: Mode;
  seed: number;
  out: string;
  /** Throw away the pieces of an earlier run. */
  fresh: boolean;
  /** Also write the figures as PNG. */
  png: boolean;
  /** What was typed. */
  command: string;
}

export type ReproduceEvent =
  | { kind: "begin"; paper: string; reference: string; minutes?: number; kept: number }
  | { kind: "progress"; label: string; fraction: number };

export interface ReproduceResult extends ClaimsDocument {
  /** Computing time, over all runs where it was resumed. */
  seconds: number;
}

const EVENT_MS = 100;

export default async function reproduce(input: ReproduceInput, { emit, signal }: JobContext<ReproduceEvent>): Promise<ReproduceResult> {
  const { mode, seed, out, fresh, png, command } = input;
  const start = performance.now();
  const laboratory = await load(input.laboratory);
  mkdirSync(out, { recursive: true });
  const release = lock(out);
  try {
    let last = Number.NEGATIVE_INFINITY;
    const progress = (label: string, fraction: number) => {
      if (performance.now() - last < EVENT_MS && fraction < 1) return;
      last = performance.now();
      emit({ kind: "progress", label, fraction });
    };
    const bench = openBench(out, { paper: laboratory.name, mode, seed, version: version() }, { fresh, signal, progress });
    emit({ kind: "begin", paper: laboratory.name, reference: laboratory.reference, minutes: laboratory.minutes?.[mode], kept: bench.kept });

    const lab = await laboratory.run(bench);
    progress("checking the claims", 1);
    const document: ClaimsDocument = { paper: laboratory.name, mode, claims: await checkClaims(laboratory, lab) };
    writeJson(join(out, "claims.json"), document);
    const figures = laboratory.figures(lab);
    const seconds = (performance.now() - start) / 1000 + bench.keptSeconds();

    const { reference, setUp } = laboratory;
    const report = reportHtml({ ...document, reference, setUp, figures, seed, command, machine: machine(), date: new Date(), seconds });
    writeAtomic(join(out, "report.html"), report);
    if (png)
      for (const [i, figure] of figures.entries())
        if (figure.kind !== "table")
          writeAtomic(join(out, "figures", `${String(i + 1).padStart(2, "0")}-${slug(figure.title)}.png`), figurePng(figure));
    return { ...document, seconds };
  } finally {
    release();
  }
}

async function load(name: string): Promise<Laboratory<unknown>> {
  if (name in laboratories) return laboratories[name]();
  const { laboratory } = (await import(name)) as { laboratory?: Laboratory<unknown> };
  if (!laboratory) throw new Error(`${name} does not export a "laboratory"`);
  return laboratory;
}

function slug(title: string): string {
  return title
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-|-$/g, "");
}
