import { describe, expect, it } from "vitest";
import { predict } from "../../../src/analysis/ntk-fit.ts";
import { quadraticReluDual, twoLayerNtk } from "../../../src/analysis/ntk-kernels.ts";
import { fits, leastWidths } from "../../../src/papers/ntk-convergence/capacity.ts";
import { evaluator } from "../../../src/papers/ntk-convergence/evaluator.ts";
import { perturbedCopies, realize, robustFit } from "../../../src/papers/ntk-convergence/existence.ts";
import { adverseDirection } from "../../../src/papers/ntk-convergence/linearization.ts";
import { deepNetwork, linearized, twoLayerNetwork } from "../../../src/papers/ntk-convergence/networks.ts";
import { distance, dot, gaussianPoints, row, rowsOf, spherePoints, stack } from "../../../src/papers/ntk-convergence/points.ts";
import {
  average,
  fgsm,
  identityAttack,
  type Problem,
  pgd,
  randomAttack,
  robustLoss,
  strongest,
  surrogateLoss,
} from "../../../src/papers/ntk-convergence/problem.ts";
import { measureRegret } from "../../../src/papers/ntk-convergence/regret.ts";
import { balls, caps } from "../../../src/papers/ntk-convergence/sets.ts";
import {
  bestStepSize,
  curvature,
  curvatureRegret,
  displacement,
  interpolationWidths,
  layerRadius,
  linearizationBound,
  linearizationRegret,
  logisticLoss,
  plus,
  projectOntoBalls,
  regretBound,
  sufficientSteps,
  type Weights,
  weightDistance,
  weightNorm,
} from "../../../src/papers/ntk-convergence/theory.ts";
import { trainAdversarially } from "../../../src/papers/ntk-convergence/training.ts";
import { key, normal, type Tensor, tensor } from "../../../src/tensor/index.ts";

const data = spherePoints(key(1), { n: 8, d: 6, separation: 0.55 });
const start = twoLayerNetwork(key(2), { m: 64, d: 6 });
const problem: Problem = { evaluator: evaluator(start.network), initial: start.weights, data, sets: caps(0.25) };
const displaced = plus(start.weights, { W: normal(key(3), [64, 6], 0.3) });

describe("theory", () => {
  it("the bound is least at the best step size, where it is RG/√T, and small after the sufficient steps", () => {
    const [R, G, T] = [8, 0.3, 500];
    const α = bestStepSize({ R, G, T });
    const least = regretBound({ distance: R, α, T, G });
    expect(least).toBeCloseTo((R * G) / Math.sqrt(T), 12);
    for (const factor of [0.5, 0.9, 1.1, 2]) expect(regretBound({ distance: R, α: factor * α, T, G })).toBeGreaterThan(least);
    const enough = sufficientSteps({ R, G, ε: 0.01 });
    expect(regretBound({ distance: R, α: bestStepSize({ R, G, T: enough }), T: enough, G })).toBeLessThanOrEqual(0.01);
  });

  it("projection holds every layer in its own ball, is idempotent, and the nearest point", () => {
    const layer = (seed: number, scale: number) => normal(key(seed), [4, 3], scale);
    const W0 = { first: layer(1, 1), second: layer(2, 1) };
    const W = plus(W0, { first: layer(3, 1), second: layer(4, 0.01) });
    const projected = projectOntoBalls(W, W0, 0.5);
    expect(displacement(projected.first, W0.first)).toBeCloseTo(0.5, 13);
    expect(projected.second).toBe(W.second);
    expect(weightDistance(projectOntoBalls(projected, W0, 0.5), projected)).toBeLessThan(1e-14);
    for (let seed = 10; seed < 60; seed++) {
      const other = projectOntoBalls(plus(W0, { first: layer(seed, 0.3) }), W0, 0.5);
      expect(displacement(other.first, W.first)).toBeGreaterThanOrEqual(displacement(projected.first, W.first) - 1e-12);
    }
  });

  it("the logistic loss has slope at most 1, is convex, and does not overflow", () => {
    for (const f of [-800, -3, 0, 2, 800]) {
      const slope = (logisticLoss(f + 1e-4, 1) - logisticLoss(f - 1e-4, 1)) / 2e-4;
      expect(slope).toBeGreaterThanOrEqual(-1 - 1e-9);
      expect(slope).toBeLessThanOrEqual(0);
      expect(logisticLoss(f + 1, 1) + logisticLoss(f - 1, 1)).toBeGreaterThanOrEqual(2 * logisticLoss(f, 1));
    }
    expect(logisticLoss(0, -1)).toBe(Math.LN2);
  });
});

