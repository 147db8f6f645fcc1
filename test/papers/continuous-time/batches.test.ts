/** 1.2: the noise of a batch by enumeration of all batches, and the inner steps of a batch whose examples share one loss. */
import { fc, test } from "@fast-check/vitest";
import { Matrix } from "ml-matrix";
import { expect, it } from "vitest";
import { constant, evaluate, grad, input, mul, reduceMean, reduceSum, square, sub } from "../../../src/graph/index.ts";
import { batchCovariance, batchMeanInner } from "../../../src/papers/continuous-time/theory/batches.ts";
import { direction } from "../../../src/papers/continuous-time/theory/linear-regression.ts";
import { minus, norm, outer, plus, scale, type Vector } from "../../../src/papers/continuous-time/theory/vectors.ts";
import { key, normal, tensor } from "../../../src/tensor/index.ts";

const mean = (vectors: readonly Vector[]): number[] =>
  scale(
    1 / vectors.length,
    vectors.reduce<Vector>((sum, v) => plus(sum, v), scale(0, vectors[0])),
  );
/** The covariance of equally likely vectors. */
function covariance(vectors: readonly Vector[]): Matrix {
  const C = Matrix.zeros(vectors[0].length, vectors[0].length);
  for (const v of vectors) C.add(outer(minus(v, mean(vectors)), minus(v, mean(vectors))));
  return C.div(vectors.length);
}
/** All ordered batches of B indices below N, with replacement. */
const tuples = (N: number, B: number): number[][] =>
  B === 0 ? [[]] : tuples(N, B - 1).flatMap((batch) => Array.from({ length: N }, (_, i) => [...batch, i]));

const θ = [0.6, -0.4];
const examples = (count: number) =>
  fc.array(fc.tuple(...Array.from({ length: 3 }, () => fc.double({ min: -2, max: 2, noNaN: true }))), {
    minLength: count,
    maxLength: count,
  });

test.prop([fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 3 }), examples(5)])(
  "the covariance of the batch mean of adversarial directions is that of all batches, with and without replacement",
  (N, B, data) => {
    fc.pre(B <= N);
    const h = data.slice(0, N).map(([x1, x2, y]) => direction(θ, [x1, x2], y, { α: 0.1, K: 3 }));
    const meansOf = (batches: readonly number[][]) => batches.map((batch) => mean(batch.map((i) => h[i])));
    const all = tuples(N, B);
    const distinct = all.filter((batch) => new Set(batch).size === B);
    const one = covariance(h);
    const scaleOf = 1e-13 * (1 + one.norm());
    expect(covariance(meansOf(all)).sub(batchCovariance(one, B)).norm()).toBeLessThan(scaleOf);
    expect(
      covariance(meansOf(distinct))
        .sub(batchCovariance(one, B, N))
        .norm(),
    ).toBeLessThan(scaleOf);
  },
);

it("N = 5, B = 2: the ten pairs have 3/8 of the covariance of one example, a full batch has none", () => {
  expect(batchCovariance(new Matrix([[8]]), 2, 5).get(0, 0)).toBeCloseTo(3, 14);
  expect(batchCovariance(new Matrix([[8]]), 5, 5).get(0, 0)).toBe(0);
  expect(() => batchCovariance(new Matrix([[8]]), 6, 5)).toThrow("6 cannot be drawn from 5");
  expect(() => batchCovariance(new Matrix([[8]]), 0.5)).toThrow(RangeError);
});

it("inner steps up the mean loss of the batch are those of each example with α/B", () => {
  const [B, inner] = [4, { α: 0.7, K: 3 }];
  const [x0, y] = [normal(key(3), [B, 2]), normal(key(4), [B])];
  const x = input("x", [B, 2], "float64");
  const residual = sub(reduceSum(mul(x, constant(tensor(θ, [2], "float64"))), [1]), constant(y));
  const ascent = grad(mul(reduceMean(square(residual)), 0.5), x);
  const own = (at: Float64Array, b: number) => [...at.subarray(2 * b, 2 * b + 2)];
  let at = Float64Array.from(x0.data);
  for (let k = 0; k < inner.K; k++) {
    const [g] = evaluate([ascent], { x: tensor(at, [B, 2], "float64") });
    at = at.map((v, i) => v + inner.α * g.data[i]);
  }
  for (let b = 0; b < B; b++) {
    const r = θ[0] * own(at, b)[0] + θ[1] * own(at, b)[1] - y.data[b];
    const expected = direction(θ, own(x0.data, b), y.data[b], batchMeanInner(inner, B));
    expect(norm(minus(scale(r, own(at, b)), expected))).toBeLessThan(1e-14);
  }
});
