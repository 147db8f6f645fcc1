/**
 * Adversarial training near initialization, with your own model, data and attack: what the theory guarantees, and what it takes.
 * Run it with `npx tsx examples/ntk-convergence.ts`.
 */
import { pathToFileURL } from "node:url";
import { EigenvalueDecomposition } from "ml-matrix";
import { empiricalNtk, quadraticReluDual, twoLayerNtk, withConstant } from "../src/analysis/index.ts";
import { architecture } from "../src/models/index.ts";
import {
  type Attack,
  balls,
  evaluator,
  initialized,
  linearized,
  measureRegret,
  type Problem,
  pgd,
  robustFit,
  robustLoss,
  scalarOfLogits,
  trainAdversarially,
  weightDistance,
} from "../src/papers/ntk-convergence/index.ts";
import { key, normal, tensor } from "../src/tensor/index.ts";

export async function example(T = 200) {
  // A model and data: two classes in the plane. Any network of one output or two classes will do, also one read from an ONNX file.
  const start = initialized(architecture("mlp", { inputShape: [2], classes: 2, width: 64, activation: "tanh" }).initialize(key(1)));
  const points = normal(key(2), [16, 2]);
  const labels = Float64Array.from({ length: 16 }, (_, i) => (points.data[2 * i] > 0 ? 1 : -1));
  points.data.forEach((v, i) => {
    if (i % 2 === 0) points.data[i] = v + Math.sign(v) * 0.3;
  });
  const problem: Problem = { evaluator: evaluator(start.network), initial: start.weights, data: { points, labels }, sets: balls(0.25) };

  // An attack may be anything that stays in its set: this one always pushes against the first axis.
  const push: Attack = {
    name: "push",
    perturb: async ({ data, sets }) =>
      tensor(
        data.points.data.map((v, i) => (i % 2 === 0 ? v - data.labels[i / 2] * sets.δ : v)),
        data.points.shape,
        "float64",
      ),
  };

  const rows = [];
  for (const attack of [push, pgd(5)]) {
    const options = { α: 0.5, T, radius: 2, key: key(3) };
    const run = await trainAdversarially(problem, attack, options);
    const robust = await robustLoss(problem, run.weights, key(4));
    // On the linearized network the regret against any weights in the ball is bounded, whatever the attack.
    const convex = { ...problem, evaluator: evaluator(linearized(start)) };
    const tangentRun = await trainAdversarially(convex, attack, options);
    const [{ regret, bound }] = await measureRegret(convex, tangentRun, options.α, [run.weights]);
    rows.push({
      attack: attack.name,
      surrogateLoss: run.best.loss,
      robustLoss: robust.loss,
      distance: weightDistance(run.weights, start.weights),
      regret,
      bound,
    });
    await convex.evaluator.release();
  }
  await problem.evaluator.release();

  // The tangent kernel of f, the difference of the two logits, on the data; and the norm that a robust fit needs with an analytic kernel.
  const kernel = await empiricalNtk(start, points, points, { output: scalarOfLogits });
  const spectrum = new EigenvalueDecomposition(kernel, { assumeSymmetric: true }).realEigenvalues.sort((a, b) => b - a);
  const norms = [0.05, 0.15, 0.25].map(
    (δ) =>
      robustFit(withConstant(twoLayerNtk(quadraticReluDual)), problem.data, balls(δ), { samples: 50, tolerance: 0.2, key: key(5) }).norm,
  );
  return { rows, spectrum, norms };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const { rows, spectrum, norms } = await example();
  console.table(rows);
  console.log("largest eigenvalues of the tangent kernel", spectrum.slice(0, 4));
  console.log("norm of a robust fit at δ = 0.05, 0.15, 0.25", norms);
}
