/** What a command is, and how it becomes one of the command-line library's: flags from its schema, errors in one line, the result as JSON. */

import { styleText } from "node:util";
import {
  buildCommand,
  buildRouteMap,
  type CommandContext,
  type RouteMap,
  type Command as StricliCommand,
  type TypedCommandParameters,
} from "@stricli/core";
import { z } from "zod";
import { toJson } from "../runs/files.ts";
import { Stopped } from "../runs/job.ts";
import { errorLines, exitCode, UsageError } from "./errors.ts";
import * as fields from "./fields.ts";
import { type Field, fieldsOf, readOptions } from "./options.ts";
import { coloured, type Streams, type Terminal, terminal } from "./terminal.ts";

/** What a command gives back. */
export interface Outcome {
  /** The line that `--json` prints. */
  json: unknown;
  /** Default 0. */
  exitCode?: number;
}

/** A command as its file defines it. */
export interface CommandDefinition<Schema extends z.ZodObject> {
  /** One line for the list of commands. */
  brief: string;
  /** More for its own help. */
  description?: string;
  /** Every option; `--json` and `--config` come by themselves. */
  options: Schema;
  /** Fields that are given without a flag, in this order. */
  positional?: readonly (keyof z.output<Schema> & string)[];
  /** Calls to copy, each with a word on what it does. */
  examples: readonly (readonly [call: string, what: string])[];
  run(options: z.output<Schema>, terminal: Terminal): Promise<Outcome>;
}

/** A command with its schema's type forgotten, so that commands can be listed. */
export interface Command {
  readonly kind: "command";
  readonly brief: string;
  readonly description?: string;
  readonly examples: CommandDefinition<z.ZodObject>["examples"];
  /** Fields with a flag, and those without. */
  readonly flags: readonly Field[];
  readonly positional: readonly Field[];
  /** Checks what was given and runs. */
  run(given: Readonly<Record<string, unknown>>, streams: Streams): Promise<number>;
}

/** Several commands under one name (`saddle data list`). */
export interface Group {
  readonly kind: "group";
  readonly brief: string;
  readonly commands: Readonly<Record<string, Command>>;
}

const config = z
  .string()
  .optional()
  .meta({ placeholder: "FILE", description: "YAML or JSON file with these options by name; flags go before it" });

/** Defines a command: the default export of its file. */
export function command<Schema extends z.ZodObject>(definition: CommandDefinition<Schema>): Command {
  const { brief, description, options, positional = [], examples } = definition;
  const schema = options.safeExtend({ json: fields.json });
  const all = [...fieldsOf(schema), ...fieldsOf(z.object({ config }))];
  return {
    kind: "command",
    brief,
    description,
    examples,
    flags: all.filter(({ name }) => !positional.includes(name)),
    positional: positional.map((name) => all.find((field) => field.name === name)!),
    async run({ config: file, ...given }, streams) {
      const values = readOptions(schema, given, { configFile: file as string | undefined, positional }) as z.output<Schema> & {
        json: boolean;
      };
      const { json, exitCode = 0 } = await definition.run(values, terminal(streams, values.json));
      if (values.json) streams.stdout.write(`${toJson(json)}\n`);
      return exitCode;
    },
  };
}

/** Defines several commands under one name: the default export of their file. */
export function group(brief: string, commands: Record<string, Command>): Group {
  return { kind: "group", brief, commands };
}

/** The context in which the command-line library runs a command. */
export interface Context extends CommandContext {
  readonly process: Streams & { exitCode?: number | string | null };
}

/** A command or a group for the command-line library. */
export function routed(target: Command | Group, prefix: readonly string[]): StricliCommand<Context> | RouteMap<Context> {
  if (target.kind === "command") return routedCommand(target, prefix);
  const routes = Object.entries(target.commands).map(([name, inner]) => [name, routedCommand(inner, [...prefix, name])] as const);
  return buildRouteMap({ routes: Object.fromEntries(routes), docs: { brief: target.brief } });
}

type Flags = Record<string, string | undefined>;

function routedCommand(target: Command, prefix: readonly string[]): StricliCommand<Context> {
  const parameters = {
    flags: Object.fromEntries(target.flags.map((field) => [field.name, flag(field)])),
    positional: {
      kind: "tuple",
      parameters: target.positional.map(({ description, placeholder }) => ({
        parse: String,
        brief: description,
        placeholder,
        optional: true,
      })),
    },
  };
  return buildCommand<Flags, (string | undefined)[], Context>({
    // Built from a schema, so the library's types, which are for flags written by hand, cannot see that they agree.
    parameters: parameters as unknown as TypedCommandParameters<Flags, (string | undefined)[], Context>,
    docs: { brief: target.brief, fullDescription: target.description },
    async func(flags, ...positional) {
      const given = { ...flags, ...Object.fromEntries(target.positional.map(({ name }, i) => [name, positional[i]])) };
      try {
        this.process.exitCode = await target.run(given, this.process);
      } catch (error) {
        printError(error, this.process, error instanceof UsageError ? [...prefix] : undefined);
        this.process.exitCode = exitCode(error);
      }
    },
  });
}

function flag({ kind, description, placeholder, default: fallback }: Field): object {
  if (kind === "boolean") return { kind: "boolean", brief: description, optional: true, withNegated: fallback === "true" };
  return { kind: "parsed", parse: String, brief: description, placeholder, optional: true };
}

/** Prints an error on stderr, and, for a wrong call, where its help is. Being stopped is not an error, and is not called one. */
export function printError(error: unknown, { stderr }: Streams, prefix?: readonly string[]): void {
  const [message, ...hints] = errorLines(error);
  const label = coloured(stderr) ? styleText(["bold", "red"], "error", { validateStream: false }) : "error";
  stderr.write(error instanceof Stopped ? `${message}\n` : `${label}: ${message}\n`);
  if (prefix && hints.length === 0) hints.push(`see ${prefix.join(" ")} --help`);
  for (const hint of hints) stderr.write(`  ${hint}\n`);
}
