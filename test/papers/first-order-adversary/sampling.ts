/** How far medians of few networks stray. */
import { median } from "../../../src/papers/statistics.ts";
import { integers, key } from "../../../src/tensor/index.ts";

/** A number as the specification prints it: its value, and half a unit of its last digit. */
export function printed(text: string): { value: number; half: number } {
  const [mantissa, exponent = "0"] = text.split("e");
  return { value: Number(text), half: 0.5 * 10 ** (Number(exponent) - (mantissa.split(".")[1]?.length ?? 0)) };
}

/** Standard error of (a median of `count` networks) − (our median), both drawn with replacement from `values`. */
export function standardError(values: readonly number[], count: number): number {
  const medians = (label: string, size: number) => {
    const draws = integers(key(11).fold(label), 1000 * size, values.length);
    return Array.from({ length: 1000 }, (_, i) => median([...draws.subarray(size * i, size * (i + 1))].map((j) => values[j])));
  };
  const [theirs, ours] = [medians("theirs", count), medians("ours", values.length)];
  return Math.sqrt(theirs.reduce((sum, v, i) => sum + (v - ours[i]) ** 2, 0) / 1000);
}
