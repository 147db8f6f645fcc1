/** A study: one question of the laboratory with its experiment, the claims that it decides, and its figures. */
import type { Figure } from "../../figure.ts";
import type { Bench, Claim } from "../../laboratory.ts";

export interface Study<Result> {
  /** Under this name its result is remembered and handed to claims and figures. */
  name: string;
  /** Its share of the laboratory's time, in any unit. */
  share: number;
  /** The result must survive JSON. Slow studies remember their pieces themselves. */
  run(bench: Bench): Promise<Result>;
  claims: readonly Claim<Result>[];
  figures(result: Result): readonly Figure[];
}

/** States a study; only fixes the types. */
export const study = <Result>(definition: Study<Result>): Study<Result> => definition;

export const mean = (values: ArrayLike<number>): number => total(values, (v) => v) / values.length;

/** Unbiased sample variance. */
export function variance(values: ArrayLike<number>): number {
  const centre = mean(values);
  return total(values, (v) => (v - centre) ** 2) / (values.length - 1);
}

/** Standard error of the mean of independent values. */
export const standardError = (values: ArrayLike<number>): number => Math.sqrt(variance(values) / values.length);

/** The values at equal steps from `low` to `high`. */
export const grid = (low: number, high: number, count: number): number[] =>
  Array.from({ length: count }, (_, i) => low + ((high - low) * i) / (count - 1));

const total = (values: ArrayLike<number>, f: (v: number) => number): number => {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += f(values[i]);
  return sum;
};
