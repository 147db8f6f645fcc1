import { describe, expect, it } from "vitest";
import { example } from "../../../examples/ntk-convergence.ts";
import { claims } from "../../../src/papers/ntk-convergence/claims.ts";
import type { Lab } from "../../../src/papers/ntk-convergence/experiment.ts";
import { figures } from "../../../src/papers/ntk-convergence/figures.ts";
import { medianWidth } from "../../../src/papers/ntk-convergence/summary.ts";

/** A laboratory as the theory would have it, of two widths or so each. */
function ideal(): Lab {
  const widths = [100, 400];
  const falling = widths.map((m) => 1 / Math.sqrt(m));
  return {
    regret: [
      {
        activation: "softplus",
        attack: "PGD-20",
        α: 1,
        G: 0.1,
        comparators: 12,
        worst: -1e-3,
        excess: -1e-2,
        losses: [0.69, 0.5],
        every: 1,
        reference: { robustLoss: 0.4, distance: 5 },
      },
    ],
    ordering: [{ weights: "plain training", δ: 0.1, clean: 0.1, fgsm: 0.2, pgdAlone: 0.3, pgd: 0.3, grid: 0.3001 }],
    linearization: widths.map((m, i) => ({
      network: "two layers, softplus",
      m,
      error: falling[i],
      largest: falling[i],
      bound: falling[i],
    })),
    convergence: [{ R: 8, attack: "FGSM", losses: [0.6, 0.11], distance: 8, reference: 0.1 }],
    widths: ["two layers, quadratic ReLU", "depth 2, softplus"].flatMap((architecture) =>
      widths.flatMap((m, i) =>
        [0, 1].map((draw) => ({
          architecture,
          m,
          draw,
          initialLoss: 0.69,
          leastLoss: 0.02,
          displacement: 11 + draw,
          relative: falling[i],
          kernelChange: falling[i] ** 2,
          robustLoss: 0.03,
          robustAccuracy: 1,
        })),
      ),
    ),
    long: [0, 1].map((draw) => ({ m: 100, draw, steps: 800, robustLoss: 0.04, robustAccuracy: 1 })),
    norms: [1, 2, 3, 4].map((norm, i) => ({
      fraction: (i + 1) / 5,
      δ: 0.1 * i,
      norm,
      lowerBound: norm,
      worstResidual: 0.1,
      supportPoints: 9,
    })),
    finite: widths.map((m, i) => ({
      m,
      rms: falling[i],
      maximum: 2 * falling[i],
      distance: 3,
      norm: 3,
      robustLoss: 0.34,
      robustAccuracy: 1,
      scaledRobustLoss: 0.03,
    })),
    shattering: [
      {
        d: 3,
        labellings: 2,
        geometryError: 0,
        exactMargin: 0.5,
        exactMissed: 0,
        trainedMargin: 0.1,
        trainedMissed: 0,
        plainMissed: 1,
        networks: 2,
        robustNetworks: 2,
        networkMissed: 0,
        manyPoints: 6,
        manyMissed: 0,
      },
    ],
    capacity: [5, 10].flatMap((d) =>
      [0, 0.5, 0.9].map((δ) => ({ d, δ, widths: [4, 8, 8].map((w) => w * (1 + δ * d)), steps: 1500, attackSteps: 10 })),
    ),
    spectra: [
      {
        architecture: "two layers, quadratic ReLU",
        analytic: [2, 1],
        widths,
        empirical: [
          [2, 1],
          [2, 1],
        ],
        distances: falling,
      },
    ],
  };
}

