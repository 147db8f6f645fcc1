/** Where a command writes: text for people, one line for machines, progress beside both. */
import { styleText } from "node:util";
import { type ProgressBar, type ProgressOptions, type ProgressStream, progressBar } from "./progress.ts";

export type Style = Parameters<typeof styleText>[0];

/** The streams of a process, or those of a test. */
export interface Streams {
  stdout: ProgressStream;
  stderr: ProgressStream;
}

export interface Terminal {
  /** Whether the result is wanted as one line of JSON: stdout then gets that line only. */
  readonly json: boolean;
  /** Columns to write in. */
  readonly width: number;
  /** A line for people: on stdout, or, beside a JSON result, on stderr. */
  print(line?: string): void;
  /** A word besides the result (a warning, where something was saved): always on stderr. */
  note(line: string): void;
  /** Colours where the text goes to a terminal and NO_COLOR is not set. */
  style(style: Style, text: string): string;
  progress(options?: ProgressOptions): ProgressBar;
}

export function terminal({ stdout, stderr }: Streams, json: boolean): Terminal {
  const people = json ? stderr : stdout;
  return {
    json,
    width: Math.min(people.columns || 110, 160),
    print: (line = "") => void people.write(`${line}\n`),
    note: (line) => void stderr.write(`${line}\n`),
    style: (style, text) => (coloured(people) ? styleText(style, text, { validateStream: false }) : text),
    progress: (options) => progressBar(stderr, options),
  };
}

/** Whether colours may be written to the stream. */
export function coloured(stream: ProgressStream): boolean {
  return stream.isTTY === true && !process.env.NO_COLOR;
}
