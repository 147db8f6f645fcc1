/** The specification's numbers beside its table: κ at other dimensions (§2.3), and how far F is from the loss of the linearized network (R2.10). */
import { describe, expect, it } from "vitest";
import { followAscent } from "../../../src/analysis/ascent.ts";
import { norm, regularityIndex, row } from "../../../src/analysis/ascent-dynamics.ts";
import { valuesAt } from "../../../src/analysis/landscape.ts";
import { onSphere } from "../../../src/papers/first-order-adversary/ascents.ts";
import { surveyLandscape } from "../../../src/papers/first-order-adversary/landscapes.ts";
import { drawEnsemble, ensembleObjectives } from "../../../src/papers/first-order-adversary/networks.ts";
import { maximumOf } from "../../../src/papers/first-order-adversary/theory.ts";
import { median } from "../../../src/papers/statistics.ts";
import { key } from "../../../src/tensor/index.ts";
import { printed, standardError } from "./sampling.ts";

/** A median of ours lies between two printed ones of 8 seeds, up to three standard errors and half a unit. */
function between(values: readonly number[], [low, high]: readonly [string, string], what: string): void {
  const slack = 3 * standardError(values, 8) + printed(low).half;
  const found = median(values);
  expect(found, `${what}: ${found} ± ${slack}, printed ${low} to ${high}`).toBeGreaterThanOrEqual(Number(low) - slack);
  expect(found, `${what}: ${found} ± ${slack}, printed ${low} to ${high}`).toBeLessThanOrEqual(Number(high) + slack);
}

describe("κ of tanh at c = .3, 1, 3 does not know d", () => {
  it.each([
    { d: 20, networks: 64, kappas: [[".035"], [".167"], [".545"]] },
    {
      d: 100,
      networks: 12,
      kappas: [
        [".030", ".033"],
        [".165", ".171"],
        [".534", ".586"],
      ],
    },
  ])(
    "d = $d",
    async ({ d, networks, kappas }) => {
      const ensemble = drawEnsemble(key(31), { activation: "tanh", networks, d, m: 1000 });
      const objectives = ensembleObjectives(ensemble, 1);
      for (const [i, c] of [0.3, 1, 3].entries()) {
        const radius = new Float64Array(networks).fill(0.1 * c);
        const found = await regularityIndex(objectives.output(c), new Float64Array(networks * d), radius, { key: key(1) });
        const [low, high = low] = kappas[i];
        between(
          found.map(({ kappa }) => kappa),
          [low, high],
          `c = ${c}`,
        );
      }
    },
    120_000,
  );
});

/**
 * max |F − F_lin|/F_max of tanh networks (d = 50, m = 1000). The specification's 1e-4, .011–.013, .26–.58 are what one sees at some hundred points of the sphere and along
 * the path of the ascent: in fifty dimensions random points miss the direction of largest curvature. An ascent on the difference (`surveyLandscape`) finds about three times
 * as much at c = .1 and 1, and what δ along that direction gives to first order.
 */
describe("distance of F from the loss of the linearized network", () => {
  const [networks, d, rho] = [8, 50, 0.1];
  const ensemble = drawEnsemble(key(21), { activation: "tanh", networks, d, m: 1000 });
  const [one, many] = [1, 64].map((points) => ensembleObjectives(ensemble, points));

  it.each([
    { c: 0.1, seen: ["1e-4", "1e-4"], bound: [".005", ".005"] },
    { c: 1, seen: [".011", ".013"], bound: [".19", ".19"] },
    { c: 10, seen: [".26", ".58"], bound: ["3", "4"] },
  ] as const)(
    "c = $c: as printed at sampled points, more by ascent, below the bound as printed",
    async ({ c, seen, bound }) => {
      const eps = rho * c;
      const { value, gradient } = await one.output(c).gradient(new Float64Array(networks * d));
      const g = ensemble.labels.map((_, b) => norm(row(gradient, b, d)));
      const r0 = ensemble.labels.map((y, b) => value[b] - y);
      const survey = await surveyLandscape(ensemble, { c, rho, key: key(22), resolution: 17, starts: 2 });
      const top = survey.maximum.map((share, b) => share * maximumOf({ r0: r0[b], eps, g: g[b] }));
      const error = (b: number, δ: Float64Array, F: number) =>
        Math.abs(F - 0.5 * (r0[b] + δ.reduce((sum, v, i) => sum + v * gradient[b * d + i], 0)) ** 2) / top[b];

      const radius = new Float64Array(networks).fill(eps);
      const courses = await followAscent(one.loss(c), { radius, stepSize: g.map((v) => 0.1 / v ** 2), steps: 1000, tolerance: 1e-6 });
      const points = courses.map((_, b) => Array.from({ length: 512 }, (_, j) => onSphere(key(5).fold(b, j), d, eps)));
      const values = await valuesAt(many.loss(c), points);
      const sampled = courses.map(({ path, values: along }, b) =>
        Math.max(...points[b].map((δ, j) => error(b, δ, values[b][j])), ...path.map((δ, t) => error(b, δ, along[t]))),
      );
      between(sampled, seen, "sampled");

      between(survey.bound, bound, "bound");
      for (const [b, found] of survey.onBall.entries()) {
        expect(found).toBeGreaterThan(0.9 * sampled[b]);
        expect(found).toBeLessThan(survey.bound[b]);
      }
      if (c > 1) return; // far from linear there
      // δ along the top eigenvector of ∇²f: F − F_lin = r₀·½hε², over ½(|r₀| + εg)²
      const regularity = await regularityIndex(one.output(c), new Float64Array(networks * d), radius, { key: key(6) });
      const shares = regularity.map(({ h }, b) => survey.onBall[b] / ((Math.abs(r0[b]) * 0.5 * h * eps ** 2) / top[b]));
      expect(Math.abs(median(shares) - 1)).toBeLessThan(0.15);
      expect(median(survey.onBall) / median(sampled)).toBeGreaterThan(2);
    },
    120_000,
  );
});
