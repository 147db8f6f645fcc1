/**
 * The command line: `saddle COMMAND …`.
 *
 * To add a command, write `commands/<name>.ts` and list it below. The file's default export is
 *
 *     export default command({
 *       brief: "train a model so that it withstands attacks",
 *       options: z.object({ data: z.string().default("digits").meta({ description: "data set" }), eps: fraction().prefault("0.3"), seed }),
 *       positional: [],
 *       examples: [["saddle train --eps 8/255", "trains …"]],
 *       async run({ data, eps, seed }, terminal) { … return { json: { clean, robust } }; },
 *     });
 *
 * or `group("brief", { list, get })` of several. Its module is loaded only when the command is named, so it may import what it needs. Shared fields
 * are in `fields.ts`. `--json`, `--config` and `--help` come by themselves: `terminal.print` writes for people, the returned `json` is printed
 * with `--json`, a thrown error becomes one line (its `hint` a second) and exit code 1, a `UsageError` 2. Long work goes to a job in a child
 * process (`runs/job.ts`, `jobs/`), with `terminal.progress()` fed by its events.
 */
import { styleText } from "node:util";
import {
  ArgumentScannerError,
  buildApplication,
  buildCommand,
  buildRouteMap,
  formatMessageForArgumentScannerError,
  run,
  type StricliIntegration,
  text_en,
} from "@stricli/core";
import { version } from "../runs/machine.ts";
import { type Command, type Context, type Group, printError, routed } from "./command.ts";
import { errorLines, exitCode } from "./errors.ts";
import { commandHelp } from "./help.ts";
import { coloured, type Streams } from "./terminal.ts";

interface Listed {
  brief: string;
  load(): Promise<{ default: Command | Group }>;
}

const commands: Readonly<Record<string, Listed>> = {
  train: { brief: "train a model so that it withstands attacks", load: () => import("./commands/train.ts") },
  evaluate: { brief: "attack a model and say how robust it is", load: () => import("./commands/evaluate.ts") },
  diagnose: {
    brief: "look into a model: its Jacobians, its cells, how well attacks converge on it",
    load: () => import("./commands/diagnose.ts"),
  },
  export: { brief: "write a run's model as an ONNX file", load: () => import("./commands/export.ts") },
  inspect: { brief: "what an ONNX file is, and whether it can be attacked and trained", load: () => import("./commands/inspect.ts") },
  data: { brief: "what data there are, fetching them, looking at them", load: () => import("./commands/data.ts") },
  demo: { brief: "train a standard and a robust model on drawn digits and attack both", load: () => import("./commands/demo.ts") },
  reproduce: { brief: "run a paper’s experiment and check its claims", load: () => import("./commands/reproduce.ts") },
};

/** Runs the command line and returns its exit code: 0, 1 where something failed or did not come out, 2 for a wrong call, 130 after Ctrl-C. */
export async function main(inputs: readonly string[], streams: Streams = process): Promise<number> {
  try {
    return await dispatch(inputs, streams);
  } catch (error) {
    printError(error, streams);
    return exitCode(error);
  }
}

async function dispatch(inputs: readonly string[], streams: Streams): Promise<number> {
  const [name] = inputs;
  const named = name !== undefined && name in commands ? await commands[name].load() : undefined;
  const routes = Object.entries(commands).map(
    ([key, { brief }]) => [key, named && key === name ? routed(named.default, ["saddle", key]) : unloaded(brief)] as const,
  );
  const root = buildRouteMap({
    routes: Object.fromEntries(routes),
    docs: { brief: "Attack, adversarially train and explain neural networks." },
  });
  const application = buildApplication<Context>(
    root,
    { name: "saddle", scanner: { caseStyle: "allow-kebab-for-camel" }, localization: { text }, documentation: { disableAnsiColor: true } },
    { help: helpOf(named?.default), version: versionFlag },
  );
  const host = { stdout: streams.stdout, stderr: streams.stderr, exitCode: undefined as number | string | null | undefined };
  await run(application, inputs, { process: host });
  // The library's own codes are negative: what it refused was a wrong call.
  const code = Number(host.exitCode ?? 0);
  return code < 0 ? 2 : code;
}

/** A command that is only listed. */
function unloaded(brief: string) {
  return buildCommand<Record<never, never>, [], Context>({ func: () => {}, parameters: {}, docs: { brief } });
}

function helpOf(named: Command | Group | undefined): StricliIntegration<Context> {
  return {
    flag: {
      brief: "print this",
      aliases: ["h"],
      global: true,
      defaultForRouteMap: true,
      run(_application, { result: { prefix } }) {
        const { stdout } = this.process as Streams;
        const styled = (style: "bold" | "dim") => (line: string) =>
          coloured(stdout) ? styleText(style, line, { validateStream: false }) : line;
        const width = Math.min(stdout.columns || 110, 120);
        const command = named?.kind === "group" ? named.commands[prefix[2]] : named;
        if (command) stdout.write(commandHelp(command, prefix, width, styled("bold"), styled("dim")));
        else stdout.write(listing(prefix, named?.kind === "group" ? named : undefined, styled("bold")));
      },
    },
  };
}

/** The commands of the program, or of a group. */
function listing(prefix: readonly string[], target: Group | undefined, bold: (text: string) => string): string {
  const entries = Object.entries(target?.commands ?? commands);
  const width = Math.max(...entries.map(([name]) => name.length)) + 3;
  const call = prefix.join(" ");
  const lines = entries.map(([name, { brief }]) => `  ${name.padEnd(width)}${brief}`);
  const brief = target?.brief ?? "attack, adversarially train and explain neural networks";
  return `${bold(call)} – ${brief}\n\n${bold("Usage")}\n  ${call} COMMAND [options]\n\n${bold("Commands")}\n${lines.join("\n")}\n\n${call} COMMAND --help explains one.\n`;
}

const versionFlag: StricliIntegration<Context> = {
  flag: {
    brief: "print the version",
    run() {
      this.process.stdout.write(`${version()}\n`);
    },
  },
};

const text: typeof text_en = {
  ...text_en,
  noCommandRegisteredForInput({ input, corrections }) {
    const near = corrections.map((name) => name.replaceAll("`", "")).join(" or ");
    return `error: there is no command "${input}"${near && `; did you mean ${near}?`}\n  see saddle --help`;
  },
  exceptionWhileParsingArguments(error) {
    if (!(error instanceof ArgumentScannerError)) return `error: ${errorLines(error).join("\n  ")}`;
    const message = formatMessageForArgumentScannerError(error, {
      FlagNotFoundError: ({ input, corrections }) => {
        const near = corrections.map((name) => `--${name}`).join(" or ");
        return `there is no option --${input}${near && `; did you mean ${near}?`}`;
      },
      UnexpectedPositionalError: ({ expectedCount, input }) => `"${input}" is one argument too many (${expectedCount} expected)`,
      UnsatisfiedFlagError: ({ externalFlagName }) => `--${externalFlagName} wants a value`,
    });
    return `error: ${message}`;
  },
};
