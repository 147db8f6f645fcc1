/** Accuracies class by class. */
import type { Verdict } from "./evaluate.ts";

export interface ClassRow {
  readonly label: number;
  readonly examples: number;
  /** Shares of the class that are classified correctly, and that no attack broke. */
  readonly clean: number;
  readonly robust: number;
}

/** One row for each class that has examples. */
export function classTable(labels: ArrayLike<number>, verdicts: readonly Verdict[], classes: number): ClassRow[] {
  return Array.from({ length: classes }, (_, label) => {
    const own = verdicts.filter((_, i) => labels[i] === label);
    const share = (of: (verdict: Verdict) => boolean) => own.filter(of).length / own.length;
    return { label, examples: own.length, clean: share((v) => v !== "wrong"), robust: share((v) => v === "standing") };
  }).filter(({ examples }) => examples > 0);
}
