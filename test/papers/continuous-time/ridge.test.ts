/** E1: adversarial training of the ridge toy, in one and in p dimensions. */
import { fc, test } from "@fast-check/vitest";
import { EigenvalueDecomposition, Matrix } from "ml-matrix";
import { describe, expect, it } from "vitest";
import { weightedDirection } from "../../../src/analysis/adversarial-direction.ts";
import { type Learner, weightInput } from "../../../src/analysis/learner.ts";
import { constant, evaluate, matMul, mul, reduceSum, reshape, sub } from "../../../src/graph/index.ts";
import { flow } from "../../../src/papers/continuous-time/theory/flow.ts";
import * as ridge from "../../../src/papers/continuous-time/theory/ridge.ts";
import { minus, norm, plus, scale, solve, times, type Vector } from "../../../src/papers/continuous-time/theory/vectors.ts";
import { tensor } from "../../../src/tensor/index.ts";

const A = new Matrix([
  [1, 0.3, -0.2],
  [0.3, 0.6, 0.1],
  [-0.2, 0.1, 1.4],
]);
const S = new Matrix([
  [1, -0.4, 0.2],
  [-0.4, 0.8, 0.3],
  [0.2, 0.3, 0.5],
]);
const system: ridge.RidgeSystem = { A, b: [0.7, -0.2, 0.4], S, B: 3, η: 0.2, θ0: [2, -1, 0.5] };
const inner = { α: 0.05, K: 4 };
const curvature = Matrix.add(A, Matrix.eye(3).mul(inner.α * inner.K));

it("reference moments in one dimension", () => {
  const problem = { a: 1, b: 0.7, S: 1, B: 1, η: 0.1, θ0: 2 };
  const found = [
    ridge.discreteMoments(problem, inner, 20),
    ridge.diffusionMoments(problem, inner, 2, 1),
    ridge.diffusionMoments(problem, inner, 2, 2),
  ];
  for (const [i, { mean, variance }] of found.entries()) {
    expect(mean).toBeCloseTo([0.69321396, 0.71185043, 0.69461472][i], 8);
    expect(variance).toBeCloseTo([0.04405958, 0.04132376, 0.03906563][i], 8);
  }
});

const number = fc.double({ min: -2, max: 2, noNaN: true });
const vector = fc.tuple(number, number, number);
test.prop([vector, vector, fc.double({ min: 0, max: 0.5, noNaN: true }), fc.integer({ min: 0, max: 6 })])(
  "h = (A + βI)θ − x is the direction of the differentiated ascent, for every K and α",
  (θ, x, α, K) => {
    const quadratic: Learner = {
      weights: { θ: [3] },
      losses: ({ θ }, x) => {
        const Aθ = reshape(matMul(constant(tensor(A.to1DArray(), [3, 3], "float64")), reshape(θ, [3, 1])), [3]);
        return reduceSum(mul(θ, sub(mul(Aθ, 0.5), x)), [1]);
      },
    };
    const input = weightInput(quadratic);
    const [xs, one] = [constant(tensor(x, [1, 3], "float64")), constant(tensor([1], [1], "float64"))];
    const h = weightedDirection(quadratic, input, xs, one, one, { α, K });
    const [found] = evaluate([h], { θ: tensor(θ, [3], "float64") });
    expect(norm(minus([...found.data], ridge.direction(A, θ, x, { α, K })))).toBeLessThan(1e-13);
  },
);