describe("attacks", () => {
  it("stay in the caps and are ordered clean ≤ FGSM ≤ PGD-20 with restarts", async () => {
    for (const attack of [identityAttack, randomAttack, fgsm, pgd(5), pgd(20, { restarts: 3 })]) {
      const x = await attack.perturb(problem, displaced, key(4));
      rowsOf(x).forEach((point, i) => {
        expect(Math.hypot(...point)).toBeCloseTo(1, 12);
        expect(distance(point, row(data.points, i))).toBeLessThanOrEqual(0.25 + 1e-12);
      });
    }
    const loss = (attack: typeof fgsm) => surrogateLoss(problem, displaced, attack, key(4));
    const [clean, one, many] = [await loss(identityAttack), await loss(fgsm), await loss(pgd(20, { restarts: 10 }))];
    expect(clean).toBeLessThan(one);
    expect(one).toBeLessThan(many);
    expect((await robustLoss(problem, displaced, key(4))).loss).toBeCloseTo(many, 12);
  });

  it("report the loss of the point they return, and no sample of the caps is worse", async () => {
    const { losses, points } = await strongest(problem, displaced, key(5), { steps: 20, restarts: 10 });
    const outputs = await problem.evaluator.outputs(displaced, points);
    losses.forEach((ℓ, i) => {
      expect(ℓ).toBeCloseTo(logisticLoss(outputs[i], data.labels[i]), 12);
    });
    const copies = perturbedCopies(data, problem.sets, { samples: 500, key: key(6) });
    const sampled = await problem.evaluator.outputs(displaced, copies.points);
    sampled.forEach((f, s) => {
      expect(logisticLoss(f, copies.labels[s])).toBeLessThanOrEqual(losses[Math.floor(s / 500)] + 1e-9);
    });
  });

  it("in sets of one name and two radii are each projected onto their own", async () => {
    const reach = async (radius: number) => {
      const sets = { ...caps(radius), name: "sets of my own" };
      const points = await pgd(5).perturb({ ...problem, sets }, displaced, key(4));
      return Math.max(...rowsOf(points).map((x, i) => distance(x, row(data.points, i))));
    };
    expect(await reach(0.1)).toBeCloseTo(0.1, 12);
    expect(await reach(0.4)).toBeCloseTo(0.4, 12);
  });

  it("FGSM steps to the rim, along the tangential part of the gradient on caps and the gradient in balls", async () => {
    const h = 1e-5;
    for (const sets of [caps(0.25), balls(0.25)]) {
      const own = { ...problem, sets };
      const found = await fgsm.perturb(own, displaced, key(4));
      const clean = await problem.evaluator.outputs(displaced, data.points);
      const attacked = await problem.evaluator.outputs(displaced, found);
      let moved = 0;
      for (const [i, x] of rowsOf(data.points).entries()) {
        const shifted = [...x.keys()].flatMap((k) => [h, -h].map((step) => x.map((v, l) => (l === k ? v + step : v))));
        const f = await problem.evaluator.outputs(displaced, stack(shifted));
        const gradient = x.map((_, k) => (-data.labels[i] * (f[2 * k] - f[2 * k + 1])) / (2 * h));
        const along = sets.name.startsWith("caps") ? dot(gradient, x) : 0;
        const tangent = gradient.map((g, k) => g - along * x[k]);
        const angle = 2 * Math.asin(0.125);
        const [keep, go] = sets.name.startsWith("caps") ? [Math.cos(angle), Math.sin(angle)] : [1, 0.25];
        const rim = x.map((v, k) => keep * v + (go * tangent[k]) / Math.hypot(...tangent));
        const away = distance(row(found, i), x);
        if (away > 0) {
          moved++;
          expect(away).toBeCloseTo(0.25, 12);
          expect(distance(row(found, i), rim)).toBeLessThan(1e-7);
        }
        expect(-data.labels[i] * attacked[i]).toBeGreaterThanOrEqual(-data.labels[i] * clean[i]);
      }
      expect(moved).toBe(8);
    }
  });

  it("of one point alone are those of the batch", async () => {
    const batch = await strongest(problem, displaced, key(5), { steps: 5 });
    const alone = { ...problem, data: { points: stack([row(data.points, 3)]), labels: data.labels.slice(3, 4) } };
    const single = await strongest(alone, displaced, key(5), { steps: 5 });
    expect(single.losses[0]).toBeCloseTo(batch.losses[3], 12);
  });
});

