/** A made-up laboratory on which every claim comes out as expected. */
import type { AscentRecord, FirstOrderAdversaryLab } from "../../../src/papers/first-order-adversary/index.ts";
import { activations, gradientSpread } from "../../../src/papers/first-order-adversary/index.ts";

export type Lab = FirstOrderAdversaryLab;

export const ascent: AscentRecord = {
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

export function ideal(): Lab {
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
