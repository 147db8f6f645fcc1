/** An objective in float32 is judged by what float32 can tell: the same maxima as in float64, with the same multipliers, rates and hits. */
import { expect, it } from "vitest";
import { ascentTolerances, checkKkt } from "../../src/analysis/ascent-dynamics.ts";
import { reportAscent } from "../../src/analysis/ascent-report.ts";
import { classifierObjective } from "../../src/analysis/classifier-objective.ts";
import { compileObjective } from "../../src/analysis/objective.ts";
import { batch, digits } from "../../src/data/index.ts";
import { add, constant, matMul, mul, reduceSum, reshape, square } from "../../src/graph/index.ts";
import { architecture } from "../../src/models/index.ts";
import { key, tensor } from "../../src/tensor/index.ts";

it("finds in float32 the maxima that float64 finds, on digits", async () => {
  const model = architecture("mlp", { width: 48, activation: "tanh" }).initialize(key(1));
  const { x, y } = batch(digits({ split: "test", count: 2 }), [0, 1]);
  const radius = [1, 1];
  const n = x.data.length / 2;
  const { gradient } = await classifierObjective(model, x, y.data).gradient(new Float64Array(2 * n));
  const stepSize = radius.map((eps, b) => (0.2 * eps) / Math.hypot(...gradient.subarray(b * n, (b + 1) * n)));
  const [double, single] = await Promise.all(
    (["float64", "float32"] as const).map((dtype) =>
      reportAscent(classifierObjective(model, x, y.data, { dtype }), { key: key(2), radius, stepSize, steps: 100 }),
    ),
  );
  for (const [b, exact] of double.entries()) {
    const { kkt, hit, tail, predictedRate } = single[b];
    expect([exact.kkt.onSphere, exact.kkt.strictLocalMaximum]).toEqual([true, true]);
    expect([kkt.onSphere, kkt.strictLocalMaximum]).toEqual([true, true]);
    expect(kkt.residual).toBeGreaterThan(exact.kkt.residual);
    expect(kkt.multiplier / exact.kkt.multiplier).toBeCloseTo(1, 4);
    expect(kkt.margin).toBeCloseTo(exact.kkt.margin, 4);
    expect(predictedRate).toBeCloseTo(exact.predictedRate, 4);
    expect(hit).toBe(exact.hit);
    expect(tail?.rSquared).toBeGreaterThan(0.98);
  }
});

it("still tells points inside the ball and moving points apart in float32", async () => {
  // F = p·δ + ½ δᵀ diag(q) δ: a maximum of the sphere, a point just inside it, one that is not stationary, a saddle of the sphere
  const [p, q] = [tensor([3, 0, 0, 3, 0, 0, 3, 1, 0, 3, 0, 0], [4, 3]), tensor([1, 1, -4, 1, 1, -4, 1, 1, 0, 1, 4, 0], [4, 3])];
  const objective = compileObjective((δ) => reduceSum(add(mul(constant(p), δ), mul(mul(constant(q), square(δ)), 0.5)), [1]), {
    batch: 4,
    dimension: 3,
    dtype: "float32",
  })();
  expect(objective.dtype).toBe("float32");
  const { sphere } = ascentTolerances.float32;
  const delta = Float64Array.from([2 * (1 - sphere / 10), 0, 0, 2 * (1 - 3 * sphere), 0, 0, 2, 0, 0, 2, 0, 0]);
  const [maximum, inside, moving, saddle] = await checkKkt(objective, delta, [2, 2, 2, 2], { key: key(3) });
  expect(maximum).toMatchObject({ onSphere: true, strictLocalMaximum: true });
  expect(maximum.multiplier).toBeCloseTo(5, 4);
  expect(inside).toMatchObject({ onSphere: false, multiplier: 0, strictLocalMaximum: false });
  expect(moving).toMatchObject({ onSphere: true, strictLocalMaximum: false });
  expect(saddle).toMatchObject({ onSphere: true, strictLocalMaximum: false });
});

it("asks of a float64 objective what it always asked", async () => {
  const slope = constant(tensor([3, 0, 0], [3, 1], "float64"));
  const objective = compileObjective((δ) => reshape(matMul(δ, slope), [1]), { batch: 1, dimension: 3 })();
  const norms = async (size: number) => (await checkKkt(objective, Float64Array.from([size, 0, 0]), [1], { key: key(4) }))[0].onSphere;
  expect([await norms(1), await norms(1 - 1e-10), await norms(1 - 1e-8)]).toEqual([true, true, false]);
});
