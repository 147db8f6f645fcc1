/** 1.3 (a), the perturbation δ_K, against the ascent loop; 1.3 (f), a soft penalty and a shared perturbation. */
import { fc, test } from "@fast-check/vitest";
import { Matrix } from "ml-matrix";
import { describe, expect, it } from "vitest";
import { type Inner, perturbation, quadraticPerturbation, sharedPenalty } from "../../../src/papers/continuous-time/theory/inner.ts";
import * as linear from "../../../src/papers/continuous-time/theory/linear-regression.ts";
import { dot, jacobian, minus, norm, outer, plus, scale, times, type Vector } from "../../../src/papers/continuous-time/theory/vectors.ts";
import { logSlope } from "../../../src/papers/statistics.ts";

/** K steps δ ← δ + α·gradient(δ) from 0. */
function ascent(gradient: (δ: Vector) => Vector, dimension: number, { α, K }: Inner): Vector {
  let δ: Vector = Array.from({ length: dimension }, () => 0);
  for (let k = 0; k < K; k++) δ = plus(δ, gradient(δ), α);
  return δ;
}

const number = fc.double({ min: -1, max: 1, noNaN: true });
const vector = fc.tuple(number, number, number);

test.prop([fc.tuple(vector, vector, vector), vector, fc.double({ min: 0, max: 0.5, noNaN: true }), fc.integer({ min: 0, max: 6 })])(
  "quadratic losses: Σ(I + αH)ʲαg is the loop for every symmetric H, and so is its expansion for two steps",
  (half, g, α, K) => {
    const H = new Matrix(half).add(new Matrix(half).transpose());
    const gradient = (δ: Vector) => plus(g, times(H, δ));
    const δ = ascent(gradient, 3, { α, K });
    expect(norm(minus(quadraticPerturbation(g, H, { α, K }), δ))).toBeLessThan(1e-13 * (1 + norm(δ)));
    if (K <= 2) expect(norm(minus(perturbation(g, H, { α, K }), δ))).toBeLessThan(1e-14 * (1 + norm(δ)));
  },
);

it("linear regression: δ_K = c r θ", () => {
  const [θ, x, y, inner] = [[0.6, 0.3, 0.4], [0.3, -1.2, 0.7], 0.4, { α: 0.13, K: 4 }];
  const r = dot(θ, x) - y;
  const expected = scale(linear.amplification(θ, inner).c * r, θ);
  expect(norm(minus(quadraticPerturbation(scale(r, θ), outer(θ, θ), inner), expected))).toBeLessThan(1e-15);
});

describe("log Σ exp(Wx), which is not quadratic", () => {
  const W = new Matrix([
    [1, -0.5],
    [0.2, 1.4],
    [-0.9, 0.3],
  ]);
  const x = [0.3, -0.2];
  const softmax = (at: Vector) => {
    const e = times(W, at).map(Math.exp);
    return scale(1 / e.reduce((sum, v) => sum + v, 0), e);
  };
  const gradient = (at: Vector) => times(W.transpose(), softmax(at));
  const p = softmax(x);
  const H = W.transpose()
    .mmul(Matrix.diag(p).sub(outer(p, p)))
    .mmul(W);

  it.each([1, 2, 3, 5])("K = %i: the remainder of Kαg + (K(K−1)/2)α²Hg is O(α³), without the second term O(α²)", (K) => {
    const αs = [0.02, 0.01, 0.005];
    const remainder = (cut: (inner: Inner) => Vector) =>
      αs.map((α) =>
        norm(
          minus(
            ascent((δ) => gradient(plus(x, δ)), 2, { α, K }),
            cut({ α, K }),
          ),
        ),
      );
    const second = remainder((inner) => perturbation(gradient(x), H, inner));
    if (K === 1) {
      expect(Math.max(...second)).toBeLessThan(1e-16);
      return;
    }
    expect(Math.abs(logSlope(αs, second) - 3)).toBeLessThan(0.1);
    const first = remainder(({ α }) => scale(K * α, gradient(x)));
    expect(Math.abs(logSlope(αs, first) - 2)).toBeLessThan(0.1);
  });
});

