/**
 * The options of a command: one zod schema drives its flags, its `--config` file, its defaults and its help.
 * A field `stepSize` is the flag `--step-size`, and `stepSize` or `step-size` in the file; `.meta({ description, placeholder })` documents it.
 */
import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { z } from "zod";
import { errorLines, UsageError } from "./errors.ts";
import { didYouMean } from "./suggest.ts";

/** What help and flags need to know of a field. */
export interface Field {
  name: string;
  /** The name on the command line, without dashes. */
  flag: string;
  kind: "boolean" | "number" | "list" | "numbers" | "choice" | "text";
  description: string;
  placeholder: string;
  choices: readonly string[];
  /** As it would be typed. */
  default?: string;
}

/** The fields of a schema. */
export function fieldsOf(schema: z.ZodObject): Field[] {
  return Object.entries(schema.shape).map(([name, field]) => inspect(name, field as z.ZodType));
}

/** The options from the command line over those from the configuration file over the defaults. @throws UsageError naming flag or key. */
export function readOptions<S extends z.ZodObject>(
  schema: S,
  given: Readonly<Record<string, unknown>>,
  { configFile, positional = [] }: { configFile?: string; positional?: readonly string[] } = {},
): z.output<S> {
  const fields = fieldsOf(schema);
  const configured = configFile === undefined ? {} : readConfig(configFile, fields);
  const typed = Object.fromEntries(
    fields.flatMap((field) => (given[field.name] === undefined ? [] : [[field.name, fromCommandLine(field, given[field.name])]])),
  );
  const result = schema.safeParse({ ...configured, ...typed }, { error: phrase });
  if (result.success) return result.data;
  const lines = result.error.issues.map(({ path, message }) => {
    const field = fields.find(({ name }) => name === path[0]);
    if (!field) return message;
    const place =
      field.name in configured && !(field.name in typed)
        ? `${configFile}, "${field.flag}"`
        : positional.includes(field.name)
          ? field.placeholder
          : `--${field.flag}`;
    return `${place} ${message}`;
  });
  throw new UsageError(lines.join("\n"));
}

/** What is wrong with a value, to stand after its name. */
function phrase(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.input === undefined) return "is missing";
  const given = JSON.stringify(issue.input);
  if (issue.code === "invalid_type") return `must be ${ARTICLE[issue.expected] ?? issue.expected}, not ${given}`;
  if (issue.code === "too_small") return `must be ${issue.inclusive ? "at least" : "more than"} ${issue.minimum}, not ${given}`;
  if (issue.code === "too_big") return `must be ${issue.inclusive ? "at most" : "less than"} ${issue.maximum}, not ${given}`;
  if (issue.code === "invalid_value")
    return `must be one of ${issue.values.join(", ")}, not ${given}${didYouMean(String(issue.input), issue.values.map(String))}`;
  return undefined;
}

const ARTICLE: Record<string, string> = {
  number: "a number",
  int: "a whole number",
  string: "a text",
  boolean: "true or false",
  array: "a list",
};

/** The mapping in a YAML or JSON file, by field names. */
function readConfig(path: string, fields: readonly Field[]): Record<string, unknown> {
  let content: unknown;
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw new UsageError(`--config: ${errorLines(error)[0]}`);
  }
  try {
    content = parse(text, { prettyErrors: true });
  } catch (error) {
    throw new UsageError(`${path} is neither YAML nor JSON: ${error instanceof Error ? error.message.split("\n")[0] : error}`);
  }
  if (content === null) return {};
  if (typeof content !== "object" || Array.isArray(content)) throw new UsageError(`${path} must hold options by name, such as "seed: 1"`);
  const entries = Object.entries(content).map(([key, value]) => {
    const field = fields.find(({ name, flag }) => name === key || flag === key);
    if (field) return [field.name, value] as const;
    const names = fields.map(({ flag }) => flag);
    throw new UsageError(`${path}: there is no option "${key}"${didYouMean(key, names)}`, `known: ${names.join(", ")}`);
  });
  return Object.fromEntries(entries);
}

/** A flag's text as the value that it stands for; what does not fit is left for the schema to refuse. */
function fromCommandLine({ kind }: Field, value: unknown): unknown {
  if (typeof value !== "string") return value;
  if (kind === "number") return number(value);
  if (kind === "list" || kind === "numbers") {
    const parts = value === "" ? [] : value.split(",");
    return kind === "numbers" ? parts.map(number) : parts;
  }
  return value;
}

function number(text: string): number | string {
  return text.trim() !== "" && Number.isFinite(Number(text)) ? Number(text) : text;
}

/** Looks through the wrappers of a field (default, optional, transform) at what is inside. */
function inspect(name: string, outer: z.ZodType): Field {
  let [field, fallback] = [outer, undefined as unknown];
  let meta: Record<string, unknown> = {};
  for (;;) {
    meta = { ...field.meta(), ...meta };
    if (field instanceof z.ZodDefault || field instanceof z.ZodPrefault) {
      fallback ??= field.def.defaultValue;
      field = field.def.innerType as z.ZodType;
    } else if (field instanceof z.ZodOptional || field instanceof z.ZodNullable) field = field.def.innerType as z.ZodType;
    else if (field instanceof z.ZodPipe) field = field.def.in as z.ZodType;
    else break;
  }
  const kind = kindOf(field);
  const element = field instanceof z.ZodArray ? (field.def.element as z.ZodType) : field;
  return {
    name,
    flag: name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`),
    kind,
    description: String(meta.description ?? ""),
    placeholder: String(meta.placeholder ?? PLACEHOLDERS[kind]),
    choices: element instanceof z.ZodEnum ? element.options.map(String) : [],
    default: fallback === undefined || fallback === false ? undefined : String(fallback),
  };
}

function kindOf(field: z.ZodType): Field["kind"] {
  if (field instanceof z.ZodBoolean) return "boolean";
  if (field instanceof z.ZodNumber) return "number";
  if (field instanceof z.ZodArray) return field.def.element instanceof z.ZodNumber ? "numbers" : "list";
  return field instanceof z.ZodEnum ? "choice" : "text";
}

const PLACEHOLDERS: Record<Field["kind"], string> = { boolean: "", number: "N", list: "A,B", numbers: "N,N", choice: "NAME", text: "TEXT" };
