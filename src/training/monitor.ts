/**
 * Watches validation for the two ways in which robust training goes wrong.
 *
 * Catastrophic overfitting (Wong et al. 2020): the network learns to defeat the one-step attack that it is trained with. Accuracy under PGD collapses,
 * while accuracy under FGSM stays or even rises: the two come apart. Robust overfitting (Rice et al. 2020): robust accuracy falls slowly behind its best, epoch after epoch.
 */

/** Accuracies on the validation split after an epoch, in 0..1. */
export interface EpochRecord {
  readonly epoch: number;
  readonly clean: number;
  /** Under the validation attack. */
  readonly robust: number;
  /** Under one step of the full ε. */
  readonly fgsm: number;
}

export interface MonitorOptions {
  /** What is done: a word, an end, or the best weights again with a fresh optimizer. */
  onOverfitting?: "warn" | "stop" | "roll-back";
  /** Robust accuracy below this share of the accuracy under FGSM is a collapse … */
  collapse?: number;
  /** … where they are at least so far apart. */
  apart?: number;
  /** Robust overfitting: this far behind the best … */
  gap?: number;
  /** … in so many epochs in a row. */
  patience?: number;
}

export interface Overfitting {
  readonly kind: "catastrophic" | "robust";
  readonly epoch: number;
  /** The epoch that was best. */
  readonly best: EpochRecord;
  readonly now: EpochRecord;
  readonly message: string;
}

/** What the last epoch of a history shows, if anything. */
export function overfitting(
  history: readonly EpochRecord[],
  { collapse = 0.5, apart = 0.3, gap = 0.02, patience = 3 }: MonitorOptions = {},
): Overfitting | undefined {
  const now = history.at(-1);
  if (!now) return undefined;
  const best = history.reduce((a, b) => (b.robust > a.robust ? b : a));
  const found = (kind: Overfitting["kind"], message: string): Overfitting => ({ kind, epoch: now.epoch, best, now, message });
  if (now.robust < collapse * now.fgsm && now.fgsm - now.robust > apart) {
    return found(
      "catastrophic",
      `catastrophic overfitting: accuracy is ${percent(now.fgsm)} under FGSM but ${percent(now.robust)} under the validation attack (at best ${percent(best.robust)}, epoch ${best.epoch + 1})`,
    );
  }
  const late = history.slice(-patience);
  if (late.length === patience && late.every(({ epoch, robust }) => epoch > best.epoch && best.robust - robust > gap)) {
    return found(
      "robust",
      `robust overfitting: robust accuracy has been more than ${percent(gap)} behind its best of ${percent(best.robust)} (epoch ${best.epoch + 1}) for ${patience} epochs, now ${percent(now.robust)}`,
    );
  }
  return undefined;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
