import { EigenvalueDecomposition, Matrix } from "ml-matrix";
import { describe, expect, it } from "vitest";
import { extremeEigenvalues } from "../../src/analysis/lanczos.ts";
import { key, normal } from "../../src/tensor/index.ts";

/** `batch` random symmetric matrices of different sizes of entries, as products of a batch and as dense matrices for the second opinion. */
function symmetricBatch(batch: number, n: number) {
  const matrices = Array.from({ length: batch }, (_, b) => {
    const a = Matrix.from1DArray(n, n, [...normal(key(b), [n, n]).data]);
    return Matrix.add(a, a.transpose()).mul(10 ** -b);
  });
  const multiply = async (v: Float64Array) =>
    Float64Array.from(matrices.flatMap((a, b) => a.mmul(Matrix.columnVector([...v.subarray(b * n, (b + 1) * n)])).to1DArray()));
  return { matrices, multiply };
}

const spectrum = (a: Matrix) => new EigenvalueDecomposition(a, { assumeSymmetric: true }).realEigenvalues.sort((x, y) => x - y);

describe("extreme eigenvalues", () => {
  it("is exact on the whole space (ml-matrix as second implementation)", async () => {
    const { matrices, multiply } = symmetricBatch(3, 24);
    const found = await extremeEigenvalues(multiply, { key: key(1), batch: 3, dimension: 24 });
    for (const [b, a] of matrices.entries()) {
      const values = spectrum(a);
      expect(Math.abs(found[b].largest / values[23] - 1)).toBeLessThan(1e-11);
      expect(Math.abs(found[b].smallest / values[0] - 1)).toBeLessThan(1e-11);
      expect(found[b].residual).toBe(0);
    }
  });

  it("bounds its own error by the residual when stopped early", async () => {
    const { matrices, multiply } = symmetricBatch(3, 60);
    const found = await extremeEigenvalues(multiply, { key: key(1), batch: 3, dimension: 60, steps: 20 });
    for (const [b, a] of matrices.entries()) {
      const values = spectrum(a);
      expect(found[b].residual).toBeGreaterThan(0);
      expect(found[b].largest).toBeLessThanOrEqual(values[59] * (1 + 1e-12)); // a Ritz value never leaves the spectrum
      for (const value of [found[b].largest, found[b].smallest]) {
        expect(Math.min(...values.map((v) => Math.abs(v - value)))).toBeLessThanOrEqual(found[b].residual);
      }
    }
  });

  it("sees only the tangent space when normals are given, also where all its eigenvalues are negative", async () => {
    const n = 12;
    const { matrices, multiply } = symmetricBatch(2, n);
    const normals = normal(key(5), [2, n]).data;
    for (const b of [0, 1]) {
      const row = normals.subarray(b * n, (b + 1) * n);
      const size = Math.hypot(...row);
      for (let i = 0; i < n; i++) row[i] /= size;
    }
    const shifted = async (v: Float64Array) => (await multiply(v)).map((value, i) => value - 100 * v[i]);
    const found = await extremeEigenvalues(shifted, { key: key(2), batch: 2, dimension: n, normals });
    for (const [b, a] of matrices.entries()) {
      const u = Matrix.columnVector([...normals.subarray(b * n, (b + 1) * n)]);
      const p = Matrix.sub(Matrix.eye(n), u.mmul(u.transpose()));
      // P(A − 100)P has one eigenvalue 0 along u, which must not be seen
      const values = spectrum(p.mmul(Matrix.sub(a, Matrix.eye(n).mul(100))).mmul(p));
      expect(found[b].largest).toBeCloseTo(values[n - 2], 9);
      expect(found[b].smallest).toBeCloseTo(values[0], 9);
    }
  });

  it("ends early on operators of low rank, and on zero", async () => {
    const n = 10;
    const rankOne = async (v: Float64Array) =>
      Float64Array.from({ length: 2 * n }, (_, i) => (i < n ? 3 * v.subarray(0, n).reduce((sum, x) => sum + x, 0) : 0));
    const [one, zero] = await extremeEigenvalues(rankOne, { key: key(3), batch: 2, dimension: n });
    expect(one.largest).toBeCloseTo(30, 11);
    expect(one.smallest).toBeCloseTo(0, 11);
    expect(one.steps).toBeLessThan(4);
    expect(zero).toEqual({ largest: 0, smallest: 0, residual: 0, steps: 1 });
  });

  it("refuses an empty space", async () => {
    await expect(
      extremeEigenvalues(async (v) => v, { key: key(0), batch: 1, dimension: 1, normals: new Float64Array([1]) }),
    ).rejects.toThrow(/one step/);
  });
});
