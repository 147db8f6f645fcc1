/**
 * Every claim can come out false: on a made-up laboratory where all come out as expected, one changed figure turns exactly the claim it belongs to
 * (the claims that are expected to fail, too).
 */
import { describe, expect, it } from "vitest";
import { asExpected, checkClaims } from "../../../src/papers/claims.ts";
import type { AscentRecord, FirstOrderAdversaryLab } from "../../../src/papers/first-order-adversary/index.ts";
import { activations, firstOrderAdversary, gradientSpread } from "../../../src/papers/first-order-adversary/index.ts";

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
    maximum: [1],
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
  const control = (difference: number) => ({ scales: [0.1, 1, 10], difference, cosines: [1, 0.99, 0.9], flipped: 0 });
  const spread = (share: number) => Array.from({ length: 40 }, (_, i) => 1 + share * Math.SQRT2 * Math.sin(i));
  // the floor that the theory derives, 1/√(2d) at d = 20, and above it at small width
  const derived = (activation: (typeof both)[number], ratio: number) =>
    spread(gradientSpread(activations[activation], { c: 1, d: 20, m: 20 * ratio }));
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
      })),
    ),
    halfRatio: both.map((activation) => ({ activation, c: 1, ascents: [ascent] })),
    trapping: both.flatMap((activation) =>
      [0.1, 0.05].map((rho) => ({ activation, c: 1, rho, paths: [{ violations: 0, largestShare: 0.9, steps: 100, arrived: true }] })),
    ),
    oneStepSize: both.flatMap((activation) => scales.slice(0, 4).map((c, i) => ({ activation, c, stepSize: 0.002, n3: [3 * 2 ** i] }))),
    dimensions: both.flatMap((activation) =>
      [25, 50].flatMap((d) => [
        { activation, c: 0.1, d, kappas: [activation === "tanh" ? 0.0048 : 0.0039], predicted: 0.0039 },
        { activation, c: 1, d, kappas: [0.161], predicted: 0.16 },
      ]),
    ),
    widths: both.flatMap((activation) =>
      [0.2, 2, 10, 20].map((ratio) => ({
        activation,
        ratio,
        g: derived(activation, ratio),
        h: spread(0.4 / (1 + ratio)),
        success: ratio >= 10 ? 1 : 0.9,
      })),
    ),
    controls: { relu: control(1e-15), tanh: control(1), softplus: control(1) },
    reluAscents: scales.map((c) => ({ c, steps: 1000, ascents: [{ ...ascent, cosine: 0.975, residual: 0.05 }] })),
    landscapes: {
      tanh: [0.001, 0.05, 0.5].map((e, i) => landscape([0.1, 1, 10][i], e)),
      softplus: [0.001, 0.02, 0.1].map((e, i) => landscape([0.1, 1, 10][i], e)),
    },
    training: [
      {
        rho: 0.05,
        factors: [1, 10, 100],
        curves: { normalized: curves([2, 3, 7, 30, 61]), common: curves([61, 32, 7, 3, 2]), best: curves([2, 2, 2, 2, 6]) },
      },
      {
        rho: 0.1,
        factors: [],
        curves: { normalized: curves([1, 1, 4, 30, 61]), common: curves([61, 12, 4, 4, 6]) },
      },
    ],
    images: (["initial", "trained"] as const).flatMap((state) =>
      scales.map((c, i) => ({ state, c, ascents: [trending(i)], accuracy: 0.9 })),
    ),
    classifier: scales.map((c, i) => ({ c, accuracy: 0.9, ascents: [trending(i)] })),
  };
}

/** What is changed, and the claim that must then come out otherwise. */
const spoilers: readonly (readonly [id: string, what: string, spoil: (lab: Lab) => void])[] = [
  [
    "R2.1",
    "one saddle among the ends",
    (lab) => {
      lab.halfRatio[0].ascents[0] = { ...ascent, margin: 0.1 };
    },
  ],
  [
    "R2.1-sphere",
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
      for (const record of lab.dimensions) if (record.c === 1) record.kappas = [0.2];
    },
  ],
  [
    "R2.4",
    "κ that depends on d",
    (lab) => {
      lab.dimensions[3].kappas = [0.144];
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
    "R2.4-small-scale",
    "the formula at c = .1",
    (lab) => {
      for (const record of lab.dimensions) if (record.c === 0.1) record.kappas = [record.predicted];
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
      lab.widths[2].success = 0.99;
    },
  ],
  [
    "R2.6",
    "a spread of g that is not the derived one",
    (lab) => {
      lab.widths[1].g = lab.widths[0].g;
    },
  ],
  [
    "R2.6-throughout",
    "a spread of g that goes on falling, within the error of the derived one",
    (lab) => {
      for (const i of [3, 7]) lab.widths[i].g = lab.widths[i].g.map((g) => 1 + 0.75 * (g - 1));
    },
  ],
  [
    "R2.7",
    "one violation",
    (lab) => {
      lab.trapping[3].paths[0].violations = 1;
    },
  ],
  [
    "R2.7-step",
    "a step longer than its bound",
    (lab) => {
      lab.trapping[1].paths[0].largestShare = 1.01;
    },
  ],
  [
    "R2.7-maximum",
    "another height of the maximum",
    (lab) => {
      lab.cells[2].ascents[0] = { ...lab.cells[2].ascents[0], maximumRatio: 0.9 };
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
    "R2.8",
    "a ReLU ascent that converges",
    (lab) => {
      lab.reluAscents[2].ascents[0].residual = 1e-12;
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
    "R2.9-common",
    "a reversal at the larger ratio, too",
    (lab) => {
      lab.training[1].curves.common[4].times = [3, 3];
      lab.training[1].curves.common[3].times = [3.5, 3.5];
    },
  ],
  [
    "R2.9-best",
    "no scale that is slow at its best rate",
    (lab) => {
      if (lab.training[0].curves.best) lab.training[0].curves.best[4].times = [2, 2];
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
    "R2.10",
    "a maximum above the derived one, and the error with it",
    (lab) => {
      lab.landscapes.softplus[1].maximum[0] = 2.1;
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
  [
    "R2.11-classifier",
    "another rate in the classifier",
    (lab) => {
      lab.classifier[1].ascents = lab.classifier[1].ascents.map((record) => ({ ...record, rate: 0.5 }));
    },
  ],
  [
    "R2.11-classifier-trends",
    "a cosine that rises in the classifier",
    (lab) => {
      lab.classifier[4].ascents = lab.classifier[4].ascents.map((record) => ({ ...record, cosine: 1 }));
    },
  ],
];

describe("claims", () => {
  it("come out as expected on the ideal laboratory, all eleven numbers", async () => {
    const records = await checkClaims(firstOrderAdversary, ideal());
    const numbers = new Set(records.map(({ id }) => id.split("-")[0]));
    expect([...numbers]).toEqual(Array.from({ length: 11 }, (_, i) => `R2.${i + 1}`));
    expect(new Set(records.map(({ id }) => id)).size).toBe(records.length);
    expect(records.filter((record) => !asExpected(record))).toEqual([]);
  });

  it.each(spoilers)("%s comes out otherwise with %s", async (id, _, spoil) => {
    const lab = ideal();
    spoil(lab);
    const unexpected = (await checkClaims(firstOrderAdversary, lab)).filter((record) => !asExpected(record));
    expect(unexpected.map((record) => record.id)).toEqual([id]);
    expect(unexpected[0].error).toBeUndefined();
  });

  it("are each turned by some change", async () => {
    const all = firstOrderAdversary.claims.map(({ id }) => id);
    expect([...new Set(spoilers.map(([id]) => id))].sort()).toEqual([...all].sort());
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