describe("training", () => {
  it("is projected gradient descent on the attacked points", async () => {
    const run = await trainAdversarially(problem, fgsm, { α: 1, T: 2, radius: 0.2, key: key(7) });
    const x = await fgsm.perturb(problem, start.weights, key(7));
    const { losses, gradient } = await problem.evaluator.descent(start.weights, x, data.labels);
    expect(run.losses[0]).toBeCloseTo(average(losses), 14);
    expect(run.gradientNorms[0]).toBeCloseTo(weightNorm(gradient), 14);
    const first = projectOntoBalls(plus(start.weights, gradient, -1), start.weights, 0.2);
    const second = await fgsm.perturb(problem, first, key(7));
    expect(Math.max(...run.perturbed[1].data.map((v, i) => Math.abs(v - second.data[i])))).toBeLessThan(1e-12);
    expect(weightDistance(run.weights, start.weights)).toBeLessThanOrEqual(0.2 + 1e-12);
    expect(run.weights.a).toBe(start.weights.a);
    await expect(trainAdversarially(problem, fgsm, { α: 0, T: 2, radius: 1, key: key(7) })).rejects.toThrow(RangeError);
  });

  it("obeys the regret bound on the linearized network in every run, for every comparator, and the bound is not idle", async () => {
    const convex: Problem = { ...problem, evaluator: evaluator(linearized(start)) };
    const strong = await trainAdversarially(convex, pgd(20), { α: 4, T: 60, radius: 8, key: key(8) });
    const random = Array.from({ length: 8 }, (_, i) => {
      const V = { W: normal(key(9).fold(i), [64, 6]) };
      return plus(start.weights, V, (i + 1) / weightNorm(V));
    });
    let closest = Number.NEGATIVE_INFINITY;
    for (const attack of [identityAttack, randomAttack, fgsm, pgd(5), pgd(20)]) {
      for (const α of [0.25, 1, 4]) {
        const run = await trainAdversarially(convex, attack, { α, T: 60, radius: 8, key: key(8) });
        const regrets = await measureRegret(convex, run, α, [start.weights, strong.weights, run.weights, ...random]);
        for (const { regret, bound } of regrets) {
          expect(regret - bound).toBeLessThanOrEqual(1e-9);
          closest = Math.max(closest, regret / bound);
        }
      }
    }
    expect(closest).toBeGreaterThan(0.5);
    await convex.evaluator.release();
  });

  it("brings the loss under its attack to the robust loss of any comparator but for the bound: min L_A ≤ L_*(W) + bound", async () => {
    const convex: Problem = { ...problem, evaluator: evaluator(linearized(start)) };
    const strong = await trainAdversarially(convex, pgd(20), { α: 4, T: 100, radius: 8, key: key(8) });
    // A lower estimate of L_*(W): what holds with it holds with L_*(W).
    const robust = (await robustLoss(convex, strong.best.weights, key(4))).loss;
    for (const attack of [identityAttack, randomAttack, fgsm, pgd(5)]) {
      const run = await trainAdversarially(convex, attack, { α: 4, T: 40, radius: 8, key: key(8) });
      const [{ bound }] = await measureRegret(convex, run, 4, [strong.best.weights]);
      expect(Math.min(...run.losses)).toBeLessThanOrEqual(robust + bound);
      expect(run.best.loss).toBe(Math.min(...run.losses));
      // It says something: less than the loss log 2 at the start, and not met before the first step.
      expect(robust + bound).toBeLessThan(run.losses[0]);
    }
    await convex.evaluator.release();
  });

  it("begun elsewhere has the bound of where it began", async () => {
    const convex: Problem = { ...problem, evaluator: evaluator(linearized(start)) };
    const run = await trainAdversarially(convex, fgsm, { α: 0.25, T: 20, radius: 8, key: key(8), start: displaced });
    expect(run.start).toBe(displaced);
    const [{ regret, bound }] = await measureRegret(convex, run, 0.25, [start.weights]);
    const G = Math.max(...run.gradientNorms);
    expect(bound).toBeCloseTo(regretBound({ distance: weightDistance(displaced, start.weights), α: 0.25, T: 20, G }), 12);
    expect(regret).toBeLessThanOrEqual(bound);
    expect(regret).toBeGreaterThan(regretBound({ distance: 0, α: 0.25, T: 20, G }));
    expect((await trainAdversarially(convex, fgsm, { α: 0.25, T: 1, radius: 8, key: key(8) })).start).toBe(start.weights);
    await convex.evaluator.release();
  });

  it("holds each layer of a deep network in a ball of radius R/√m", async () => {
    expect(layerRadius(6, 9)).toBe(2);
    const deep = deepNetwork(key(16), { m: 16, d: 6, H: 2, activation: "tanh" });
    const own: Problem = { ...problem, evaluator: evaluator(deep.network), initial: deep.weights };
    const { weights } = await trainAdversarially(own, fgsm, { α: 1, T: 10, radius: layerRadius(1, 16), key: key(8) });
    const lengths = ["W1", "W2"].map((name) => displacement(weights[name], deep.weights[name]));
    for (const length of lengths) expect(length).toBeLessThanOrEqual(1 / 4 + 1e-12);
    expect(Math.max(...lengths)).toBeCloseTo(1 / 4, 12);
    await own.evaluator.release();
  });

  it("the network's own losses along the iterates of its linearization obey it with 2 e_lin added", async () => {
    const [C, R, m, α, T] = [curvature.softplus, 2, 64, 4, 40];
    const own = twoLayerNetwork(key(15), { m, d: 6, activation: "softplus" });
    const [network, linear] = [evaluator(own.network), evaluator(linearized(own))];
    const strong = await trainAdversarially({ ...problem, evaluator: linear, initial: own.weights }, pgd(5), {
      α,
      T: 100,
      radius: R,
      key: key(8),
    });
    // The last is where the two networks differ most at the first point.
    const adverse = adverseDirection(own, stack([row(data.points, 0)]));
    const comparators = [own.weights, strong.weights, plus(own.weights, adverse, R / weightNorm(adverse))];
    const losses = (on: typeof network, W: Weights, x: Tensor<"float64">) => on.descent(W, x, data.labels).then((d) => average(d.losses));
    let [W, G] = [own.weights as Weights, 0];
    const regrets = comparators.map(() => ({ own: 0, linear: 0 }));
    for (let t = 0; t < T; t++) {
      const x = await pgd(5).perturb({ ...problem, evaluator: network }, W, key(8).fold(t));
      const { gradient } = await linear.descent(W, x, data.labels);
      for (const [i, V] of comparators.entries()) {
        regrets[i].own += ((await losses(network, W, x)) - (await losses(network, V, x))) / T;
        regrets[i].linear += ((await losses(linear, W, x)) - (await losses(linear, V, x))) / T;
      }
      G = Math.max(G, weightNorm(gradient));
      W = projectOntoBalls(plus(W, gradient, -α), own.weights, R);
    }
    const added = linearizationRegret({ C, R, m });
    expect(added).toBeCloseTo(2 * linearizationBound({ C, R, m }), 14);
    expect(added).toBeCloseTo(1 / 8, 14);
    for (const [i, V] of comparators.entries()) {
      const bound = regretBound({ distance: weightDistance(V, own.weights), α, T, G });
      expect(regrets[i].linear).toBeLessThanOrEqual(bound + 1e-12);
      expect(regrets[i].own).toBeLessThanOrEqual(bound + added);
      expect(Math.abs(regrets[i].own - regrets[i].linear)).toBeLessThanOrEqual(added);
    }
    expect(Math.abs(regrets[2].own - regrets[2].linear)).toBeGreaterThan(1e-4);
    await Promise.all([network.release(), linear.release()]);
  });

  it("the network itself, by its own gradients, obeys it with the curvature 4 e_lin added", async () => {
    const wide = twoLayerNetwork(key(15), { m: 1024, d: 6, activation: "softplus" });
    const own: Problem = { ...problem, evaluator: evaluator(wide.network), initial: wide.weights };
    const strong = await trainAdversarially(own, pgd(5), { α: 4, T: 100, radius: 2, key: key(8) });
    const run = await trainAdversarially(own, pgd(5), { α: 4, T: 40, radius: 2, key: key(8) });
    const slack = curvatureRegret({ C: curvature.softplus, R: 2, m: 1024 });
    expect(slack).toBeCloseTo(1 / 16, 14);
    expect(slack).toBeCloseTo(4 * linearizationBound({ C: curvature.softplus, R: 2, m: 1024 }), 14);
    for (const { regret, bound } of await measureRegret(own, run, 4, [wide.weights, strong.weights, run.weights])) {
      expect(regret - bound).toBeLessThanOrEqual(slack);
    }
    await own.evaluator.release();
  });

  it("a run's guarantee fails when the step size is not the one that was used: the check can come out false", async () => {
    const convex: Problem = { ...problem, evaluator: evaluator(linearized(start)) };
    const run = await trainAdversarially(convex, identityAttack, { α: 0.01, T: 20, radius: 8, key: key(8) });
    const strong = await trainAdversarially(convex, identityAttack, { α: 4, T: 100, radius: 8, key: key(8) });
    const [{ regret, bound }] = await measureRegret(convex, run, 10, [strong.weights]);
    expect(regret).toBeGreaterThan(bound);
    await convex.evaluator.release();
  });
});

