/** Axes of charts and heat maps: what can be drawn on them, their range, where the ticks are, and how these are written. */
import type { ScaleOptions } from "@observablehq/plot";
import type { Axis } from "../papers/figure.ts";

/** Whether a value has a place on the axis (a logarithm wants positive values; beyond 10^±150 the arithmetic of a drawing ends). */
export function drawable(value: number, { scale = "linear" }: Axis): boolean {
  return Math.abs(value) <= LARGEST && (scale === "linear" || value >= 1 / LARGEST);
}

const LARGEST = 1e150;

/** An axis for Observable Plot. */
export interface AxisScale {
  /** For the plot's `x` or `y`. */
  scale: ScaleOptions;
  domain: [number, number];
  ticks: number[];
  /** For the axis mark: how a tick is written (Plot asks a `tickFormat` for some ticks of a logarithm only). */
  text(tick: number): string;
}

/** An axis over the drawable ones of `values`; with `flush` the range is theirs, otherwise a little wider. */
export function axisScale(axis: Axis, values: Iterable<number>, { flush = false, ticks: count = 6 } = {}): AxisScale {
  const log = axis.scale === "log";
  let [low, high, whole] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, true];
  for (const value of values) {
    if (!drawable(value, axis)) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
    whole &&= Number.isInteger(value);
  }
  if (low > high) [low, high] = [log ? 0.1 : 0, 1];
  const domain = log ? logDomain(low, high, flush) : linearDomain(low, high, flush);
  const ticks = log ? logTicks(domain, count) : linearTicks(domain, count, whole);
  return { scale: { type: log ? "log" : "linear", domain, axis: null }, domain, ticks, text: formatter(ticks, log) };
}

function linearDomain(low: number, high: number, flush: boolean): [number, number] {
  const extent = Math.max(Math.abs(low), Math.abs(high));
  if (high - low <= 1e-12 * extent || extent < 1 / LARGEST)
    return extent < 1 / LARGEST ? [-0.5, 0.5] : [low - extent / 2, high + extent / 2];
  const margin = flush ? 0 : 0.04 * (high - low);
  // An axis that begins at zero stays there.
  return [low === 0 ? 0 : low - margin, high === 0 ? 0 : high + margin];
}

function logDomain(low: number, high: number, flush: boolean): [number, number] {
  const margin = low === high ? 2 : flush ? 1 : (high / low) ** 0.04;
  return [low / margin, high * margin];
}

/** Multiples of 1, 2 or 5 times a power of ten, about `count` of them. */
function linearTicks([low, high]: [number, number], count: number, whole: boolean): number[] {
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const nice = power * ([1, 2, 5].find((multiple) => multiple * power >= rough * 0.999) ?? 10);
  const step = whole ? Math.max(1, nice) : nice;
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

/** Powers of ten, or 1, 2, 5 times them over a short range, or plain ticks over a very short one. */
function logTicks([low, high]: [number, number], count: number): number[] {
  const within = (value: number) => value >= low * 0.999 && value <= high * 1.001;
  const [first, last] = [Math.floor(Math.log10(low)), Math.ceil(Math.log10(high))];
  const powers = Array.from({ length: last - first + 1 }, (_, i) => first + i);
  const decades = powers.map((power) => Number(`1e${power}`)).filter(within);
  if (decades.length > 2) return decades.filter((_, i) => i % Math.ceil(decades.length / (count + 2)) === 0);
  const fine = powers.flatMap((power) => [1, 2, 5].map((multiple) => Number(`${multiple}e${power}`))).filter(within);
  return fine.length > 2 ? fine : linearTicks([low, high], 4, false);
}

/** Plain numbers with equal decimals where they are short, powers of ten otherwise. */
function formatter(ticks: readonly number[], log: boolean): (value: number) => string {
  const extent = Math.max(...ticks.map(Math.abs));
  const plain = log ? ticks.every((tick) => tick >= 1e-3 && tick < 1e5) : extent === 0 || (extent >= 1e-3 && extent < 1e6);
  const decimals = Math.max(0, ...ticks.map((tick) => String(tick).split(".")[1]?.length ?? 0));
  if (plain) return (value) => (log ? String(value) : value.toFixed(decimals)).replace("-", "−");
  return (value) => (value === 0 ? "0" : scientific(value));
}

function scientific(value: number): string {
  const [mantissa, exponent] = value.toExponential(2).split("e");
  const power = `10${[...String(Number(exponent))].map((digit) => SUPERSCRIPT[digit]).join("")}`;
  return (Number(mantissa) === 1 ? power : `${Number(mantissa)}·${power}`).replace("-", "−");
}

const SUPERSCRIPT: Record<string, string> = { "-": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹" };
