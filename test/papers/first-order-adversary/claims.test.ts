/** Every claim can come out false: on a made-up laboratory where all hold, one spoiled figure fails exactly the claim it belongs to. */
import { describe, expect, it } from "vitest";
import { asExpected, checkClaims } from "../../../src/papers/claims.ts";
import type { AscentRecord, FirstOrderAdversaryLab } from "../../../src/papers/first-order-adversary/index.ts";
import { firstOrderAdversary } from "../../../src/papers/first-order-adversary/index.ts";

type Lab = FirstOrderAdversaryLab;

const ascent: AscentRecord = {
  g: 5,
  h: 8,
  kappa: 0.1,
  r0: 1,
  reach: 0.2,
  hit: 4,
  hitPredicted: 4,
  n3: 3,
  cosine: 0.9999,
  straightness: 0.99,
  offSphere: 1e-16,
  residual: 1e-12,
  margin: -0.9,
  strict: true,
  rate: 0.4,
  ratePredicted: 0.41,
  rSquared: 0.9999,
  maximumRatio: 1,
  steps: 60,
  errors: [1, 0.1, 1e-3, 1e-5, 1e-7, 1e-9, 0],
};

function ideal(): Lab {
  const both = ["tanh", "softplus"] as const;
  const scales = [0.1, 0.3, 1, 3, 10];
  const trending = (i: number): AscentRecord => ({
    ...ascent,
    n3: [3, 8, 20, 50, 200][i],
    kappa: 0.01 * (i + 1),
    cosine: 1 - [1e-5, 1e-4, 4e-3, 0.04, 0.2][i],
    straightness: 1 - 0.05 * (i + 1),
  });
  const curve = (time: number, c: number) => ({
    c,
    learningRate: 1,
    loss: Array.from({ length: 61 }, (_, t) => (t < time ? 1 : 0.2)),
    times: [time, time],
  });
  const curves = (times: readonly number[]) => times.map((time, i) => curve(time, scales[i]));
  const landscape = (c: number, error: number) => ({
    c,
    eps: 0.1 * c,
    onSlice: [error / 2],
    onBall: [error],
    bound: [2 * error],
    slice: {
      x: [-1, 0, 1],
      y: [-1, 0, 1],
      values: [
        [0, 1, 2],
        [0, 1, 2],
        [0, 1, 2],
      ],
    },
    paths: [{ x: [0, 1], y: [0, 0] }],
  });
  const control = (difference: number) => ({ scales: [0.1, 1, 10], difference, cosines: [1, 0.99, 0.9] });
  const spread = (share: number) => Array.from({ length: 40 }, (_, i) => 1 + share * Math.sin(i));
  return {
    cells: both.flatMap((activation) =>
      scales.map((c, i) => ({
        activation,
        c,
        ascents: Array.from({ length: 20 }, () => trending(i)),
        restarts: [
          { kappa: 0.1, reach: 0.2, same: 1, ends: 1, allStrict: true },
          { kappa: 0.6, reach: 2, same: 0.5, ends: 2, allStrict: true },
        ],
        trapping: [{ violations: 0, steps: 100 }],
      })),
    ),
    halfRatio: both.map((activation) => ({ activation, c: 1, ascents: [ascent] })),
    oneStepSize: both.flatMap((activation) => scales.slice(0, 4).map((c, i) => ({ activation, c, stepSize: 0.002, n3: [3 * 2 ** i] }))),
    dimensions: both.flatMap((activation) => [25, 50].map((d) => ({ activation, c: 1, d, kappas: [0.161], predicted: 0.16 }))),
    widths: both.flatMap((activation) =>
      [1, 10, 20].map((ratio) => ({ activation, ratio, g: spread(0.5 / ratio), h: spread(0.4 / ratio), success: ratio >= 10 ? 1 : 0.9 })),
    ),
    controls: { relu: control(1e-15), tanh: control(1), softplus: control(1) },
    landscapes: {
      tanh: [0.001, 0.05, 0.5].map((e, i) => landscape([0.1, 1, 10][i], e)),
      softplus: [0.001, 0.02, 0.1].map((e, i) => landscape([0.1, 1, 10][i], e)),
    },
    training: [
      { rho: 0.05, curves: { normalized: curves([2, 3, 7, 30, 61]), common: curves([61, 32, 7, 3, 2]), best: curves([2, 2, 2, 2, 2]) } },
    ],
    images: (["initial", "trained"] as const).flatMap((state) =>
      scales.map((c, i) => ({ state, c, ascents: [trending(i)], accuracy: 0.9 })),
    ),
  };
}

