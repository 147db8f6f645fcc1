import { Matrix, SVD } from "ml-matrix";
import { describe, expect, it } from "vitest";
import { exampleMap } from "../../src/analysis/jacobian.ts";
import { operatorNorms } from "../../src/analysis/operator-norm.ts";
import { conjugate, dualVector, rowNorm } from "../../src/attacks/index.ts";
import { constant, evaluate, matMul, reshape } from "../../src/graph/index.ts";
import { key, normal, tensor } from "../../src/tensor/index.ts";

const exponents = [1, 1.5, 2, 3, Number.POSITIVE_INFINITY];

/** A batch of matrices [d, n] as linear maps. */
function matrices(batch: number, d: number, n: number) {
  const A = normal(key(2), [batch, d, n]);
  const map = exampleMap((x) => reshape(matMul(constant(A), reshape(x, [batch, n, 1])), [batch, d]), {
    shape: [batch, n],
    dtype: "float64",
  });
  const all = Array.from({ length: batch }, (_, b) => Matrix.from1DArray(d, n, Array.from(A.data.subarray(b * d * n, (b + 1) * d * n))));
  return { map, all };
}

describe("the dual vector", () => {
  it.each(exponents)("of ℓ_%s has unit conjugate norm and attains the norm", (r) => {
    const x = constant(tensor([3, -4, 0, 1, 1e-30, -2e-30, 0, 0, 0, 0, 0, 0], [3, 4], "float64"));
    const dual = dualVector(x, r);
    const [z, u, norms, lengths] = evaluate([x, dual, rowNorm(x, r), rowNorm(dual, conjugate(r))]);
    for (const b of [0, 1]) {
      const inner = [0, 1, 2, 3].reduce((total, i) => total + z.data[4 * b + i] * u.data[4 * b + i], 0);
      expect(lengths.data[b]).toBeCloseTo(1, 12);
      if (b === 0) expect(inner).toBeCloseTo(norms.data[b], 12);
    }
    expect([...u.data.slice(8)]).toEqual([0, 0, 0, 0].map(() => expect.closeTo(0, 12)));
  });
});

describe("the power method", () => {
  it.each(exponents.flatMap((p) => exponents.map((q) => [p, q] as const)))("never falls (p = %s, q = %s)", async (p, q) => {
    const { map } = matrices(6, 7, 9);
    const { history, values, directions } = await operatorNorms(map, new Float64Array(54), { p, q, key: key(3) });
    for (let k = 1; k < history.length; k++) {
      for (const [b, value] of history[k].entries()) expect(value).toBeGreaterThanOrEqual(history[k - 1][b] * (1 - 1e-10));
    }
    const [lengths] = evaluate([rowNorm(constant(tensor(directions, [6, 9], "float64")), p)]);
    for (const b of [0, 1, 2, 3, 4, 5]) {
      expect(lengths.data[b]).toBeCloseTo(1, 10);
      expect(values[b]).toBe(history[history.length - 1][b]);
    }
  });

  it("finds the largest singular value for p = q = 2", async () => {
    const { map, all } = matrices(20, 6, 15);
    const { values } = await operatorNorms(map, new Float64Array(300), { p: 2, q: 2, key: key(4), iterations: 400 });
    for (const [b, A] of all.entries()) expect(values[b] / new SVD(A, { autoTranspose: true }).diagonal[0]).toBeCloseTo(1, 6);
  });

  it.each([1, 2])("reaches the largest value over all sign vectors with restarts (p = ∞, q = %s), and never more", async (q) => {
    const [batch, n] = [40, 8];
    const { map, all } = matrices(batch, 6, n);
    const { values } = await operatorNorms(map, new Float64Array(batch * n), { p: Number.POSITIVE_INFINITY, q, key: key(5), restarts: 20 });
    const exact = all.map((A) => {
      let best = 0;
      for (let signs = 0; signs < 2 ** n; signs++) {
        const v = Matrix.columnVector(Array.from({ length: n }, (_, i) => ((signs >> i) & 1 ? 1 : -1)));
        const Av = A.mmul(v).to1DArray();
        best = Math.max(best, q === 1 ? Av.reduce((t, a) => t + Math.abs(a), 0) : Math.hypot(...Av));
      }
      return best;
    });
    for (const [b, value] of exact.entries()) expect(values[b]).toBeLessThanOrEqual(value * (1 + 1e-12));
    expect(exact.filter((value, b) => values[b] >= value * (1 - 1e-9)).length).toBeGreaterThanOrEqual(0.9 * batch);
  });
});
