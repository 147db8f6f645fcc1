/** The engine's networks and ascents against plain loops, closed forms and the theorem. */
import { describe, expect, it } from "vitest";
import { followAscent } from "../../../src/analysis/ascent.ts";
import { checkKkt, distance, norm, regularityIndex, row } from "../../../src/analysis/ascent-dynamics.ts";
import { reportAscent } from "../../../src/analysis/ascent-report.ts";
import { compileObjective } from "../../../src/analysis/objective.ts";
import { add, constant, matMul, mul, neg, reshape, softplus, square } from "../../../src/graph/index.ts";
import { ascendFromZero, largestSlopeAndCurvature } from "../../../src/papers/first-order-adversary/ascents.ts";
import { activations } from "../../../src/papers/first-order-adversary/moments.ts";
import { drawEnsemble, type Ensemble, ensembleObjective, ensembleObjectives } from "../../../src/papers/first-order-adversary/networks.ts";
import {
  contractionFactor,
  gradientMappingBound,
  hittingTimeBound,
  iterationsTo,
  maximumOf,
  smoothness,
} from "../../../src/papers/first-order-adversary/theory.ts";
import { key, normal, tensor } from "../../../src/tensor/index.ts";
import { ascend, fixedPoint, gradient, hessian, type PlainNet, value } from "./plain-net.ts";

const eps = (c: number) => 0.1 * c;

/** Network s of an ensemble as the second implementation sees it. */
function plain({ activation, d, m, weights, readout }: Ensemble, s: number): PlainNet {
  const own = new Float64Array(m * d);
  for (let i = 0; i < d; i++) for (let r = 0; r < m; r++) own[r * d + i] = weights.data[(s * d + i) * m + r];
  return {
    activation: activations[activation],
    d,
    m,
    weights: own,
    signs: readout.data.slice(s * m, (s + 1) * m).map((a) => a * Math.sqrt(m)),
  };
}

describe.each(["tanh", "softplus", "relu"] as const)("%s networks on the engine", (activation) => {
  const ensemble = drawEnsemble(key(3), { activation, networks: 2, d: 7, m: 40 });
  const x = (s: number, c: number) => row(ensemble.directions, s, 7).map((v) => c * v);

  it("have the value, gradient and Hessian of the plain loops", async () => {
    const points = 3;
    const output = ensembleObjectives(ensemble, points).output(1.5);
    const delta = normal(key(4), [2 * points, 7], 0.3).data;
    const v = normal(key(5), [2 * points, 7]).data;
    const seen = await output.gradient(delta);
    const product = await output.curvature(delta, v);
    for (let b = 0; b < 2 * points; b++) {
      const net = plain(ensemble, Math.floor(b / points));
      const at = x(Math.floor(b / points), 1.5).map((t, i) => t + delta[b * 7 + i]);
      expect(seen.value[b]).toBeCloseTo(value(net, at), 12);
      const slope = gradient(net, at);
      const bend = hessian(net, at).map((line) => line.reduce((sum, h, j) => sum + h * v[b * 7 + j], 0));
      for (let i = 0; i < 7; i++) {
        expect(seen.gradient[b * 7 + i]).toBeCloseTo(slope[i], 12);
        expect(product[b * 7 + i]).toBeCloseTo(bend[i], 12);
      }
    }
  });

  it("are ascended along the path of the plain loops", async () => {
    const c = 1;
    const courses = await followAscent(ensembleObjectives(ensemble, 1).loss(c), { radius: [0.1, 0.1], stepSize: [0.02, 0.01], steps: 30 });
    for (const s of [0, 1]) {
      const path = ascend(plain(ensemble, s), x(s, c), ensemble.labels[s], { eps: 0.1, s: [0.02, 0.01][s], steps: 30 });
      for (const [t, delta] of path.entries()) expect(distance(delta, courses[s].path[t])).toBeLessThan(1e-13);
    }
  });
});

