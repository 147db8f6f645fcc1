/** Numbers and durations as people read them. */
import type { Measurement } from "../papers/laboratory.ts";

/** A number with `digits` significant digits: 0.01235, 1234, 1.2e-9; whole numbers below 10⁷ in full. */
export function formatNumber(value: number, digits = 4): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "NaN" : value > 0 ? "∞" : "−∞";
  if (Number.isInteger(value) && Math.abs(value) < 1e7) return String(value).replace("-", "−");
  const magnitude = Math.abs(value);
  const text = magnitude >= 1e-3 && magnitude < 1e6 ? String(Number(value.toPrecision(digits))) : shortExponent(value, digits);
  return text.replace(/^-/, "−");
}

/** What was measured, one line for each figure. */
export function formatMeasured(measured: Measurement["measured"]): string[] {
  if (typeof measured !== "object") return [formatValue(measured)];
  return Object.entries(measured).map(([name, value]) => `${name}: ${formatValue(value)}`);
}

/** "0.4 s", "38 s", "4 min 10 s", "2 h 05 min". */
export function formatDuration(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, "0")} s`;
  const minutes = Math.round(seconds / 60);
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
}

function formatValue(value: string | number | boolean): string {
  return typeof value === "number" ? formatNumber(value) : typeof value === "boolean" ? (value ? "yes" : "no") : value;
}

function shortExponent(value: number, digits: number): string {
  const [mantissa, exponent] = value.toExponential(digits - 1).split("e");
  return `${Number(mantissa)}e${Number(exponent)}`;
}
