/** R1.3, R1.4, R1.8: linear regression, where root, noise and both losses are known in closed form (E3). */
import { Matrix } from "ml-matrix";
import { type Bench, claim } from "../../laboratory.ts";
import { logSlope } from "../../statistics.ts";
import { examples, train } from "../theory/chains.ts";
import { type Inner, βOf } from "../theory/inner.ts";
import * as linear from "../theory/linear-regression.ts";
import { dot, minus, norm, plus, solve, type Vector, zeroOf } from "../theory/vectors.ts";
import { SGD, scalarModel, spatialModel, tableRows } from "./problems.ts";
import { grid, mean, standardError, study } from "./study.ts";

/** Where the three-dimensional check is made. */
const spatialPoint = [0.6, 0.3, 0.4];

interface LongRun extends Inner {
  dimension: number;
  η: number;
  /** Iterates that are averaged. */
  steps: number;
  root: number[];
  average: number[];
  standardError: number;
  distance: number;
}

interface Result {
  runs: LongRun[];
  /** Largest |root of m (Newton) − (A + λI)⁻¹b|. */
  ridgeGap: number;
  /** Slopes of |root − (θ* − Kατ²A⁻¹θ*)| in Kα, by K. */
  firstOrder: { K: number; Kα: number[]; gap: number[]; slope: number }[];
  covariance: { name: string; samples: number; gap: number }[];
  factor: { α: number; seen: number; descended: number }[];
}

/** R1.3: average of a long run against the exact root; the error bar from 50 consecutive batches of iterates. */
function longRun(model: linear.GaussianModel, inner: Inner, η: number, steps: number, bench: Bench): LongRun {
  const dimension = model.θstar.length;
  const root = linear.adversarialRoot(linear.momentsOf(model), inner).θ;
  const burn = Math.round(10 / η);
  const batches = Array.from({ length: 50 }, () => [] as number[][]);
  const key = bench.key.fold("long run", dimension, inner.α, inner.K);
  train(model, inner, { η, steps: steps + burn, key, start: model.θstar }, (θ, step) => {
    if (step > burn) batches[Math.floor(((step - burn - 1) / steps) * 50)].push([...θ]);
  });
  const means = batches.map((batch) => root.map((_, j) => mean(batch.map((θ) => θ[j]))));
  const average = root.map((_, j) => mean(means.map((m) => m[j])));
  const error = norm(root.map((_, j) => standardError(means.map((m) => m[j]))));
  return { ...inner, dimension, η, steps, root, average, standardError: error, distance: norm(minus(average, root)) };
}

/** R1.4: the largest |sample − formula| of the entries of Cov(h), entry ij in units of √(CᵢᵢCⱼⱼ). */
function covarianceGap(inner: Inner, samples: number, bench: Bench): number {
  const d = spatialPoint.length;
  const sums = { h: new Float64Array(d), hh: Matrix.zeros(d, d) };
  const block = 10_000;
  for (let done = 0; done < samples; done += block) {
    for (const { x, y } of examples(spatialModel, bench.key.fold("covariance", inner.K, done), block)) {
      const h = linear.direction(spatialPoint, x, y, inner);
      for (let i = 0; i < d; i++) {
        sums.h[i] += h[i];
        for (let j = 0; j < d; j++) sums.hh.set(i, j, sums.hh.get(i, j) + h[i] * h[j]);
      }
    }
  }
  const exact = linear.directionCovariance(spatialModel, spatialPoint, inner);
  let gap = 0;
  for (let i = 0; i < d; i++) {
    for (let j = 0; j < d; j++) {
      const sample = sums.hh.get(i, j) / samples - (sums.h[i] * sums.h[j]) / samples ** 2;
      gap = Math.max(gap, Math.abs(sample - exact.get(i, j)) / Math.sqrt(exact.get(i, i) * exact.get(j, j)));
    }
  }
  return gap;
}

