import { expect, it } from "vitest";
import { example } from "../../examples/first-order-adversary.ts";
import { distance, norm, row } from "../../src/analysis/ascent-dynamics.ts";
import { classifierObjective } from "../../src/analysis/classifier-objective.ts";
import { architecture } from "../../src/models/index.ts";
import { key, normal, tensor, uniform } from "../../src/tensor/index.ts";

it("has the gradient and curvature of finite differences, example by example", async () => {
  const model = architecture("mlp", { inputShape: [3], classes: 4, width: 8, activation: "tanh" }).initialize(key(1));
  const x = tensor(normal(key(2), [2, 3]).data, [2, 3]);
  for (const loss of ["cross-entropy", "margin"] as const) {
    const objective = classifierObjective(model, x, [1, 3], { loss });
    const delta = normal(key(3), [6], 0.2).data;
    const v = normal(key(4), [6]).data;
    const { gradient } = await objective.gradient(delta);
    const product = await objective.curvature(delta, v);
    const shifted = (t: number) => delta.map((d, i) => d + t * v[i]);
    const h = 1e-5;
    const [up, down] = await Promise.all([objective.gradient(shifted(h)), objective.gradient(shifted(-h))]);
    for (const b of [0, 1]) {
      const slope = [0, 1, 2].reduce((sum, i) => sum + gradient[3 * b + i] * v[3 * b + i], 0);
      expect((up.value[b] - down.value[b]) / (2 * h)).toBeCloseTo(slope, 8);
      for (const i of [0, 1, 2]) expect((up.gradient[3 * b + i] - down.gradient[3 * b + i]) / (2 * h)).toBeCloseTo(product[3 * b + i], 8);
    }
  }
});

it.each([
  ["small-cnn", 1e-6],
  ["mnist-cnn", 1e-6],
] as const)("has them in float64 for a network with convolutions too: %s", async (name, h) => {
  const model = architecture(name, { inputShape: [1, 16, 16], classes: 4 }).initialize(key(5));
  const [n, count] = [256, 2];
  const x = tensor(uniform(key(6), [count, 1, 16, 16]).data, [count, 1, 16, 16]);
  const objective = classifierObjective(model, x, [1, 3]);
  expect(objective.dtype).toBe("float64");
  const delta = normal(key(7), [count * n], 0.05).data;
  const v = normal(key(8), [count * n]).data;
  const { value, gradient } = await objective.gradient(delta);
  const product = await objective.curvature(delta, v);
  const shifted = (t: number) => delta.map((d, i) => d + t * v[i]);
  const [up, down] = await Promise.all([objective.gradient(shifted(h)), objective.gradient(shifted(-h))]);
  for (let b = 0; b < count; b++) {
    const [g, Hv] = [gradient, product].map((all) => row(all, b, n));
    const slope = g.reduce((sum, t, i) => sum + t * v[b * n + i], 0);
    // float32 values would give the difference quotient no digit beyond 1e-7/h = .1
    expect(Math.abs((up.value[b] - down.value[b]) / (2 * h) - slope)).toBeLessThan(1e-8 * (1 + Math.abs(value[b])));
    // ReLU and max-pooling are piecewise linear: between kinks the curvature is that of the loss
    const quotient = row(up.gradient, b, n).map((t, i) => (t - down.gradient[b * n + i]) / (2 * h));
    expect(distance(quotient, Hv)).toBeLessThan(1e-6 * norm(Hv));
    expect(norm(Hv)).toBeGreaterThan(0);
  }
});

it("repeats examples for many points each, and wants one label per example", async () => {
  const model = architecture("mlp", { inputShape: [3], classes: 4, width: 8, activation: "tanh" }).initialize(key(1));
  const x = tensor(normal(key(2), [2, 3]).data, [2, 3]);
  const [one, many] = [classifierObjective(model, x, [1, 3]), classifierObjective(model, x, [1, 3], { points: 5 })];
  const single = await one.value(new Float64Array(6));
  expect([...(await many.value(new Float64Array(30)))]).toEqual([0, 0, 0, 0, 0, 1, 1, 1, 1, 1].map((i) => expect.closeTo(single[i], 12)));
  expect(() => classifierObjective(model, x, [1])).toThrow(/labels/);
});

it("the example finds strict local maxima on the sphere of a user's model, at the predicted rate", async () => {
  const { regularity, reports, slices, lines, paths } = await example();
  for (const [i, { kkt, tail, predictedRate, hit, values }] of reports.entries()) {
    expect(kkt.strictLocalMaximum).toBe(true);
    expect(kkt.norm).toBeCloseTo(1, 12);
    expect(hit).toBeGreaterThan(0);
    expect(Math.abs((tail?.rate ?? 0) - predictedRate)).toBeLessThan(0.03);
    expect(regularity[i].kappa).toBeLessThan(1);
    const inBall = slices[i].y.flatMap((v, r) => slices[i].x.flatMap((u, c) => (Math.hypot(u, v) <= 1 ? [slices[i].values[r][c]] : [])));
    expect(Math.max(...inBall)).toBeLessThanOrEqual(values[values.length - 1] * (1 + 1e-9));
    expect(lines[i].values[0]).toBeCloseTo(values[0], 9);
    expect(lines[i].values[40]).toBeCloseTo(values[values.length - 1], 9);
    expect(paths[i].x[paths[i].x.length - 1]).toBeCloseTo(1, 9);
  }
});
