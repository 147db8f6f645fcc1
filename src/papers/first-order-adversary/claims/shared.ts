/** What the claims have in common: the laboratory's name, medians over seeds, and numbers as they are printed. */
import { median } from "../../statistics.ts";
import type { AscentRecord } from "../ascents.ts";
import type { FirstOrderAdversaryLab, SmoothActivation } from "../experiment.ts";

export type Lab = FirstOrderAdversaryLab;

type Trend = "n3" | "cosine" | "straightness" | "kappa" | "residual";

export const medianOf = <Field extends Trend>(records: readonly Pick<AscentRecord, Field>[], field: Field): number =>
  median(records.map((record) => record[field]));
/** The median at every input scale. */
export const medians = <Field extends Trend>(cells: readonly { ascents: readonly Pick<AscentRecord, Field>[] }[], field: Field): number[] =>
  cells.map(({ ascents }) => medianOf(ascents, field));
export const cellsOf = (lab: Lab, activation: SmoothActivation) => lab.cells.filter((cell) => cell.activation === activation);
export const digits = (value: number, precision = 3): number => Number(value.toPrecision(precision));
export const list = (values: readonly number[], precision = 3): string => values.map((v) => digits(v, precision)).join(", ");
/** Scales c as a list. */
export const scalesOf = (records: readonly { c: number }[]): string => list(records.map(({ c }) => c));
