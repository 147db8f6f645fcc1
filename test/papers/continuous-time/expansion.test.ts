/** 1.3 (b): of the two second-order terms one is a gradient in the weights, and the other is not. */
import type { Matrix } from "ml-matrix";
import { expect, it } from "vitest";
import { vulnerability, weightGradient } from "../../../src/analysis/adversarial-direction.ts";
import { weightInput } from "../../../src/analysis/learner.ts";
import { constant, evaluate, type Value } from "../../../src/graph/index.ts";
import { noisyWave, starts, tanhRegression } from "../../../src/papers/continuous-time/studies/learners.ts";
import { curvedTerm, mixedTerm } from "../../../src/papers/continuous-time/theory/expansion.ts";
import { jacobian, type Vector } from "../../../src/papers/continuous-time/theory/vectors.ts";
import { key, tensor } from "../../../src/tensor/index.ts";

it("D H g is no gradient: its Jacobian is not symmetric, while those of ∇|g|² and ∇(gᵀHg) are", () => {
  const learner = tanhRegression(2, 2);
  const data = noisyWave(key(5), 3, 2);
  const [θ, x, y] = [weightInput(learner), constant(data.x), constant(data.y)];
  const at = [...starts(learner, key(6), 1)];
  /** |J − Jᵀ|/|J| of a vector field in the weights. */
  const asymmetry = (field: Value): number => {
    const values = (θ: Vector) => [...evaluate([field], { θ: tensor(θ, [θ.length], "float64") })[0].data];
    const J: Matrix = jacobian(values, at);
    return J.clone().sub(J.transpose()).norm() / J.norm();
  };
  const penalty = weightGradient(learner, θ, (weights) => vulnerability((inputs) => learner.losses(weights, inputs, y), x));
  expect(asymmetry(penalty)).toBeLessThan(1e-8);
  expect(asymmetry(curvedTerm(learner, θ, x, y))).toBeLessThan(1e-8);
  expect(asymmetry(mixedTerm(learner, θ, x, y))).toBeGreaterThan(0.05);
});
