/**
 * Robustness as a verdict per example: wrong already, broken by a named attack (with the point that does it), or standing. Attacks run one after
 * the other and each sees only what still stands; robust accuracy is the share that stands in the end.
 */
import { type Attack, type AttackData, exampleRows, type Oracle, runAttack, type ThreatModel } from "../attacks/index.ts";
import { type Key, type Tensor, takeRows } from "../tensor/index.ts";
import { type Proportion, proportion } from "./statistics.ts";

export type Verdict = "wrong" | "broken" | "standing";

/** What one attack did to the examples it was given. */
export interface AttackSummary {
  readonly attack: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  /** Examples that still stood when it began. */
  readonly attempted: number;
  readonly broken: number;
  readonly forwardEvaluations: number;
  readonly gradientEvaluations: number;
  readonly seconds: number;
}

export interface Evaluation {
  readonly threat: ThreatModel;
  readonly examples: number;
  /** Share classified correctly without an adversary. */
  readonly clean: Proportion;
  /** Share classified correctly that no attack broke. */
  readonly robust: Proportion;
  readonly attacks: readonly AttackSummary[];
  readonly verdicts: readonly Verdict[];
  /** For broken examples the index of the attack in `attacks`, else −1. */
  readonly brokenBy: Int32Array;
  /** [N, …]: the adversarial point of broken examples, the input itself elsewhere. */
  readonly witnesses: Tensor<"float32">;
  /** Class of the untouched input. */
  readonly cleanPredictions: Int32Array;
  /** Class of the witness. */
  readonly predictions: Int32Array;
  /** Distance of the witness from the input. */
  readonly distances: Float64Array;
}

export interface EvaluationOptions {
  threat: ThreatModel;
  /** In the order in which they run: cheap ones first. */
  attacks: readonly Attack[];
  key: Key;
  onProgress?(progress: { attack: string; done: number; total: number }): void;
}

/** Evaluates a model on labelled inputs against one threat. @throws what `runAttack` throws. */
export async function evaluate(
  oracle: Oracle,
  { x, labels }: Pick<AttackData, "x" | "labels">,
  { threat, attacks, key, onProgress }: EvaluationOptions,
): Promise<Evaluation> {
  const count = x.shape[0];
  const verdicts = new Array<Verdict>(count).fill("standing");
  const brokenBy = new Int32Array(count).fill(-1);
  const witnesses = { ...x, data: x.data.slice() };
  const rows = exampleRows(witnesses);
  const cleanPredictions = new Int32Array(count);
  const predictions = new Int32Array(count);
  const distances = new Float64Array(count);
  const summaries: AttackSummary[] = [];
  let standing = Array.from({ length: count }, (_, i) => i);
  for (const [number, attack] of attacks.entries()) {
    const began = performance.now();
    const epsilon = typeof threat.epsilon === "number" ? threat.epsilon : standing.map((i) => (threat.epsilon as ArrayLike<number>)[i]);
    const data = { x: takeRows(x, standing), labels: standing.map((i) => labels[i]), indices: standing };
    const result = await runAttack(
      oracle,
      attack,
      data,
      { ...threat, epsilon },
      {
        key: key.fold(attack.name, number),
        onProgress: (done, total) => onProgress?.({ attack: attack.name, done, total }),
      },
    );
    const points = exampleRows(result.adversarial);
    let broken = 0;
    standing.forEach((index, i) => {
      cleanPredictions[index] = result.cleanPredictions[i];
      predictions[index] = result.success[i] ? result.predictions[i] : result.cleanPredictions[i];
      if (result.cleanPredictions[i] !== labels[index]) verdicts[index] = "wrong";
      else if (result.success[i]) {
        broken++;
        verdicts[index] = "broken";
        brokenBy[index] = number;
        rows[index].set(points[i]);
        distances[index] = result.distances[i];
      }
    });
    const total = (evaluations: Int32Array) => evaluations.reduce((a, b) => a + b, 0);
    summaries.push({
      attack: attack.name,
      parameters: attack.parameters,
      attempted: result.cleanPredictions.reduce((n, prediction, i) => n + (prediction === labels[standing[i]] ? 1 : 0), 0),
      broken,
      forwardEvaluations: total(result.forwardEvaluations),
      gradientEvaluations: total(result.gradientEvaluations),
      seconds: (performance.now() - began) / 1000,
    });
    standing = standing.filter((i) => verdicts[i] === "standing");
  }
  return {
    threat,
    examples: count,
    clean: proportion(verdicts.filter((verdict) => verdict !== "wrong").length, count),
    robust: proportion(standing.length, count),
    attacks: summaries,
    verdicts,
    brokenBy,
    witnesses,
    cleanPredictions,
    predictions,
    distances,
  };
}