describe("the one ascent routine on a linear f: r ← (1 + s|g|²) r", () => {
  const g = Float64Array.from([1, -2, 0.5, 0]);
  const r0 = -0.7;
  const g2 = 1 + 4 + 0.25;
  // F_b(δ) = ½(g·δ + r₀)² for two rows
  const bind = compileObjective(
    (delta) => {
      const r = add(reshape(matMul(delta, constant(tensor(g, [4, 1], "float64"))), [2]), r0);
      return mul(square(r), 0.5);
    },
    { batch: 2, dimension: 4 },
  );
  const residuals = async (options: { direction: "raw" | "l2" | "sign"; stepSize: number[]; radius: number[] }) =>
    (await followAscent(bind(), { ...options, steps: 12 })).map(({ values }) => values.map((f) => Math.sqrt(2 * f)));

  it("grows geometrically with raw steps in a ball that is out of reach: (1 + s|g|²)^K (with no projection at all: ascent-routine.test.ts)", async () => {
    const s = [0.03, 0.1];
    const found = await residuals({ direction: "raw", stepSize: s, radius: [1e9, 1e9] });
    for (const b of [0, 1]) for (const [t, r] of found[b].entries()) expect(r / (0.7 * (1 + s[b] * g2) ** t)).toBeCloseTo(1, 12);
  });

  it("grows linearly with normalized and sign steps: s|g|₂ and s|g|₁ a step", async () => {
    const l2 = await residuals({ direction: "l2", stepSize: [0.05, 0.2], radius: [1e9, 1e9] });
    const sign = await residuals({ direction: "sign", stepSize: [0.05, 0.2], radius: [1e9, 1e9] });
    for (const [b, s] of [0.05, 0.2].entries()) {
      for (const [t, r] of l2[b].entries()) expect(r).toBeCloseTo(0.7 + t * s * Math.sqrt(g2), 12);
      for (const [t, r] of sign[b].entries()) expect(r).toBeCloseTo(0.7 + t * s * 3.5, 12);
    }
  });

  it("stays on the ball with projection, where F is ½(|r₀| + ε|g|)²", async () => {
    const [small, large] = await followAscent(bind(), { stepSize: [0.1, 0.1], radius: [0.02, 0.3], steps: 60 });
    for (const [course, radius] of [
      [small, 0.02],
      [large, 0.3],
    ] as const) {
      expect(norm(course.path[course.path.length - 1])).toBeCloseTo(radius, 14);
      expect(course.values[course.values.length - 1]).toBeCloseTo(maximumOf({ r0, eps: radius, g: Math.sqrt(g2) }), 12);
    }
  });
});