describe("existence", () => {
  const kernel = twoLayerNtk(quadraticReluDual);
  const fit = robustFit(kernel, data, caps(0.15), { samples: 30, tolerance: 0.1, key: key(10) });

  it("a robust fit is right on fresh points of the caps, and needs more norm on larger ones", () => {
    const fresh = perturbedCopies(data, caps(0.15), { samples: 100, key: key(11) });
    predict(fit, fresh.points).forEach((g, s) => {
      expect(g * fresh.labels[s]).toBeGreaterThan(0.8);
    });
    const larger = robustFit(kernel, data, caps(0.25), { samples: 30, tolerance: 0.1, key: key(10) });
    expect(larger.norm).toBeGreaterThan(fit.norm);
  });

  it("its network is the sum of tangent features: f_lin = Σ β K̂, at distance √(βᵀK̂β), close to g when wide", async () => {
    const wide = twoLayerNetwork(key(12), { m: 16_384, d: 6 });
    const [network, linear] = [evaluator(wide.network), evaluator(linearized(wide))];
    const W = await realize(network, wide.weights, fit);
    const outputs = await linear.outputs(W, data.points);
    const g = predict(fit, data.points);
    outputs.forEach((f, i) => {
      expect(Math.abs(f - g[i])).toBeLessThan(0.15);
    });
    expect(weightDistance(W, wide.weights) / fit.norm).toBeCloseTo(1, 1);
    await Promise.all([network.release(), linear.release()]);
  });
});

