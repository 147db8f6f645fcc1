import { describe, expect, it } from "vitest";
import { compareIterations, normPairs } from "../../../src/papers/operator-norm/equivalence.ts";
import { checkGlobalBound, compareObjectives, compareWithBruteForce, measureRates } from "../../../src/papers/operator-norm/identities.ts";
import { contraction } from "../../../src/papers/operator-norm/theory.ts";
import { key } from "../../../src/tensor/index.ts";

describe.each([1, 2])("the exact checks of the specification, seed %i", (seed) => {
  it.each(normPairs)("O1, O2: the ascent with infinite steps is the power method (p = %s, q = %s)", async (p, q) => {
    const { difference, outside, fall, singularError } = await compareIterations(key(seed), [p, q]);
    expect(difference).toBeLessThan(1e-8);
    expect(outside).toBeGreaterThan(1e-3);
    expect(fall).toBeLessThan(1e-10);
    if (p === 2 && q === 2) expect(singularError).toBeLessThan(1e-6);
  });

  it("O2: restarts find ‖A‖_{∞,1}, and never more than it", async () => {
    const { matrices, reached, excess } = await compareWithBruteForce(key(seed));
    expect(excess).toBeLessThan(1e-12);
    expect(reached / matrices).toBeGreaterThanOrEqual(0.9);
  });

  it("O3: objectives and weight gradients are equal", async () => {
    const { value, gradient, singular, jacobianGradient } = await compareObjectives(key(seed));
    expect(value).toBeLessThan(1e-6);
    expect(gradient).toBeLessThan(1e-6);
    expect(singular).toBeLessThan(1e-6);
    expect(jacobianGradient).toBeLessThan(1e-10);
  });

  it("O4: finite steps contract at the derived rate", async () => {
    for (const { measured, predicted } of await measureRates(key(seed))) expect(Math.abs(measured / predicted - 1)).toBeLessThan(0.02);
  });

  it("O5: no Jacobian exceeds the global bound, and the penalty's gradient is λσuvᵀ", async () => {
    const { violations, largestShare, gradient, differences } = await checkGlobalBound(key(seed), { points: 300 });
    expect(violations).toBe(0);
    expect(largestShare).toBeGreaterThan(0.1);
    expect(gradient).toBeLessThan(1e-4);
    expect(differences).toBeLessThan(1e-4);
  });
});

it("the rate is that of the specification's example, and 1 for no step", () => {
  const ratio = Math.sqrt(0.65976);
  expect(contraction(1, ratio)).toBeCloseTo(0.82988, 5);
  expect(contraction(Number.POSITIVE_INFINITY, ratio)).toBeCloseTo(0.65976, 10);
  expect(contraction(0, ratio)).toBe(1);
});
