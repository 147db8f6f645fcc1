import { describe, expect, it } from "vitest";
import { norm, row } from "../../../src/analysis/ascent-dynamics.ts";
import { drawProblem, trainAdversarially } from "../../../src/papers/first-order-adversary/adversarial-training.ts";
import { activations } from "../../../src/papers/first-order-adversary/moments.ts";
import { initialAdversarialLoss } from "../../../src/papers/first-order-adversary/theory.ts";
import { key } from "../../../src/tensor/index.ts";
import { gradient, type PlainNet, value } from "./plain-net.ts";

describe("adversarial training", () => {
  const sizes = { d: 5, m: 12, examples: 4 };
  const rho = 0.1;

  /** The same training in plain loops: K l2-normalized steps of 2.5ε/K from 0, then a gradient step on W at δ held fixed. */
  function plainTraining(c: number, rate: number, seed: number, { epochs, innerSteps }: { epochs: number; innerSteps: number }): number[] {
    const { d, m, examples } = sizes;
    const problem = drawProblem(key(5).fold("training", seed), { c, ...sizes });
    const weights = new Float64Array(m * d);
    for (let i = 0; i < d; i++) for (let r = 0; r < m; r++) weights[r * d + i] = problem.weights[i * m + r];
    const net: PlainNet = { activation: activations.tanh, d, m, weights, signs: problem.readout.map((a) => Math.sign(a)) };
    const eps = rho * c;
    return Array.from({ length: epochs }, () => {
      let loss = 0;
      const update = new Float64Array(m * d);
      for (let i = 0; i < examples; i++) {
        const [x, y] = [row(problem.x, i, d), problem.y[i]];
        let delta: Float64Array = new Float64Array(d);
        const at = () => x.map((v, j) => v + delta[j]);
        for (let k = 0; k < innerSteps; k++) {
          const r = value(net, at()) - y;
          const slope = gradient(net, at()).map((v) => r * v);
          const next = delta.map((v, j) => v + ((2.5 * eps) / innerSteps) * (slope[j] / norm(slope)));
          delta = next.map((v) => v * Math.min(1, eps / norm(next)));
        }
        const r = value(net, at()) - y;
        loss += (0.5 * r * r) / examples;
        for (let unit = 0; unit < m; unit++) {
          const z = row(weights, unit, d).reduce((total, w, j) => total + w * at()[j], 0);
          const factor = (r * net.signs[unit] * (1 - Math.tanh(z) ** 2)) / Math.sqrt(m) / examples;
          for (let j = 0; j < d; j++) update[unit * d + j] += factor * at()[j];
        }
      }
      for (let j = 0; j < weights.length; j++) weights[j] -= rate * update[j];
      return loss;
    });
  }

  it("follows plain loops, for several scales, rates and seeds at once", async () => {
    const runs = [
      { c: 0.5, learningRate: 0.8, seed: 0 },
      { c: 2, learningRate: 0.1, seed: 1 },
    ];
    const losses = await trainAdversarially(runs, { key: key(5), rho, ...sizes, epochs: 6, innerSteps: 4 });
    for (const [i, { c, learningRate, seed }] of runs.entries()) {
      const plain = plainTraining(c, learningRate, seed, { epochs: 6, innerSteps: 4 });
      for (const [t, loss] of plain.entries()) expect(losses[i][t]).toBeCloseTo(loss, 11);
    }
  });

  it("gives in float32 what it gives in float64, to what float32 holds", async () => {
    const runs = [
      { c: 0.1, learningRate: 300, seed: 0 },
      { c: 3, learningRate: 10 / 9, seed: 1 },
    ];
    const [single, double] = await Promise.all(
      (["float32", "float64"] as const).map((dtype) =>
        trainAdversarially(runs, { key: key(5), rho, epochs: 20, d: 10, m: 50, examples: 20, dtype }),
      ),
    );
    for (const [i, curve] of double.entries())
      for (const [t, loss] of curve.entries()) expect(Math.abs(single[i][t] - loss)).toBeLessThan(1e-5 * loss);
  });

  it("starts at the predicted loss (mean of 32 nets within four standard errors)", async () => {
    const c = 1;
    const runs = Array.from({ length: 32 }, (_, seed) => ({ c, learningRate: 0, seed }));
    const losses = (await trainAdversarially(runs, { key: key(6), rho: 0.05, epochs: 1, d: 30, m: 200, examples: 40 })).map(
      ([first]) => first,
    );
    const mean = losses.reduce((a, b) => a + b, 0) / losses.length;
    const error = Math.sqrt(losses.reduce((a, b) => a + (b - mean) ** 2, 0) / (losses.length - 1) / losses.length);
    expect(Math.abs(mean - initialAdversarialLoss(activations.tanh, { c, d: 30, rho: 0.05 }))).toBeLessThan(4 * error);
  });
});
