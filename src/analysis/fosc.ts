/** The quality of an attack as an instrument: the first-order stationary condition of every example along the steps of PGD, on any model with gradients. */
import {
  type AttackData,
  argMax,
  dualNormOf,
  exampleRows,
  foscOf,
  type Norm,
  type Oracle,
  perturbationSets,
  project,
  randomPoint,
  stepAlong,
} from "../attacks/index.ts";
import type { Key } from "../tensor/index.ts";

export interface FoscTraceOptions {
  norm: Exclude<Norm, "l0">;
  epsilon: number;
  steps: number;
  /** In input units; by default ε/4 (Wang et al. 2019). */
  stepSize?: number;
  randomStart?: boolean;
  key: Key;
}

/** All examples after so many steps. */
export interface FoscStep {
  /** c(x) over the ball, [N], in float64 from float32 gradients. */
  fosc: Float64Array;
  /** c(x) over the ball within the input domain, [N]. */
  foscInBox: Float64Array;
  /** c(x)/(ε‖g‖), [N]: from 0 (converged) to 2, whatever the size of the gradient; 0 where it vanishes. */
  relative: Float64Array;
  /** Cross-entropy, [N]. */
  loss: Float64Array;
  /** Whether the point is still classified correctly, [N]. */
  correct: Uint8Array;
}

/** Follows PGD on the cross-entropy, step 0 (the start) to `steps`. Nothing stops at success: what is watched is the ascent. */
export async function foscAlongPgd(
  oracle: Oracle,
  { x, labels }: Pick<AttackData, "x" | "labels">,
  { norm, epsilon, steps, stepSize = epsilon / 4, randomStart = true, key }: FoscTraceOptions,
): Promise<FoscStep[]> {
  const count = x.shape[0];
  const sets = perturbationSets(exampleRows(x), { norm, epsilon }, oracle.domain);
  const points = sets.map((set, i) => (randomStart ? randomPoint(set, key.fold(i)) : set.center.slice()));
  const trace: FoscStep[] = [];
  for (let step = 0; step <= steps; step++) {
    const now: FoscStep = {
      fosc: new Float64Array(count),
      foscInBox: new Float64Array(count),
      relative: new Float64Array(count),
      loss: new Float64Array(count),
      correct: new Uint8Array(count),
    };
    for (let from = 0; from < count; from += oracle.batchSize) {
      const chunk = points.slice(from, from + oracle.batchSize);
      const answers = await oracle.answer(chunk.map((point, i) => ({ point, want: "cross-entropy", label: labels[from + i] })));
      answers.forEach(({ logits, loss, gradient }, k) => {
        const i = from + k;
        now.fosc[i] = foscOf(sets[i], points[i], gradient);
        now.foscInBox[i] = foscOf(sets[i], points[i], gradient, { box: true });
        const scale = epsilon * dualNormOf(gradient, norm);
        now.relative[i] = scale > 0 ? now.fosc[i] / scale : 0;
        now.loss[i] = loss;
        now.correct[i] = argMax(logits) === labels[i] ? 1 : 0;
        stepAlong(sets[i], points[i], gradient, stepSize);
        project(sets[i], points[i]);
      });
    }
    trace.push(now);
  }
  return trace;
}
