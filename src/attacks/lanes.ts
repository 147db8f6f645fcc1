/** Attacks in several places at once: each lane runs them on a share of the examples. */
import { takeRows } from "../tensor/index.ts";
import type { Attack } from "./attack.ts";
import type { AttackData, AttackOptions, AttackResult } from "./run.ts";
import { exampleRows, type ThreatModel, threatFor } from "./threat.ts";

export interface Lane {
  /** Whether it can run this attack. */
  runs(attack: Attack): boolean;
  run(attack: Attack, data: AttackData, threat: ThreatModel, options: AttackOptions): Promise<AttackResult>;
}

/**
 * Every lane takes each n-th example. The shares do not depend on which lane is faster, and random streams follow the examples' numbers: nor do
 * results.
 */
export async function throughLanes(
  lanes: readonly Lane[],
  attack: Attack,
  { x, labels, targets, indices }: AttackData,
  threat: ThreatModel,
  { onProgress = () => {}, ...options }: AttackOptions,
): Promise<AttackResult> {
  const count = x.shape[0];
  const shares = lanes
    .map((_, lane) => Array.from({ length: Math.ceil((count - lane) / lanes.length) }, (_, i) => lane + i * lanes.length))
    .filter((share) => share.length > 0);
  const done = shares.map(() => 0);
  const ends = await Promise.allSettled(
    shares.map((share, lane) => {
      const of = (values: ArrayLike<number>) => share.map((i) => values[i]);
      const data = {
        x: takeRows(x, share),
        labels: of(labels),
        targets: targets && of(targets),
        indices: indices ? of(indices) : share,
      };
      return lanes[lane].run(attack, data, threatFor(threat, share, x.data.length / count), {
        ...options,
        onProgress: (finished) => {
          done[lane] = finished;
          onProgress(
            done.reduce((a, b) => a + b, 0),
            count,
          );
        },
      });
    }),
  );
  const results = ends.map((end) => {
    if (end.status === "rejected") throw end.reason;
    return end.value;
  });
  const merged: AttackResult = {
    attack: attack.name,
    threat,
    adversarial: { ...x, data: new Float32Array(x.data.length) },
    success: new Uint8Array(count),
    cleanPredictions: new Int32Array(count),
    predictions: new Int32Array(count),
    distances: new Float64Array(count),
    forwardEvaluations: new Int32Array(count),
    gradientEvaluations: new Int32Array(count),
  };
  const rows = exampleRows(merged.adversarial);
  const columns = ["success", "cleanPredictions", "predictions", "distances", "forwardEvaluations", "gradientEvaluations"] as const;
  shares.forEach((share, lane) => {
    const points = exampleRows(results[lane].adversarial);
    share.forEach((i, at) => {
      rows[i].set(points[at]);
      for (const column of columns) merged[column][i] = results[lane][column][at];
    });
  });
  return merged;
}