describe("p dimensions", () => {
  it("the moments of the chain are those of its recursion", () => {
    const step = Matrix.eye(3).sub(Matrix.mul(curvature, system.η));
    let mean: Vector = system.θ0;
    let covariance = Matrix.zeros(3, 3);
    for (let n = 0; n <= 12; n++) {
      const found = ridge.discreteJointMoments(system, inner, n);
      expect(norm(minus(found.mean, mean))).toBeLessThan(1e-14);
      expect(found.covariance.sub(covariance).norm()).toBeLessThan(1e-14);
      mean = plus(mean, minus(times(curvature, mean), system.b), -system.η);
      covariance = step
        .mmul(covariance)
        .mmul(step.transpose())
        .add(Matrix.mul(S, system.η ** 2 / system.B));
    }
  });

  it.each([1, 2] as const)("the moments of the order-%i SDE solve its moment equations", (order) => {
    // Order 2: the drift −∇[L_AT + (η/4)|∇L_AT|²] has the matrix k + (η/2)k².
    const J = order === 1 ? curvature : Matrix.add(curvature, curvature.mmul(curvature).mul(system.η / 2));
    const root = solve(curvature, system.b);
    const field = (state: Vector): Vector => {
      const [mean, V] = [state.slice(0, 3), Matrix.from1DArray(3, 3, state.slice(3))];
      const growth = Matrix.mul(S, system.η / system.B)
        .sub(J.mmul(V))
        .sub(V.mmul(J.transpose()));
      return [...scale(-1, times(J, minus(mean, root))), ...growth.to1DArray()];
    };
    const path = flow(field, [...system.θ0, ...Matrix.zeros(3, 3).to1DArray()], 2, 2, 400);
    for (const [T, state] of path.entries()) {
      const { mean, covariance } = ridge.diffusionJointMoments(system, inner, T, order);
      expect(norm(minus(mean, state.slice(0, 3)))).toBeLessThan(1e-11);
      expect(norm(minus(covariance.to1DArray(), state.slice(3)))).toBeLessThan(1e-11);
    }
  });

  it("reduce to one dimension, along every eigenvector and as a matrix of one number", () => {
    const { eigenvectorMatrix: Q, realEigenvalues } = new EigenvalueDecomposition(A, { assumeSymmetric: true });
    const own = realEigenvalues.map((a, i) => {
      const q = Q.getColumn(i);
      const along = (v: Vector) => q.reduce((sum, e, j) => sum + e * v[j], 0);
      const problem = { a, b: along(system.b), S: along(times(S, q)), B: system.B, η: system.η, θ0: along(system.θ0) };
      return { q, along, problem };
    });
    const single = { ...own[0].problem, A: new Matrix([[own[0].problem.a]]), b: [own[0].problem.b], S: new Matrix([[own[0].problem.S]]) };
    const pairs: [(s: ridge.RidgeSystem) => ridge.JointMoments, (p: ridge.RidgeProblem) => ridge.Moments][] = [
      [(s) => ridge.discreteJointMoments(s, inner, 7), (p) => ridge.discreteMoments(p, inner, 7)],
      [(s) => ridge.diffusionJointMoments(s, inner, 1.4, 1), (p) => ridge.diffusionMoments(p, inner, 1.4, 1)],
      [(s) => ridge.diffusionJointMoments(s, inner, 1.4, 2), (p) => ridge.diffusionMoments(p, inner, 1.4, 2)],
    ];
    for (const [joint, scalar] of pairs) {
      const { mean, covariance } = joint(system);
      for (const { q, along, problem } of own) {
        expect(along(mean)).toBeCloseTo(scalar(problem).mean, 13);
        expect(along(times(covariance, q))).toBeCloseTo(scalar(problem).variance, 13);
      }
      const found = joint({ ...single, θ0: [single.θ0] });
      expect(found.mean[0]).toBeCloseTo(scalar(own[0].problem).mean, 14);
      expect(found.covariance.get(0, 0)).toBeCloseTo(scalar(own[0].problem).variance, 14);
    }
  });

  it("the mean of the order-2 SDE stays O(η²) from the chain over a fixed time, that of order 1 only O(η)", () => {
    const gap = (order: 1 | 2, n: number) => {
      const finer = { ...system, η: 1 / n };
      return norm(minus(ridge.discreteJointMoments(finer, inner, n).mean, ridge.diffusionJointMoments(finer, inner, 1, order).mean));
    };
    for (const order of [1, 2] as const) expect(Math.abs(Math.log2(gap(order, 80) / gap(order, 160)) - order)).toBeLessThan(0.05);
  });

  it("refuses a matrix that is not symmetric", () => {
    const skew = {
      ...system,
      A: new Matrix([
        [1, 2, 0],
        [0, 1, 0],
        [0, 0, 1],
      ]),
    };
    expect(() => ridge.discreteJointMoments(skew, inner, 1)).toThrow("(A + Aᵀ)/2");
  });
});
