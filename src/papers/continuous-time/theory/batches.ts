/** 1.2, what a batch of B examples changes: the noise of its mean direction, and the inner steps where the examples share one loss. */
import { Matrix } from "ml-matrix";
import type { Inner } from "./inner.ts";

/**
 * Σ [p, p], the covariance of the mean direction of a batch of B examples (specification 1.2), from Cov(h) [p, p] of one example:
 * Cov(h)/B for draws with replacement, Cov(h)(N − B)/((N − 1)B) for B different ones out of N. Cov(h) divides by N, not by N − 1.
 * @param from N; without it the draws are with replacement, as the SDEs assume (infinitely many examples are the same).
 * @throws RangeError when B is not an integer from 1 to N.
 */
export function batchCovariance(covariance: Matrix, batch: number, from = Number.POSITIVE_INFINITY): Matrix {
  if (!Number.isInteger(batch) || batch < 1 || batch > from) {
    throw new RangeError(`a batch of ${batch} cannot be drawn from ${from} examples: take an integer from 1 to ${from}`);
  }
  const left = batch === from ? 0 : 1 - (batch - 1) / (from - 1);
  return Matrix.mul(covariance, left / batch);
}

/**
 * The inner ascent of one example where every step follows the gradient of the batch *mean* loss (specification 1.2): the others' losses
 * do not depend on its input, so α becomes α/B in all formulas.
 */
export const batchMeanInner = ({ α, K }: Inner, batch: number): Inner => ({ α: α / batch, K });
