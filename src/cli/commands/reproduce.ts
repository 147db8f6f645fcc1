/** `saddle reproduce`: runs a paper's experiment, checks its claims, and writes the report. */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { z } from "zod";
import { asExpected, type ClaimRecord, verdictWords } from "../../papers/claims.ts";
import { laboratories } from "../../papers/index.ts";
import type { Mode } from "../../papers/laboratory.ts";
import { formatDuration, formatMeasured } from "../../report/format.ts";
import { moduleBeside, runJob, Stopped } from "../../runs/job.ts";
import { command } from "../command.ts";
import { errorLines, UsageError } from "../errors.ts";
import { dataDir, seed } from "../fields.ts";
import type { ReproduceEvent, ReproduceInput, ReproduceResult } from "../jobs/reproduce.ts";
import { didYouMean } from "../suggest.ts";
import { table } from "../table.ts";
import type { Terminal } from "../terminal.ts";

const ALL = "all";
/** No full run may take longer. */
const FULL_HOURS = 3;
/** Columns from which the terminal has room for the criteria; the report has them always. */
const WIDE = 140;

export default command({
  brief: "run a paper’s experiment and check its claims",
  description:
    "Runs the experiment, prints what was claimed, by whom, and what was found, and writes DIR/report.html and DIR/claims.json. " +
    "A run that was stopped goes on from the pieces kept in DIR. Exit code 0 when every claim came out as expected, 1 otherwise.",
  options: z.object({
    laboratory: z.string().meta({
      placeholder: "PAPER",
      description: `${[...Object.keys(laboratories), ALL].join(", ")}, or a module that exports a laboratory`,
    }),
    quick: z.boolean().default(false).meta({ description: "at most 90 s on two cores (this is the default)" }),
    full: z
      .boolean()
      .default(false)
      .meta({ description: `what such a machine can bear: at most ${FULL_HOURS} hours` }),
    paper: z.boolean().default(false).meta({ description: "the paper’s own budget" }),
    out: z.string().optional().meta({ placeholder: "DIR", description: "folder of the report (default: runs/PAPER-MODE)" }),
    seed,
    dataDir,
    fresh: z.boolean().default(false).meta({ description: "compute everything again, also what DIR holds of an earlier run" }),
    png: z.boolean().default(false).meta({ description: "also write each figure to DIR/figures" }),
  }),
  positional: ["laboratory"],
  examples: [
    ["saddle reproduce fosc", "the quick run on embedded data, report in runs/fosc-quick"],
    ["saddle reproduce all --full --out results", "every paper, one folder each"],
    ["saddle reproduce operator-norm --json | jq '.claims[] | select(.holds | not)'", "the claims that do not hold"],
  ],
  async run({ laboratory, out, seed, dataDir, fresh, png, ...modes }, terminal) {
    const mode = modeOf(modes);
    const names = laboratory === ALL ? Object.keys(laboratories) : [laboratory];
    const results: ReproduceResult[] = [];
    let failed = false;
    for (const name of names) {
      const folder = out === undefined ? join("runs", `${nameOf(name)}-${mode}`) : laboratory === ALL ? join(out, name) : out;
      const from = dataDir === undefined ? [] : ["--data-dir", dataDir];
      const call = ["saddle", "reproduce", name, `--${mode}`, "--seed", String(seed), ...from, "--out", folder].map(quoted).join(" ");
      try {
        const result = await reproduce(
          { laboratory: located(name), mode, seed, out: folder, fresh, png, command: call },
          terminal,
          dataDir,
        );
        printClaims(result, terminal);
        terminal.print(`${formatDuration(result.seconds)}, report in ${join(folder, "report.html")}\n`);
        results.push(result);
      } catch (error) {
        // One laboratory that breaks does not keep the others from their turn.
        if (laboratory !== ALL || error instanceof Stopped) throw error;
        terminal.note(`${name}: ${errorLines(error).join("\n  ")}\n`);
        failed = true;
      }
    }
    if (laboratory === ALL) printSummary(results, terminal);
    const documents = results.map(({ paper, mode, claims }) => ({ paper, mode, claims }));
    return {
      json: laboratory === ALL ? { papers: documents } : documents[0],
      exitCode: !failed && results.every(({ claims }) => claims.every(asExpected)) ? 0 : 1,
    };
  },
});

