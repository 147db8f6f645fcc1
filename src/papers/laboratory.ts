/**
 * What a paper's folder exports: a laboratory, that is an experiment, the claims that are checked on it, and its figures.
 * Everything here is plain data and functions; files, progress bars and reports are attached by the floors above.
 */
import type { Key } from "../tensor/index.ts";
import type { Figure } from "./figure.ts";

/** Where a statement comes from: the paper's text, its authors' code, another source that reports it, our derivation, or a set-up and threshold of ours. */
export type Provenance = "paper" | "code" | "second source" | "memory" | "derived" | "proposed";

/** How much is spent: `quick` at most 90 s on two cores, `full` what such a machine can bear (at most 3 h), `paper` the paper's own budget. */
export type Mode = "quick" | "full" | "paper";

/** What one claim was found to be. */
export interface Measurement {
  /** The figure that decides, or several with their names. Printed as it is. */
  measured: number | string | Readonly<Record<string, number | string | boolean>>;
  /** Whether the criterion is met. */
  holds: boolean;
  /** What a reader must know to judge the figure (sizes, seeds, a caveat). */
  note?: string;
}

/** A numbered check of a paper's specification. `measure` must be able to come out false. */
export interface Claim<Lab> {
  id: string;
  statement: string;
  provenance: Provenance;
  criterion: string;
  /** What we expect; some statements are known to be false and are expected to fail. Default "holds". */
  expected?: "holds" | "fails";
  measure(lab: Lab): Measurement | Promise<Measurement>;
}

/** What the experiment gets from whoever runs it. */
export interface Bench {
  mode: Mode;
  key: Key;
  /** Says what is being done and how far it is, 0..1 of the whole experiment. */
  progress(label: string, fraction: number): void;
  /**
   * The result of `compute`, kept under `name` (unique in the laboratory) so that a stopped run does not compute it again.
   * The result must survive JSON (numbers, strings, booleans, arrays, plain objects).
   */
  remember<T>(name: string, compute: () => T | Promise<T>): Promise<T>;
}

/** A paper's experiment with its claims. `Lab` is whatever the experiment hands to claims and figures. */
export interface Laboratory<Lab> {
  /** Folder name and name on the command line, e.g. "continuous-time". */
  name: string;
  /** Authors, title, year, identifier. */
  reference: string;
  /** One or two sentences on what is run, per mode where it differs. */
  setUp: string;
  /** Expected wall time on two cores, in minutes, which is said before a long run. */
  minutes?: Readonly<Partial<Record<Mode, number>>>;
  run(bench: Bench): Promise<Lab>;
  claims: readonly Claim<Lab>[];
  figures(lab: Lab): readonly Figure[];
}

/** States a claim; only fixes the types. */
export function claim<Lab>(definition: Claim<Lab>): Claim<Lab> {
  return definition;
}