describe("the theorem, on tanh networks with q < 1", () => {
  const ensemble = drawEnsemble(key(8), { activation: "tanh", networks: 6, d: 20, m: 400 });
  const objectives = ensembleObjectives(ensemble, 1);
  const c = 1;
  const radius = new Float64Array(6).fill(eps(c));

  it("1: the ascent's end is the fixed point of εu(δ), found without ascent", async () => {
    const { value: f } = await objectives.output(c).gradient(new Float64Array(120));
    const courses = await followAscent(objectives.loss(c), { radius, stepSize: radius.map(() => 0.005), steps: 3000, tolerance: 1e-15 });
    for (const [s, { path }] of courses.entries()) {
      const star = fixedPoint(
        plain(ensemble, s),
        row(ensemble.directions, s, 20).map((v) => c * v),
        Math.sign(f[s] - ensemble.labels[s]),
        eps(c),
      );
      expect(distance(star, path[path.length - 1]) / eps(c)).toBeLessThan(1e-9);
    }
  });

  it("2–5: monotone, bounded in time, and as many iterations as predicted", async () => {
    const output = objectives.output(c);
    const origin = new Float64Array(120);
    const { value: f } = await output.gradient(origin);
    const centre = await regularityIndex(output, origin, radius, { key: key(1) });
    const bounds = await largestSlopeAndCurvature(ensemble, output, { eps: eps(c), key: key(2), probes: 10 });
    // rigorous enough here: probed maxima plus a tenth; g_min ≥ g − εh
    const known = centre.map(({ g }, s) => {
      const [r0, gMax, h] = [f[s] - ensemble.labels[s], 1.1 * bounds[s].g, 1.1 * bounds[s].h];
      return { r0, g, gMax, h, gMin: g - eps(c) * h, s: 1 / smoothness({ r0, eps: eps(c), gMax, h }) };
    });
    const steps = 4000;
    const courses = await followAscent(objectives.loss(c), { radius, stepSize: known.map(({ s }) => s), steps, tolerance: 1e-14 });
    for (const [b, { path, values }] of courses.entries()) {
      const { r0, g, gMax, gMin, h, s } = known[b];
      for (let t = 1; t < values.length; t++) expect(values[t]).toBeGreaterThanOrEqual(values[t - 1] * (1 - 1e-13));
      const hit = path.findIndex((delta) => norm(delta) >= eps(c) * (1 - 1e-12));
      expect(hit).toBeLessThanOrEqual(hittingTimeBound({ eps: eps(c), gMin, gMax, r0, s }));
      // gradient mapping |δ_{t+1} − δ_t|/s against √(2(F_max − F₀)/(sT))
      for (const T of [5, 20, path.length - 1]) {
        const smallest = Math.min(...Array.from({ length: T }, (_, t) => distance(path[t + 1], path[t]) / s));
        expect(smallest).toBeLessThanOrEqual(gradientMappingBound({ rise: values[values.length - 1] - values[0], s, steps: T }));
      }
      const q = contractionFactor({ eps: eps(c), h, gMin });
      expect(q).toBeLessThan(1);
      const n6 = path.findIndex((delta) => distance(delta, path[path.length - 1]) < 1e-6 * eps(c));
      const r = Math.sqrt(2 * values[values.length - 1]);
      expect(n6).toBeLessThanOrEqual(iterationsTo(1e-6, { hit, eps: eps(c), s, r, g, q }));
      // 6: the maximum, up to O(κ)
      expect(Math.abs(values[values.length - 1] / maximumOf({ r0, eps: eps(c), g }) - 1)).toBeLessThan((eps(c) * h) / g);
    }
  });

  it("finds the spectrum of P∇²F P that the plain Hessian has", async () => {
    const loss = objectives.loss(c);
    const courses = await followAscent(loss, { radius, stepSize: radius.map(() => 0.005), steps: 3000, tolerance: 1e-15 });
    const ends = Float64Array.from(courses.flatMap(({ path }) => [...path[path.length - 1]]));
    const kkt = await checkKkt(loss, ends, radius, { key: key(5) });
    const { EigenvalueDecomposition, Matrix } = await import("ml-matrix");
    for (const s of [0, 3]) {
      const net = plain(ensemble, s);
      const delta = row(ends, s, 20);
      const at = delta.map((v, i) => v + c * ensemble.directions[s * 20 + i]);
      const r = value(net, at) - ensemble.labels[s];
      const u = Matrix.columnVector([...delta.map((v) => v / norm(delta))]);
      const p = Matrix.sub(Matrix.eye(20), u.mmul(u.transpose()));
      const slope = Matrix.columnVector([...gradient(net, at)]);
      const bend = Matrix.add(new Matrix(hessian(net, at)).mul(r), slope.mmul(slope.transpose()));
      const values = new EigenvalueDecomposition(p.mmul(bend).mmul(p), { assumeSymmetric: true }).realEigenvalues;
      // the eigenvalue 0 of u itself is not part of the tangent space; the largest of the others is
      expect(kkt[s].curvature).toBeCloseTo(Math.max(...values.filter((v) => Math.abs(v) > 1e-9)), 9);
      expect(kkt[s].multiplier).toBeCloseTo(Math.abs(r) * norm(gradient(net, at)), 9);
      expect(kkt[s].strictLocalMaximum).toBe(true);
    }
  });

  it("holds for the logistic loss, with r replaced by ℓ′(f): one maximum, on the side of −y, at the predicted rate", async () => {
    const logistic = ensembleObjective(ensemble, 1, ({ f, y }) => softplus(neg(mul(f, y))))(c);
    const stepSize = radius.map(() => 0.02);
    for (const [s, { path, kkt, tail, predictedRate }] of (
      await reportAscent(logistic, { radius, stepSize, steps: 3000, tolerance: 1e-14, key: key(7) })
    ).entries()) {
      const x = row(ensemble.directions, s, 20).map((v) => c * v);
      expect(distance(path[path.length - 1], fixedPoint(plain(ensemble, s), x, -ensemble.labels[s], eps(c))) / eps(c)).toBeLessThan(1e-9);
      expect(kkt.strictLocalMaximum).toBe(true);
      expect(Math.abs((tail?.rate ?? 0) - predictedRate)).toBeLessThan(0.03);
    }
  });

  it("predicts its tail rate and its hitting time", async () => {
    for (const record of await ascendFromZero(ensemble, objectives, { c, rho: 0.1, key: key(6) })) {
      expect(Math.abs(record.rate - record.ratePredicted)).toBeLessThan(0.03);
      expect(record.rSquared).toBeGreaterThan(0.99);
      expect(Math.abs(record.hit - record.hitPredicted)).toBeLessThanOrEqual(Math.max(1, 0.2 * record.hitPredicted));
    }
  });
});
