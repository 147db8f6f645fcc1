/** Figures that claims and charts both need, read off the experiment's rows. */
import { logSlope } from "../statistics.ts";
import { average } from "./problem.ts";
import type { CapacityRow } from "./studies/capacity.ts";

/** The rows of each group, in order of appearance. */
export function groups<Row>(rows: readonly Row[], nameOf: (row: Row) => string): [string, Row[]][] {
  const byName = new Map<string, Row[]>();
  for (const row of rows) byName.set(nameOf(row), [...(byName.get(nameOf(row)) ?? []), row]);
  return [...byName];
}

/** The mean of a quantity over the draws at each width. */
export function widthMeans<Row extends { m: number }>(rows: readonly Row[], quantity: (row: Row) => number): { m: number; mean: number }[] {
  return groups(rows, ({ m }) => `${m}`).map(([, own]) => ({ m: own[0].m, mean: average(own.map(quantity)) }));
}

/** Exponent of a quantity in the width. */
export function widthSlope<Row extends { m: number }>(rows: readonly Row[], quantity: (row: Row) => number): number {
  return logSlope(
    rows.map(({ m }) => m),
    rows.map(quantity),
  );
}

/** The median of the least widths over data sets; infinite where more than half of the data sets were fitted by no width tried. */
export function medianWidth({ widths }: Pick<CapacityRow, "widths">): number {
  const sorted = widths.map((width) => width ?? Number.POSITIVE_INFINITY).sort((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  return (sorted[Math.floor(middle)] + sorted[Math.ceil(middle)]) / 2;
}

/** Four significant digits. */
export function figure(value: number): number {
  return Number(value.toPrecision(4));
}