/** For each claim, changes of the ideal laboratory each of which refutes it. */
const refutations: Record<string, ((lab: Lab) => void)[]> = {
  N1: [
    (lab) => {
      lab.regret[0].worst = 1e-6;
    },
    (lab) => {
      lab.regret[0].excess = 1e-6;
    },
  ],
  N2: [
    (lab) => {
      lab.ordering[0].fgsm = 0.31;
    },
  ],
  N3: [
    (lab) => {
      lab.linearization[1].largest *= 1.01;
    },
  ],
  N4: [
    (lab) => {
      lab.convergence[0].losses[1] = 0.13;
    },
  ],
  N5: [
    (lab) => {
      lab.widths[0].robustAccuracy = 0.875;
    },
    (lab) => {
      lab.widths[3].robustLoss = 0.051;
    },
  ],
  "N5-longer": [
    (lab) => {
      lab.long[1].robustLoss = 0.051;
    },
  ],
  N6: [
    (lab) => {
      lab.widths[2].displacement = 20;
    },
  ],
  "N6-kernel": [
    (lab) => {
      lab.widths[2].kernelChange = 0.01;
    },
  ],
  N7: [
    (lab) => {
      lab.norms[2].norm = 1.5;
    },
    (lab) => {
      lab.finite[1].robustAccuracy = 0.875;
    },
    (lab) => {
      lab.finite[1].scaledRobustLoss = 0.06;
    },
  ],
  N8: [
    (lab) => {
      lab.shattering[0].trainedMissed = 1;
    },
    (lab) => {
      lab.shattering[0].networkMissed = 1;
    },
    (lab) => {
      lab.shattering[0].robustNetworks = 0;
    },
  ],
  N9: [
    (lab) => {
      lab.capacity[5].widths = [8, 8, 8];
    },
  ],
  N10: [
    (lab) => {
      lab.spectra[0].distances = [1, 1];
    },
  ],
};

describe("claims", () => {
  it("are the specification's nine checks and three of ours, and one is known to be false", () => {
    expect(claims.map(({ id }) => id)).toEqual(Object.keys(refutations));
    expect(claims.filter(({ expected }) => expected === "fails").map(({ id }) => id)).toEqual(["N5"]);
  });

  it.each(claims.map((claim) => [claim.id, claim] as const))(
    "%s holds in an ideal laboratory and fails when it is refuted",
    async (id, claim) => {
      expect((await claim.measure(ideal())).holds).toBe(true);
      for (const refute of refutations[id]) {
        const lab = ideal();
        refute(lab);
        expect((await claim.measure(lab)).holds).toBe(false);
      }
    },
  );

  it("count a data set that no width fitted as infinitely wide", () => {
    expect(medianWidth({ widths: [4, null, 8] })).toBe(8);
    expect(medianWidth({ widths: [4, null, null] })).toBe(Number.POSITIVE_INFINITY);
    expect(medianWidth({ widths: [4, 8] })).toBe(6);
  });
});

it("figures are drawn from finite numbers with a caption each", () => {
  for (const shown of figures(ideal())) {
    expect(shown.caption.length).toBeGreaterThan(20);
    if (shown.kind !== "chart") continue;
    for (const { name, x, y } of shown.series) {
      expect(y.length, `${shown.title}: ${name}`).toBe(x.length);
      expect([...x, ...y].every(Number.isFinite), `${shown.title}: ${name}`).toBe(true);
    }
  }
});

it("the example on a model of one's own obeys the theory", async () => {
  const { rows, spectrum, norms } = await example(60);
  for (const { surrogateLoss, robustLoss, distance, regret, bound } of rows) {
    expect(regret).toBeLessThanOrEqual(bound + 1e-9);
    expect(surrogateLoss).toBeLessThan(Math.LN2);
    expect(robustLoss).toBeGreaterThan(surrogateLoss - 0.05);
    expect(distance).toBeGreaterThan(0.1);
  }
  expect(rows[1].robustLoss).toBeLessThan(rows[0].robustLoss + 0.05);
  expect(spectrum[spectrum.length - 1]).toBeGreaterThan(-1e-9);
  expect(norms[0]).toBeLessThan(norms[1]);
  expect(norms[1]).toBeLessThan(norms[2]);
});
