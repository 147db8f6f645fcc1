/** The toy of the convergence theorem: its closed forms against finite differences and search, its lemma and bound on problems of their own. */
import { describe, expect, it } from "vitest";
import {
  approximateMaximum,
  descend,
  drawToy,
  gap,
  innerMaximum,
  inputGradient,
  lemmaRatio,
  outerLoss,
  weightGradient,
} from "../../../src/papers/fosc/index.ts";
import { key, normal, uniform } from "../../../src/tensor/index.ts";

const toy = drawToy(key(1), { d: 5 });
const theta = [...normal(key(2), [5]).data];
const at = (label: string) => {
  const offsets = uniform(key(3).fold(label), [5], -toy.epsilon, toy.epsilon).data;
  return toy.center.map((v, i) => v + offsets[i]);
};

/** f(θ, x), written out. */
function f(θ: readonly number[], x: readonly number[]): number {
  let total = 0;
  for (let i = 0; i < 5; i++) {
    total -= (toy.mu / 2) * (x[i] - toy.center[i]) ** 2;
    for (let j = 0; j < 5; j++) total += θ[i] * toy.B.get(i, j) * x[j] + (θ[i] * toy.A.get(i, j) * θ[j]) / 2;
  }
  return total;
}
const nudged = (v: readonly number[], i: number, h: number) => v.map((a, j) => (i === j ? a + h : a));

it("gradients agree with finite differences", () => {
  const x = at("x");
  const h = 1e-6;
  for (let i = 0; i < 5; i++) {
    expect(inputGradient(toy, theta, x)[i]).toBeCloseTo((f(theta, nudged(x, i, h)) - f(theta, nudged(x, i, -h))) / (2 * h), 7);
    expect(weightGradient(toy, theta, x)[i]).toBeCloseTo((f(nudged(theta, i, h), x) - f(nudged(theta, i, -h), x)) / (2 * h), 7);
  }
});

it("nothing in the ball is above the inner maximum, whose gap is zero and whose value is the outer loss", () => {
  const best = innerMaximum(toy, theta);
  expect(f(theta, best)).toBeCloseTo(outerLoss(toy, theta), 12);
  expect(Math.abs(gap(toy, theta, best))).toBeLessThan(1e-12);
  for (let i = 0; i < 500; i++) expect(f(theta, at(`point ${i}`))).toBeLessThan(f(theta, best));
});

it("the gradient of the outer loss is the weight gradient at the inner maximum (Danskin)", () => {
  const g = weightGradient(toy, theta, innerMaximum(toy, theta));
  const h = 1e-5;
  g.forEach((v, i) => {
    expect((outerLoss(toy, nudged(theta, i, h)) - outerLoss(toy, nudged(theta, i, -h))) / (2 * h)).toBeCloseTo(v, 6);
  });
});

it("an approximate maximum uses up what it is allowed", () => {
  for (const delta of [1e-3, 0.01, 0.1]) {
    const found = gap(toy, theta, approximateMaximum(toy, theta, delta, key(5)));
    expect(found).toBeLessThanOrEqual(delta);
    expect(found).toBeGreaterThan(0.99 * delta);
  }
});

describe.each([1, 2, 3])("problem %i", (seed) => {
  const own = drawToy(key(seed), { d: 4 + seed, mu: seed / 2 });
  it("keeps the lemma μ‖x̂ − x*‖² ≤ c(x̂), nearly attained", () => {
    const ratio = lemmaRatio(own, 500, key(seed));
    expect(ratio).toBeLessThanOrEqual(1);
    expect(ratio).toBeGreaterThan(0.5);
  });
  it("stays below the bound, and ends nearer to stationary with better inner solutions", () => {
    const ends = [0.3, 0.003].map((delta) => descend(own, { delta, sigma: 0, steps: 600, key: key(seed) }));
    for (const { average, bound } of ends) expect(average).toBeLessThanOrEqual(bound);
    expect(ends[1].final).toBeLessThan(ends[0].final / 10);
    const noisy = descend(own, { delta: 0.003, sigma: 0.5, steps: 300, repeats: 2, key: key(seed) });
    expect(noisy.average).toBeLessThanOrEqual(noisy.bound);
    expect(noisy.final).toBeGreaterThan(ends[1].final);
  });
});
