/** The negative control where an ascent stops early, and where r₀ changes its sign between the scales. */
import { expect, it } from "vitest";
import type { Objective } from "../../../src/analysis/objective.ts";
import { drawEnsemble, type Ensemble, ensembleObjectives } from "../../../src/papers/first-order-adversary/networks.ts";
import { compareScales } from "../../../src/papers/first-order-adversary/scale-control.ts";
import { key } from "../../../src/tensor/index.ts";

it("compares paths of which one stops early, at a fixed point that floating point reaches exactly", async () => {
  const ensemble = drawEnsemble(key(3), { activation: "tanh", networks: 1, d: 5, m: 100 });
  const objectives = ensembleObjectives(ensemble, 1);
  const options = { scales: [0.1, 1, 10], rho: 0.1 };
  const long = await compareScales(ensemble, objectives, { ...options, steps: 2000 });
  const short = await compareScales(ensemble, objectives, { ...options, steps: 400 });
  expect(long.cosines.every(Number.isFinite)).toBe(true);
  expect(long.difference).toBeGreaterThanOrEqual(short.difference);
  // both have stood still long before
  expect(long.cosines[0]).toBeCloseTo(short.cosines[0], 12);
});

/** f(x + δ) = offset(c) + Σδ, whose ascent ends at ±ε/√d·(1, 1) from either sign of r₀ = f(x) − y. */
function linear(c: number, signs: Float64Array, offset: number): Objective {
  return {
    batch: 1,
    dimension: 2,
    value: async (delta) => Float64Array.of(signs[0] * (offset + delta[0] + delta[1])),
    gradient: async (delta) => ({
      value: Float64Array.of(signs[0] * (offset + delta[0] + delta[1])),
      gradient: Float64Array.of(signs[0], signs[0]),
    }),
    curvature: async () => new Float64Array(2),
    async ascend(delta, { stepSize, radius }) {
      const next = delta.map((v) => v + stepSize[0] * signs[0]);
      const size = Math.hypot(...next);
      return { value: Float64Array.of(c), next: size > radius[0] ? next.map((v) => (radius[0] * v) / size) : next };
    },
  };
}

it("ascends sign(r₀)f, and compares a network with itself only where that is the same function", async () => {
  const ensemble: Ensemble = { ...drawEnsemble(key(1), { activation: "relu", networks: 1, d: 2, m: 1 }), labels: Float64Array.of(1) };
  const control = (offset: (c: number) => number) =>
    compareScales(
      ensemble,
      { loss: () => linear(1, Float64Array.of(1), 0), output: (c, signs = Float64Array.of(1)) => linear(c, signs, offset(c)) },
      { scales: [1, 2, 4], rho: 0.1, steps: 30 },
    );
  const same = await control(() => 0);
  expect(same.flipped).toBe(0);
  const flipping = await control((c) => c - 1.5); // r₀ < 0 at c = 1 and 2, > 0 at c = 4
  expect(flipping.flipped).toBe(1);
  for (const { difference, cosines } of [same, flipping]) {
    expect(difference).toBeLessThan(1e-12);
    for (const cosine of cosines) expect(cosine).toBeCloseTo(1, 12);
  }
});
