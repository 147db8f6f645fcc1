/** R1.5: the stationary laws of adversarial training and SGD (E3), and how fast each converges in mean estimation (E2). */
import { normal } from "../../../tensor/index.ts";
import type { Series } from "../../figure.ts";
import { type Bench, claim } from "../../laboratory.ts";
import { scalarChains } from "../theory/chains.ts";
import type { Inner } from "../theory/inner.ts";
import { stationaryLaw } from "../theory/linear-regression.ts";
import * as meanEstimation from "../theory/mean-estimation.ts";
import { SGD, scalarModel } from "./problems.ts";
import { grid, mean, study } from "./study.ts";

interface Stationary extends Inner {
  /** Variance per unit of η, simulated at η, and by formula at η → 0. */
  measured: number;
  formula: number;
  root: number;
  /** Final states of some chains, for the picture. */
  sample: number[];
}

interface Result {
  η: number;
  stationary: Stationary[];
  chains: number;
  convergence: { ratio: number; formula: number };
}

/** The stationary variance of many chains, averaged over time once they have forgotten their start. */
function stationary(inner: Inner, η: number, chains: number, bench: Bench): Stationary {
  const law = stationaryLaw(scalarModel, inner);
  const burn = Math.round(4 / (η * law.slope));
  const record = Math.round(2 / (η * law.slope));
  const moments: [number, number] = [0, 0];
  let sample: number[] = [];
  scalarChains({ θstar: 1, τ: 0.5 }, inner, { η, steps: burn + record, chains, key: bench.key.fold("stationary", inner.K) }, (θ, step) => {
    if (step <= burn) return;
    moments[0] += mean(θ) / record;
    moments[1] += mean(θ.map((v) => v * v)) / record;
    if (step === burn + record) sample = [...θ.subarray(0, 4000)];
  });
  return { ...inner, measured: (moments[1] - moments[0] ** 2) / η, formula: law.variance, root: law.root, sample };
}

/** E2: the ratio of the measured exponential rates of adversarial training and SGD in mean estimation. */
function convergenceRatio(inner: Inner, bench: Bench): number {
  const [η, steps, chains, start] = [0.005, 150, 4000, 5];
  const rate = (from: Inner) => {
    const θ = new Float64Array(chains).fill(start);
    for (let step = 0; step < steps; step++) {
      const x = normal(bench.key.fold("mean estimation", from.K, step), [chains]).data;
      for (let i = 0; i < chains; i++) θ[i] -= η * meanEstimation.direction(θ[i], x[i], from);
    }
    return -Math.log(mean(θ) / start) / steps;
  };
  return rate(inner) / rate(SGD);
}

export const stationaryLaws = study<Result>({
  name: "stationary-law",
  share: 5,
  run: async (bench) => {
    const η = 0.01;
    const chains = bench.mode === "quick" ? 4000 : 20_000;
    const inner = { α: 0.1, K: 3 };
    return {
      η,
      stationary: [SGD, { α: 0.1, K: 2 }, { α: 0.1, K: 5 }].map((inner) => stationary(inner, η, chains, bench)),
      chains,
      convergence: { ratio: convergenceRatio(inner, bench), formula: meanEstimation.acceleration(inner) },
    };
  },
  claims: [
    claim<Result>({
      id: "R1.5",
      statement:
        "The stationary variance of adversarial training is ηCov(h)/(2m'), larger than SGD's here; in mean estimation it converges (1+α)ᴷ times as fast",
      provenance: "derived",
      criterion: "Var/η within 5 % of the formula at η = .01; ordered SGD < K = 2 < K = 5; the ratio of rates within 2 %",
      measure: ({ stationary, convergence, chains }) => {
        const increasing = stationary.every((s, i) => i === 0 || s.measured > stationary[i - 1].measured);
        return {
          measured: {
            ...Object.fromEntries(stationary.map((s) => [`Var/η, K = ${s.K} (formula ${s.formula.toFixed(4)})`, s.measured])),
            [`ratio of rates (formula ${convergence.formula.toFixed(3)})`]: convergence.ratio,
          },
          holds:
            increasing &&
            stationary.every((s) => Math.abs(s.measured / s.formula - 1) <= 0.05) &&
            Math.abs(convergence.ratio / convergence.formula - 1) <= 0.02,
          note: `${chains} chains; the formula is the limit η → 0`,
        };
      },
    }),
  ],
  figures: ({ stationary, η }) => {
    const range = grid(0.6, 1.25, 131);
    const densities = stationary.flatMap((s): Series[] => {
      const name = s.K === 0 ? "SGD" : `K = ${s.K}`;
      const deviation = Math.sqrt(η * s.formula);
      const density = (θ: number) => Math.exp(-(((θ - s.root) / deviation) ** 2) / 2) / (deviation * Math.sqrt(2 * Math.PI));
      return [
        { name: `${name}, chains`, ...histogram(s.sample, 40), mark: "points" },
        { name: `${name}, theory`, x: range, y: range.map(density), mark: "line" },
      ];
    });
    return [
      {
        kind: "chart",
        title: "Stationary law of the iterates",
        caption: `Final states of independent chains at η = ${η} against the normal law with mean at the root and variance ηCov(h)/(2m').`,
        x: { label: "θ" },
        y: { label: "density" },
        series: densities,
      },
    ];
  },
});

/** Midpoints and heights of a normalized histogram. */
function histogram(sample: readonly number[], bins: number): { x: number[]; y: number[] } {
  const [low, high] = [Math.min(...sample), Math.max(...sample)];
  const width = (high - low) / bins;
  const counts = new Array<number>(bins).fill(0);
  for (const v of sample) counts[Math.min(bins - 1, Math.floor((v - low) / width))]++;
  return { x: counts.map((_, i) => low + (i + 0.5) * width), y: counts.map((c) => c / (sample.length * width)) };
}
