import { describe, expect, it } from "vitest";
import { type Approximation, continuous, enumerated } from "../../../src/papers/continuous-time/theory/weak-order.ts";

const tests = [(θ: number) => θ, (θ: number) => θ * θ];
const steps = [5, 10, 20];

/** The specification's table: regime, then per test function the exact discrete values and the errors of each SDE. */
const regimes = [
  {
    name: "A: α = η, K = 2",
    inner: (η: number) => ({ α: η, K: 2 }),
    discrete: [
      [0.6338154038, 0.708952407, 0.7436351307],
      [0.4119335845, 0.5055835867, 0.5540464002],
    ],
    errors: {
      "order 2, α = cη": [
        [4.13e-2, 1.1e-2, 2.9e-3],
        [4.7e-2, 1.42e-2, 3.98e-3],
      ],
      "order 2 without the adversary": [
        [1.33e-1, 6.3e-2, 3.08e-2],
        [1.79e-1, 9.17e-2, 4.64e-2],
      ],
    },
  },
  {
    name: "B: α = .1, K = 3",
    inner: () => ({ α: 0.1, K: 3 }),
    discrete: [
      [0.6641810756, 0.6772597205, 0.6833054128],
      [0.4494624104, 0.4625493126, 0.4687730999],
    ],
    errors: {
      "order 2": [
        [3.37e-3, 8.09e-4, 1.98e-4],
        [3.06e-3, 7.49e-4, 1.85e-4],
      ],
      "order 1": [
        [2.25e-2, 1.06e-2, 5.14e-3],
        [2.93e-2, 1.42e-2, 6.99e-3],
      ],
    },
  },
];

describe.each(regimes)("regime $name", ({ name: regime, inner, discrete, errors }) => {
  const exact = steps.map((n) => enumerated(n, inner(1 / n), tests));

  it("enumerates the discrete chain", () => {
    for (const [i, values] of exact.entries()) {
      for (const [k, value] of values.entries()) expect(Math.abs(value - discrete[k][i])).toBeLessThan(1e-10);
    }
  });

  it.each(Object.entries(errors))("has the tabulated errors of %s", (name, table) => {
    for (const [i, n] of steps.entries()) {
      for (const [k, φ] of tests.entries()) {
        const value = continuous(name as Approximation, n, inner(1 / n), φ);
        // The table has three digits: half a unit of the last is up to 0.5 %.
        expect(Math.abs(Math.abs(exact[i][k] - value) / table[k][i] - 1)).toBeLessThan(0.01);
        const at = (nodes: number) => continuous(name as Approximation, n, inner(1 / n), φ, nodes);
        // At n = 5 in regime B the collocation begins to blow up at 22 nodes (see `continuous`): fewer agree.
        expect(Math.abs(at(18) - at(n === 5 && regime.startsWith("B") ? 16 : 22))).toBeLessThan(1e-6);
      }
    }
  });
});