describe("capacity", () => {
  it("counts widths whose ratio grows as d/log(nd)", () => {
    const [small, large] = [5, 50].map((d) => interpolationWidths({ n: 40, d }));
    expect(small.robust / small.plain).toBeCloseTo(5 / Math.log(200), 12);
    expect(large.robust / large.plain).toBeGreaterThan(5 * (small.robust / small.plain));
  });

  it("no network fits the exclusive or with one unit; with eight it does, robustly too, but not on balls that meet", async () => {
    const points = tensor([1, 1, -1, -1, 1, -1, -1, 1], [4, 2], "float64");
    const xor = { points, labels: Float64Array.of(1, 1, -1, -1) };
    const options = { steps: 400, key: key(13), seeds: 4 };
    expect(await fits([xor], [1], { ...options, δ: 0 })).toEqual([[false]]);
    expect(await fits([xor], [8], { ...options, δ: 0 })).toEqual([[true]]);
    expect(await fits([xor], [8], { ...options, δ: 0.5 })).toEqual([[true]]);
    expect(await fits([xor], [8], { ...options, δ: 1.1 })).toEqual([[false]]);
    // Narrow networks among wider ones, which have units that must stay zero, are trained and judged as alone.
    const harder = { ...options, δ: 0.5, seeds: 1 };
    const [two, three] = [await fits([xor], [2], harder), await fits([xor], [3], harder)];
    expect(await fits([xor], [1, 2, 3, 8], harder)).toEqual([[false, ...two[0], ...three[0], true]]);
  });

  it("finds the least width of each data set by itself", async () => {
    const sets = [0, 1].map((seed) => gaussianPoints(key(seed), { n: 10, d: 3 }));
    const together = await leastWidths(sets, [1, 2, 4, 8, 16], { δ: 0, steps: 300, key: key(14) });
    const alone = [];
    for (const set of sets) alone.push(...(await leastWidths([set], [1, 2, 4, 8, 16], { δ: 0, steps: 300, key: key(14) })));
    expect(together).toEqual(alone);
    for (const width of together) expect([1, 2, 4, 8, 16]).toContain(width);
    expect(await leastWidths(sets, [], { δ: 0, steps: 10, key: key(14) })).toEqual([undefined, undefined]);
  });
});
