/** Pieces of an evaluation: what one attack did to some of the examples, small enough to be kept while the rest is computed. */
import type { AttackResult } from "../attacks/index.ts";
import { type Tensor, takeRows } from "../tensor/index.ts";

export interface Piece {
  /** Numbers of the examples that were broken. */
  readonly broken: Int32Array;
  /** Their adversarial points, [broken, …]. */
  readonly points: Tensor<"float32">;
  readonly predictions: Int32Array;
  readonly distances: Float64Array;
  readonly forwardEvaluations: number;
  readonly gradientEvaluations: number;
  readonly seconds: number;
}

/** A place for pieces, such as a folder. */
export interface Pieces {
  get(id: string): Piece | undefined;
  put(id: string, piece: Piece): void;
}

/** The piece of an attack's result on the examples `chosen`. */
export function pieceOf(result: AttackResult, chosen: readonly number[], seconds: number): Piece {
  const hits = chosen.flatMap((_, i) => (result.success[i] ? [i] : []));
  const total = (evaluations: Int32Array) => evaluations.reduce((a, b) => a + b, 0);
  return {
    broken: Int32Array.from(hits, (i) => chosen[i]),
    points: takeRows(result.adversarial, hits),
    predictions: Int32Array.from(hits, (i) => result.predictions[i]),
    distances: Float64Array.from(hits, (i) => result.distances[i]),
    forwardEvaluations: total(result.forwardEvaluations),
    gradientEvaluations: total(result.gradientEvaluations),
    seconds,
  };
}
