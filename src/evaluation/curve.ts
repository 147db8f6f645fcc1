/** Robust accuracy against ε, and the least distances at which examples break. */
import {
  type Attack,
  exampleRows,
  fabTargeted,
  fmn,
  hopSkipJump,
  modelOracle,
  type Norm,
  type Oracle,
  runAttack,
  type ThreatModel,
} from "../attacks/index.ts";
import type { Model } from "../models/index.ts";
import { key as keyOf } from "../tensor/index.ts";
import { batchOf, type Evaluation, type EvaluationData, type EvaluationOptions, evaluate } from "./evaluate.ts";
import { quantile } from "./statistics.ts";

/**
 * One evaluation per ε, in ascending order. What is broken within a smaller ε counts as broken within a larger one, with the same witness, so the
 * curve never rises and each attack sees only what still stands.
 */
export async function evaluateCurve(
  model: Model | Oracle,
  data: EvaluationData,
  { epsilons, ...threat }: Omit<ThreatModel, "epsilon"> & { epsilons: readonly number[] },
  options: EvaluationOptions & { onEpsilon?(epsilon: number): void } = {},
): Promise<Evaluation[]> {
  const evaluations: Evaluation[] = [];
  for (const epsilon of [...new Set(epsilons)].sort((a, b) => a - b)) {
    options.onEpsilon?.(epsilon);
    evaluations.push(await evaluate(model, data, { ...threat, epsilon }, { ...options, within: evaluations.at(-1) }));
  }
  return evaluations;
}

/** The least perturbations that were found: upper bounds of the distances to the decision boundary. */
export interface MinimumDistances {
  readonly norm: Norm;
  readonly attacks: readonly string[];
  /** Per example; 0 where it is wrong already, ∞ where none was found. */
  readonly distances: Float64Array;
  /** Over the examples that are classified correctly. */
  readonly median: number;
  readonly quantiles: { readonly [share: string]: number };
}

/**
 * Runs minimum-norm attacks to their end and keeps the least distance of each example. Default: FMN, and where it is defined targeted FAB; HopSkipJump
 * for a model without gradients.
 */
export async function minimumDistances(
  model: Model | Oracle,
  data: EvaluationData,
  norm: Norm,
  { attacks: given, key = keyOf(0), onProgress, ...runtime }: EvaluationOptions = {},
): Promise<MinimumDistances> {
  const oracle = "answer" in model ? model : modelOracle(model, runtime);
  const usual = norm === "l0" ? [fmn()] : [fmn(), fabTargeted({ targetClasses: 3 })];
  const attacks = given ?? (oracle.gives === "gradients" ? usual : [hopSkipJump()]);
  try {
    const { x, labels } = batchOf(data);
    const distances = new Float64Array(exampleRows(x).length).fill(Number.POSITIVE_INFINITY);
    let correct: number[] = [];
    for (const [number, attack] of attacks.entries()) {
      const threat = { norm, epsilon: Number.POSITIVE_INFINITY };
      const result = await runAttack(oracle, minimal(attack), { x, labels }, threat, {
        key: key.fold(attack.name, number),
        onProgress: (done, total) => onProgress?.({ attack: attack.name, done, total }),
      });
      correct = Array.from(result.cleanPredictions.keys()).filter((i) => result.cleanPredictions[i] === labels[i]);
      result.distances.forEach((distance, i) => {
        if (result.cleanPredictions[i] !== labels[i]) distances[i] = 0;
        else if (result.success[i]) distances[i] = Math.min(distances[i], distance);
      });
    }
    const sorted = correct.map((i) => distances[i]).sort((a, b) => a - b);
    const shares = [0.05, 0.25, 0.5, 0.75, 0.95];
    return {
      norm,
      attacks: attacks.map(({ name }) => name),
      distances,
      median: quantile(sorted, 0.5),
      quantiles: Object.fromEntries(shares.map((share) => [String(share), quantile(sorted, share)])),
    };
  } finally {
    if (oracle !== model) await oracle.release();
  }
}

function minimal(attack: Attack): Attack {
  if (attack.goal !== "minimum-norm") throw new RangeError(`${attack.name} looks for points within ε; distances need fmn, ddn, fab, …`);
  return attack;
}