/** R1.8: what the adversary adds to the loss that is seen, and to the loss that is descended, in units of βG. */
export function factorTwo(θ: Vector, inner: Inner): { seen: number; descended: number } {
  const law = linear.momentsOf(spatialModel);
  const β = βOf(inner);
  const seen = (linear.adversarialLoss(law, θ, inner) - linear.loss(law, θ)) / (β * linear.vulnerability(law, θ));
  const gradient = linear.vulnerabilityGradient(law, θ);
  const shift = plus(linear.meanDirection(law, θ, inner), linear.lossGradient(law, θ), -1);
  return { seen, descended: dot(shift, gradient) / dot(gradient, gradient) / β };
}

export const linearRegression = study<Result>({
  name: "linear-regression",
  share: 3,
  run: async (bench) => {
    const quick = bench.mode === "quick";
    const law = linear.momentsOf(spatialModel);
    const steps = quick ? 20_000 : 400_000;
    const runs = [
      ...tableRows.map((inner) => longRun(scalarModel, inner, 0.01, steps, bench)),
      ...[1, 3, 10].map((K) => longRun(spatialModel, { α: 0.1, K }, 0.005, steps, bench)),
    ];
    const gaps = [1, 3, 10].map((K) => {
      const { θ, λ } = linear.adversarialRoot(law, { α: 0.1, K });
      const ridge = solve(Matrix.add(law.A, Matrix.eye(3).mul(λ)), law.b);
      const newton = zeroOf((at) => linear.meanDirection(law, at, { α: 0.1, K }), θ);
      return norm(minus(newton, ridge));
    });
    const Kα = [0.1, 0.05, 0.025];
    const firstOrder = [1, 2, 5].map((K) => {
      const gap = Kα.map((β) => {
        const inner = { α: β / K, K };
        return Math.abs(linear.adversarialRoot(linear.momentsOf(scalarModel), inner).θ[0] - linear.firstOrderRoot(scalarModel, inner)[0]);
      });
      return { K, Kα, gap, slope: logSlope(Kα, gap) };
    });
    const samples = quick ? 1_000_000 : 8_000_000;
    const covariance = [
      { name: "adversarial, α = .1, K = 3", samples, gap: covarianceGap({ α: 0.1, K: 3 }, samples, bench) },
      { name: "SGD", samples, gap: covarianceGap(SGD, samples, bench) },
    ];
    return {
      runs,
      ridgeGap: Math.max(...gaps),
      firstOrder,
      covariance,
      factor: [1e-1, 1e-2, 1e-3, 1e-4].map((α) => ({ α, ...factorTwo(spatialPoint, { α, K: 3 }) })),
    };
  },
  claims: [
    claim<Result>({
      id: "R1.3",
      statement: "The adversarial root of linear regression is a self-consistent ridge solution, and long training runs reach it",
      provenance: "derived",
      criterion:
        "averages of ≥ 1e4 iterates at η ≤ .02 within max(3 standard errors, 2η) of the exact root, every run by its own η; |root − (A + 2cL I)⁻¹b| ≤ 1e-8; root − first-order law has slope ≥ 1.7 in Kα",
      measure: ({ runs, ridgeGap, firstOrder }) => {
        const slope = Math.min(...firstOrder.map((f) => f.slope));
        return {
          measured: {
            "largest distance from the root over its 2η": Math.max(...runs.map((r) => r.distance / (2 * r.η))),
            "largest distance in standard errors": Math.max(...runs.map((r) => r.distance / r.standardError)),
            "ridge residual": ridgeGap,
            "slope of the first-order law's error": slope,
          },
          holds:
            runs.every((r) => r.steps >= 1e4 && r.η <= 0.02 && r.distance <= Math.max(3 * r.standardError, 2 * r.η)) &&
            ridgeGap <= 1e-8 &&
            slope >= 1.7,
          note: `${runs.length} runs of ${runs[0].steps.toLocaleString("en")} iterates: the table's seven rows at η = ${runs[0].η}, and K = 1, 3, 10 in three dimensions at η = ${runs.at(-1)!.η}; the residual bias is O(η)`,
        };
      },
    }),
    claim<Result>({
      id: "R1.4",
      statement: "Cov(h) = ρ²[qA − (Au)(Au)ᵀ + 2vvᵀ] for linear regression with Gaussian data, and qA + (Au)(Au)ᵀ for SGD",
      provenance: "derived",
      criterion: "≥ 1e6 samples within 2 % relative to the diagonal",
      measure: ({ covariance }) => ({
        measured: Object.fromEntries(covariance.map(({ name, gap }) => [name, gap])),
        holds: covariance.every(({ gap, samples }) => gap <= 0.02 && samples >= 1e6),
        note: `${covariance[0].samples.toLocaleString("en")} samples each, in three dimensions; largest entry error over √(CᵢᵢCⱼⱼ)`,
      }),
    }),
    claim<Result>({
      id: "R1.8",
      statement: "The loss seen at the adversarial point rises by 2βG, but training with the perturbation held fixed descends L + βG",
      provenance: "derived",
      criterion: "(E ℓ(x + δ) − L)/(βG) within 2 % of 2 and the projection of m − ∇L on ∇G over β within 2 % of 1 at α = 1e-3",
      measure: ({ factor }) => {
        const at = factor.find(({ α }) => α === 1e-3)!;
        return {
          measured: { "loss seen / βG": at.seen, "loss descended / βG": at.descended },
          holds: Math.abs(at.seen / 2 - 1) <= 0.02 && Math.abs(at.descended - 1) <= 0.02,
          note: "three-dimensional linear regression, K = 3, exact formulas",
        };
      },
    }),
  ],
  figures: ({ runs, firstOrder, factor }) => {
    const curve = grid(0, 1, 41).map((Kα) => ({ α: Kα / 10, K: 10 }));
    const law = linear.momentsOf(scalarModel);
    return [
      {
        kind: "chart",
        title: "Where adversarial training of linear regression settles",
        caption:
          "One dimension, A = θ* = 1, τ = .5. Exact root for K = 10 steps, minimizer of the modified loss, first-order law; points: averages of long runs with their table parameters.",
        x: { label: "Kα" },
        y: { label: "root" },
        series: [
          { name: "exact root, K = 10", x: curve.map(βOf), y: curve.map((inner) => linear.adversarialRoot(law, inner).θ[0]) },
          { name: "minimizer of L + βG", x: curve.map(βOf), y: curve.map((inner) => linear.modifiedRoot(law, inner).θ[0]) },
          {
            name: "first order, 1 − Kατ²",
            x: curve.map(βOf),
            y: curve.map((inner) => linear.firstOrderRoot(scalarModel, inner)[0]),
            mark: "reference",
          },
          {
            name: "training runs",
            x: runs.filter((r) => r.dimension === 1).map(βOf),
            y: runs.filter((r) => r.dimension === 1).map((r) => r.average[0]),
            mark: "points",
          },
        ],
      },
      {
        kind: "chart",
        title: "Error of the first-order law of the root",
        caption: "|root − (1 − Kατ²)| against Kα at fixed K: second order.",
        x: { label: "Kα", scale: "log" },
        y: { label: "error", scale: "log" },
        series: [
          ...firstOrder.map((f) => ({ name: `K = ${f.K}`, x: f.Kα, y: f.gap })),
          {
            name: "slope 2",
            x: firstOrder[0].Kα,
            y: firstOrder[0].Kα.map((β) => (firstOrder[0].gap[0] * β * β) / firstOrder[0].Kα[0] ** 2),
            mark: "reference",
          },
        ],
      },
      {
        kind: "table",
        title: "The factor two",
        caption:
          "What K = 3 ascent steps add to the loss that is seen at the adversarial point and to the loss whose gradient is followed, in units of βG.",
        columns: ["α", "seen / βG", "descended / βG"],
        rows: factor.map(({ α, seen, descended }) => [α, seen, descended]),
      },
    ];
  },
});