function modeOf(modes: Record<Mode, boolean>): Mode {
  const chosen = (["quick", "full", "paper"] as const).filter((mode) => modes[mode]);
  if (chosen.length > 1) throw new UsageError(`only one of ${chosen.map((mode) => `--${mode}`).join(" and ")} can be meant`);
  return chosen[0] ?? "quick";
}

/** A registered name as it is, a path as a URL. */
function located(name: string): string {
  if (name in laboratories) return name;
  if (/[./\\]/.test(name)) {
    if (existsSync(name)) return pathToFileURL(resolve(name)).href;
    throw new UsageError(`there is no laboratory at ${name}`);
  }
  const known = [...Object.keys(laboratories), ALL];
  throw new UsageError(`there is no laboratory "${name}"${didYouMean(name, known)}`, `known: ${known.join(", ")}`);
}

function nameOf(name: string): string {
  return name.replace(/^.*[/\\]/, "").replace(/\.[a-z]+$/, "");
}

/** A word as a shell wants it. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** Runs the job with a progress bar. */
async function reproduce(input: ReproduceInput, terminal: Terminal, dataDir?: string): Promise<ReproduceResult> {
  const bar = terminal.progress();
  try {
    return await runJob<ReproduceInput, ReproduceEvent, ReproduceResult>(moduleBeside(import.meta.url, "../jobs/reproduce"), input, {
      env: dataDir === undefined ? {} : { SADDLE_DATA: dataDir },
      onStopping: () => {
        bar.end();
        terminal.note("stopping after the piece at hand; Ctrl-C again ends at once");
      },
      onEvent(event) {
        if (event.kind === "progress") return bar.update(event.fraction, event.label);
        terminal.print(`${terminal.style("bold", event.paper)} (${input.mode})  ${terminal.style("dim", event.reference)}`);
        if (input.mode !== "quick")
          terminal.note(`expected to take ${expectation(input.mode, event.minutes)}; Ctrl-C stops it, the same command goes on`);
        if (event.kept > 0)
          terminal.note(
            `going on with ${event.kept} ${event.kept === 1 ? "piece" : "pieces"} of an earlier run in ${input.out} (--fresh computes them again)`,
          );
      },
    });
  } catch (error) {
    if (error instanceof Stopped)
      throw Object.assign(new Stopped("stopped"), { hint: `the same command goes on from what ${input.out} holds` });
    throw error;
  } finally {
    bar.end();
  }
}

function expectation(mode: Mode, minutes: number | undefined): string {
  if (minutes !== undefined) return `about ${formatDuration(60 * minutes)} on two cores`;
  return mode === "full" ? `at most ${FULL_HOURS} h on two cores` : "as long as the paper’s own experiment";
}

function printClaims({ claims }: ReproduceResult, terminal: Terminal): void {
  const columns = [
    { title: "claim" },
    { title: "found" },
    { title: "source" },
    { title: "statement", wrap: true },
    { title: "measured", wrap: true },
    ...(terminal.width >= WIDE ? [{ title: "criterion", wrap: true }] : []),
  ];
  const rows = claims.map((claim) => {
    const good = asExpected(claim);
    const style = (text: string) => terminal.style(good ? (claim.holds ? "green" : "yellow") : "red", text);
    const measured = claim.error ? `not measured: ${claim.error}` : formatMeasured(claim.measured).join("\n");
    return [
      claim.id,
      { text: found(claim), style },
      { text: claim.provenance, style: (text: string) => terminal.style("dim", text) },
      claim.statement,
      measured,
      ...(terminal.width >= WIDE ? [claim.criterion] : []),
    ];
  });
  for (const line of table(columns, rows, { width: terminal.width, titleStyle: (text) => terminal.style("dim", text) }))
    terminal.print(line);
  terminal.print(`\n${terminal.style("bold", verdictWords(claims))}`);
}

function printSummary(results: readonly ReproduceResult[], terminal: Terminal): void {
  const rows = results.map(({ paper, claims, seconds }) => [paper, verdictWords(claims), formatDuration(seconds)]);
  for (const line of table([{ title: "paper" }, { title: "claims" }, { title: "time", align: "right" }], rows)) terminal.print(line);
}

function found({ holds, expected, error }: ClaimRecord): string {
  if (error) return "✗ not measured";
  if (expected === "holds") return holds ? "✓ holds" : "✗ fails";
  return holds ? "✓ holds (unexpected)" : "✗ fails (as expected)";
}
