/** The progress bar: one line that is written over on a terminal, a plain line now and then elsewhere, nothing for what is done in two seconds. */
import { formatDuration, formatNumber } from "../report/format.ts";

export interface ProgressBar {
  /** `done` of the total is done; `label` says what is being worked on. */
  update(done: number, label?: string): void;
  /** Takes the bar away. */
  end(): void;
}

/** The stream that a bar is drawn on, of which `process.stderr` is one. */
export interface ProgressStream {
  isTTY?: boolean;
  columns?: number;
  write(text: string): unknown;
}

export interface ProgressOptions {
  /** Default 1: `update` gets fractions. */
  total?: number;
  /** What is counted, for the rate ("images"). Without it no rate is shown. */
  unit?: string;
  /** Milliseconds; another clock for tests. */
  now?: () => number;
}

const PATIENCE_MS = 2_000;
const TERMINAL_MS = 100;
const PLAIN_MS = 20_000;
const WIDTH = 24;

/** A bar on `stream` (stdout is for results, so that is stderr). */
export function progressBar(stream: ProgressStream, { total = 1, unit, now = () => performance.now() }: ProgressOptions = {}): ProgressBar {
  const start = now();
  // Where the rate is measured from: what a resumed run finds done already does not count as speed.
  let anchor = { time: start, done: 0 };
  let [written, drawn, said] = [Number.NEGATIVE_INFINITY, false, ""];
  return {
    update(done, label = said) {
      said = label;
      const time = now();
      if (time - start < 500) anchor = { time, done };
      if (time - start < PATIENCE_MS || time - written < (stream.isTTY ? TERMINAL_MS : PLAIN_MS)) return;
      written = time;
      const line = status({ done, total, unit, label, seconds: (time - anchor.time) / 1000, since: done - anchor.done });
      if (stream.isTTY) stream.write(`\r${clip(`${bar(done / total)} ${line}`, (stream.columns || 80) - 1)}\x1b[K`);
      else stream.write(`${line}\n`);
      drawn = true;
    },
    end() {
      if (drawn && stream.isTTY) stream.write("\r\x1b[K");
      drawn = false;
    },
  };
}

function status({
  done,
  total,
  unit,
  label,
  seconds,
  since,
}: {
  done: number;
  total: number;
  unit?: string;
  label: string;
  seconds: number;
  since: number;
}): string {
  const parts = [`${Math.floor(100 * Math.min(1, Math.max(0, done / total)))} %`];
  const rate = since / seconds;
  if (unit && rate > 0) parts.push(`${formatNumber(rate, 3)} ${unit}/s`);
  if (rate > 0 && done < total) parts.push(`${formatDuration((total - done) / rate)} left`);
  if (label) parts.push(label);
  return parts.join("  ");
}

function bar(fraction: number): string {
  const full = Math.round(WIDTH * Math.min(1, Math.max(0, fraction)));
  return "█".repeat(full) + "░".repeat(WIDTH - full);
}

function clip(line: string, width: number): string {
  const characters = [...line];
  return characters.length <= width ? line : `${characters.slice(0, Math.max(0, width - 1)).join("")}…`;
}