/** What is spoiled, and the claim that must then fail. */
const spoilers: readonly (readonly [id: string, what: string, spoil: (lab: Lab) => void])[] = [
  [
    "R2.1",
    "one saddle among the ends",
    (lab) => {
      lab.halfRatio[0].ascents[0] = { ...ascent, margin: 0.1 };
    },
  ],
  [
    "R2.1",
    "one end inside the ball",
    (lab) => {
      lab.halfRatio[1].ascents[0] = { ...ascent, offSphere: 1e-3 };
    },
  ],
  [
    "R2.1",
    "too few seeds",
    (lab) => {
      lab.cells[0].ascents.length = 8;
    },
  ],
  [
    "R2.2",
    "a tail that is not geometric",
    (lab) => {
      lab.cells[3].ascents[0].rSquared = 0.9;
    },
  ],
  [
    "R2.2",
    "another rate",
    (lab) => {
      for (const record of lab.cells[4].ascents) record.rate = 0.5;
    },
  ],
  [
    "R2.2",
    "a late hit",
    (lab) => {
      lab.cells[2].ascents[5].hit = 6;
    },
  ],
  [
    "R2.3",
    "a scale that makes no difference",
    (lab) => {
      for (const record of lab.cells[6].ascents) record.n3 = 3;
    },
  ],
  [
    "R2.3",
    "too small a difference",
    (lab) => {
      for (const [i, cell] of lab.cells.slice(0, 5).entries()) for (const record of cell.ascents) record.n3 = 3 + i;
    },
  ],
  [
    "R2.3",
    "the other order with one step size",
    (lab) => {
      lab.oneStepSize[2].n3 = [1];
    },
  ],
  [
    "R2.4",
    "another κ",
    (lab) => {
      for (const record of lab.dimensions) record.kappas = [0.2];
    },
  ],
  [
    "R2.4",
    "κ that depends on d",
    (lab) => {
      lab.dimensions[1].kappas = [0.144];
    },
  ],
  [
    "R2.4",
    "a path that does not straighten",
    (lab) => {
      for (const record of lab.cells[9].ascents) record.straightness = 0.99;
    },
  ],
  [
    "R2.5",
    "two ends in a regular ball",
    (lab) => {
      lab.cells[0].restarts[0].same = 0.9;
    },
  ],
  [
    "R2.5",
    "no second maximum anywhere",
    (lab) => {
      for (const { restarts } of lab.cells) restarts[1].ends = 1;
    },
  ],
  [
    "R2.6",
    "a spread that stays",
    (lab) => {
      for (const record of lab.widths) record.h = lab.widths[0].h;
    },
  ],
  [
    "R2.6",
    "a failure at m = 10d",
    (lab) => {
      lab.widths[1].success = 0.99;
    },
  ],
  [
    "R2.7",
    "one violation",
    (lab) => {
      lab.cells[7].trapping[0].violations = 1;
    },
  ],
  [
    "R2.8",
    "a ReLU path that depends on c",
    (lab) => {
      lab.controls.relu.difference = 1e-7;
    },
  ],
  [
    "R2.8",
    "a tanh path that does not",
    (lab) => {
      lab.controls.tanh.difference = 1e-9;
    },
  ],
  [
    "R2.9",
    "small scales that are slower",
    (lab) => {
      lab.training[0].curves.normalized.reverse();
      for (const [i, c] of [0.1, 0.3, 1, 3, 10].entries()) lab.training[0].curves.normalized[i].c = c;
    },
  ],
  [
    "R2.10",
    "more nonlinearity than the bound",
    (lab) => {
      lab.landscapes.softplus[0].onBall[0] = 0.0021;
    },
  ],
  [
    "R2.10",
    "less nonlinearity at larger c",
    (lab) => {
      lab.landscapes.tanh[2].onBall[0] = 0.01;
    },
  ],
  [
    "R2.11",
    "another trend on pictures",
    (lab) => {
      lab.images[9].ascents = [{ ...ascent, n3: 1 }];
    },
  ],
  [
    "R2.11",
    "a picture that is no maximum",
    (lab) => {
      lab.images[0].ascents[0] = { ...lab.images[0].ascents[0], residual: 1e-3 };
    },
  ],
];

describe("claims", () => {
  it("hold on the ideal laboratory, all eleven, under their numbers", async () => {
    const records = await checkClaims(firstOrderAdversary, ideal());
    expect(records.map(({ id }) => id)).toEqual(Array.from({ length: 11 }, (_, i) => `R2.${i + 1}`));
    expect(records.filter((record) => !asExpected(record) || !record.holds)).toEqual([]);
  });

  it.each(spoilers)("%s fails with %s", async (id, _, spoil) => {
    const lab = ideal();
    spoil(lab);
    const failed = (await checkClaims(firstOrderAdversary, lab)).filter(({ holds }) => !holds);
    expect(failed.map((record) => record.id)).toEqual([id]);
    expect(failed[0].error).toBeUndefined();
  });
});

it("draws figures of finite numbers from the laboratory as it comes back from a file", () => {
  const figures = firstOrderAdversary.figures(JSON.parse(JSON.stringify(ideal())) as Lab);
  expect(figures.filter(({ kind }) => kind === "heatmap")).toHaveLength(6);
  expect(new Set(figures.map(({ title }) => title)).size).toBe(figures.length);
  const numbers = (value: unknown): number[] =>
    typeof value === "number" ? [value] : value && typeof value === "object" ? Object.values(value).flatMap(numbers) : [];
  expect(numbers(figures).every(Number.isFinite)).toBe(true);
  for (const figure of figures) {
    if (figure.kind === "chart")
      for (const { x, y, low } of figure.series) expect([y.length, low?.length ?? x.length]).toEqual([x.length, x.length]);
    if (figure.kind === "table") for (const row of figure.rows) expect(row).toHaveLength(figure.columns.length);
  }
});
