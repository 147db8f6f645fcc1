/** Data-dependent operator norms ‖J(x)‖_{p,q} = max over ‖v‖_p = 1 of ‖J(x)v‖_q, by the power method with restarts. */
import type { Exponent } from "../attacks/index.ts";
import { type Key, normal } from "../tensor/index.ts";
import type { ExampleMap } from "./jacobian.ts";

export interface OperatorNormOptions {
  p: Exponent;
  q: Exponent;
  key: Key;
  iterations?: number;
  /** Random starts; the largest value counts. Only p = q = 2 (and non-negative Jacobians) reach the maximum from one. */
  restarts?: number;
}

/** What was found, per example: lower bounds of the norms, with the directions that attain them. */
export interface OperatorNorms {
  /** ‖Jv‖_q of the best direction, [batch] */
  readonly values: Float64Array;
  /** The best directions, of unit ℓ_p norm, [batch, n] */
  readonly directions: Float64Array;
  /** ‖Jv_k‖_q along the last start's iterations, k = 1, 2, …: never falling. */
  readonly history: readonly Float64Array[];
}

export async function operatorNorms(
  map: ExampleMap,
  x: Float64Array,
  { p, q, key, iterations = 20, restarts = 1 }: OperatorNormOptions,
): Promise<OperatorNorms> {
  const { batch, inputs: n } = map;
  const values = new Float64Array(batch).fill(Number.NEGATIVE_INFINITY);
  const directions = new Float64Array(batch * n);
  let history: Float64Array[] = [];
  for (let restart = 0; restart < restarts; restart++) {
    history = [];
    let v = normal(key.fold(restart), [batch, n]).data;
    for (let k = 0; k <= iterations; k++) {
      const { value, next } = await map.power(x, v, { p, q });
      // v₀ is not of unit norm; its value is none of the norm's.
      if (k > 0) history.push(value);
      if (k === iterations) {
        for (let b = 0; b < batch; b++) {
          if (!(value[b] > values[b])) continue;
          values[b] = value[b];
          directions.set(v.subarray(b * n, (b + 1) * n), b * n);
        }
      } else v = next;
    }
  }
  return { values, directions, history };
}
