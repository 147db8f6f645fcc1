/** The text of `--help`: usage, options with what they default to, examples. */
import type { Command } from "./command.ts";
import type { Field } from "./options.ts";
import { wrap } from "./table.ts";

const LEFT = 26;

/** The help of one command; `bold` and `dim` style its headings and defaults. */
export function commandHelp(
  command: Command,
  prefix: readonly string[],
  width: number,
  bold: (text: string) => string,
  dim: (text: string) => string,
): string {
  const call = prefix.join(" ");
  const positional = command.positional.map(({ placeholder, default: fallback }) =>
    fallback === undefined ? placeholder : `[${placeholder}]`,
  );
  const entry = (left: string, text: string, suffix: string) => {
    const room = width - LEFT - 2;
    const [whole, alone] = [wrap(text, room), wrap(suffix, room)];
    const lines = whole.slice(0, -1);
    const last = whole[whole.length - 1];
    if (suffix === "") lines.push(last);
    else if (alone.length === 1 && last.length + 1 + suffix.length <= room) lines.push(`${last} ${dim(suffix)}`);
    else lines.push(last, ...alone.map(dim));
    const beside = left.length <= LEFT - 2 ? [] : [`  ${left}`];
    return [...beside, ...lines.map((line, i) => `  ${(i === 0 && beside.length === 0 ? left : "").padEnd(LEFT)}${line}`)];
  };
  const options = command.flags.map((field) => entry(flagText(field), field.description, suffix(field)));
  const sections = [
    [`${bold(call)} – ${command.brief}`, ...(command.description ? ["", ...wrap(command.description, width)] : [])],
    [bold("Usage"), `  ${[call, ...positional, "[options]"].join(" ")}`],
    command.positional.length > 0
      ? [bold("Arguments"), ...command.positional.flatMap((field) => entry(field.placeholder, field.description, suffix(field)))]
      : [],
    [bold("Options"), ...options.flat(), ...entry("-h, --help", "print this", "")],
    [bold("Examples"), ...command.examples.flatMap(([line, what]) => [`  ${line}`, `      ${dim(what)}`])],
  ];
  return `${sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join("\n"))
    .join("\n\n")}\n`;
}

function flagText({ flag, kind, placeholder, default: fallback }: Field): string {
  if (kind === "boolean") return fallback === "true" ? `--no-${flag}` : `--${flag}`;
  return `--${flag} ${placeholder}`;
}

function suffix({ choices, default: fallback, kind }: Field): string {
  const parts = [
    ...(choices.length > 0 ? [choices.join(" | ")] : []),
    ...(fallback !== undefined && kind !== "boolean" ? [`default ${fallback}`] : []),
  ];
  return parts.length > 0 ? `(${parts.join("; ")})` : "";
}