describe("1.3 (f)", () => {
  const θ = [0.6, -0.8];
  const data = [
    { x: [1, 0.4], y: 0.3 },
    { x: [-0.2, 1.1], y: -0.9 },
    { x: [0.7, -0.5], y: 1.6 },
  ];
  const αs = [0.004, 0.002, 0.001];
  const K = 3;

  it.each([
    { R: "½|δ|²", slope: 2, gradient: (δ: Vector) => δ },
    { R: "½|δ|² + Σδ⁴", slope: 2, gradient: (δ: Vector) => δ.map((v) => v + 4 * v ** 3) },
    { R: "Σδ + ½|δ|², whose gradient at 0 is not 0", slope: 1, gradient: (δ: Vector) => δ.map((v) => v + 1) },
  ])("the soft penalty $R changes the direction by O(α^$slope)", ({ slope, gradient }) => {
    const λ = 2;
    const [{ x, y }] = data;
    const difference = αs.map((α) => {
      const r = (δ: Vector) => dot(θ, plus(x, δ)) - y;
      const δ = ascent((δ) => plus(scale(r(δ), θ), gradient(δ), -λ), 2, { α, K });
      return norm(minus(scale(r(δ), plus(x, δ)), linear.direction(θ, x, y, { α, K })));
    });
    expect(Math.abs(logSlope(αs, difference) - slope)).toBeLessThan(0.1);
  });

  it("½|δ|² makes H − λI of H in the exact sum", () => {
    const [λ, inner] = [0.7, { α: 0.2, K: 4 }];
    const [{ x, y }] = data;
    const g = scale(dot(θ, x) - y, θ);
    const δ = ascent((δ) => plus(plus(g, θ, dot(θ, δ)), δ, -λ), 2, inner);
    const H = outer(θ, θ).sub(Matrix.eye(2).mul(λ));
    expect(norm(minus(quadraticPerturbation(g, H, inner), δ))).toBeLessThan(1e-15);
  });

  it.each([1, 2, 3])("a δ shared by a batch of %i costs (1 − 1/B)|E g|² + (1/B)E|g|², in the mean over all batches", (B) => {
    const batches = Array.from({ length: 3 ** B }, (_, i) => Array.from({ length: B }, (_, b) => data[Math.floor(i / 3 ** b) % 3]));
    const average = (vectors: readonly Vector[]) =>
      vectors.reduce<Vector>((sum, v) => plus(sum, v, 1 / vectors.length), scale(0, vectors[0]));
    const inputGradients = (θ: Vector) => data.map(({ x, y }) => scale(dot(θ, x) - y, θ));
    const shared = (batch: typeof data, α: number) => {
      const r = (δ: Vector, { x, y }: (typeof data)[number]) => dot(θ, plus(x, δ)) - y;
      const δ = ascent((δ) => average(batch.map((example) => scale(r(δ, example), θ))), 2, { α, K });
      return average(batch.map((example) => scale(r(δ, example), plus(example.x, δ))));
    };
    const clean = average(data.map(({ x, y }) => scale(dot(θ, x) - y, x)));
    // The penalty is linear in α: its gradient is taken once, where finite differences are accurate.
    const slopeOf = (batch: number) => jacobian((θ) => [sharedPenalty(inputGradients(θ), batch, { α: 1, K })], θ).getRow(0);
    const remainder = (batch: number) =>
      αs.map((α) => norm(minus(average(batches.map((b) => shared(b, α))), plus(clean, slopeOf(batch), α))));
    expect(Math.abs(logSlope(αs, remainder(B)) - 2)).toBeLessThan(0.1);
    // That of another batch size leaves a term of first order.
    expect(Math.abs(logSlope(αs, remainder(B === 1 ? Number.POSITIVE_INFINITY : 1)) - 1)).toBeLessThan(0.1);
  });
});
