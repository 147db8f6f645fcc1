/** R1.10: the SDE of a small network's adversarial training against training itself, many runs each; SGD's drift must be told apart. */

import { type Adversary, SGD } from "../../../analysis/adversarial-direction.ts";
import { type Snapshot, simulate } from "../../../analysis/sde.ts";
import { brownianPaths } from "../../../analysis/sde-brownian.ts";
import { type Approximation, observe, sdeOf, trainCopies } from "../../../analysis/sde-training.ts";
import type { Chart } from "../../figure.ts";
import { type Bench, claim } from "../../laboratory.ts";
import { noisyWave, starts, tanhRegression } from "./learners.ts";
import { mean, standardError, study } from "./study.ts";

const learner = tanhRegression(2, 8);
const adversary: Adversary = { α: 0.1, K: 2 };
const η = 0.05;
const batch = 4;
const examples = 16;
const horizon = 4;
const records = 20;
/** Mean over runs, with its standard error, at each recorded time. */
interface Curve {
  mean: number[];
  error: number[];
}

interface Ensemble {
  name: string;
  t: number[];
  loss: Curve;
  vulnerability: Curve;
}

interface Result {
  runs: number;
  /** Euler–Maruyama steps per training step, η/dt. */
  fineness: number;
  training: Ensemble;
  equations: Ensemble[];
}

const equations: readonly { name: string; adversary: Adversary; approximation: Approximation }[] = [
  { name: "SDE of adversarial training, order 2", adversary, approximation: "order 2" },
  { name: "SDE of adversarial training, order 2 for α = cη", adversary, approximation: "order 2, α = cη" },
  { name: "SDE with SGD's drift, order 2", adversary: SGD, approximation: "order 2" },
];

async function summarize(name: string, snapshots: readonly Snapshot[], bench: Bench): Promise<Ensemble> {
  const data = noisyWave(bench.key.fold("network data"), examples, 2);
  const ensemble: Ensemble = { name, t: [], loss: { mean: [], error: [] }, vulnerability: { mean: [], error: [] } };
  for (const { t, X } of snapshots.slice(1)) {
    const found = await observe(learner, data, X);
    ensemble.t.push(t);
    for (const quantity of ["loss", "vulnerability"] as const) {
      ensemble[quantity].mean.push(mean(found[quantity]));
      ensemble[quantity].error.push(standardError(found[quantity]));
    }
  }
  return ensemble;
}

/**
 * Quantiles of the normal law for one time, and for all `records` times at once (Bonferroni). Means at neighbouring times are strongly
 * correlated, so a true equation leaves the pointwise band at many of them or at none; the claim is judged by the simultaneous band.
 */
const quantile = { pointwise: 1.96, simultaneous: 3.023 };

/** The share of recorded times at which the equation's mean lies in the 95 % band of the runs' mean; both means are estimates. */
export function insideBand(training: Curve, equation: Curve, z = quantile.simultaneous): number {
  const inside = training.mean.filter((m, i) => Math.abs(m - equation.mean[i]) <= z * Math.hypot(training.error[i], equation.error[i]));
  return inside.length / training.mean.length;
}

export const networkSde = study<Result>({
  name: "network-sde",
  share: 30,
  run: async (bench) => {
    const [runs, fineness] = bench.mode === "quick" ? [200, 10] : [1000, 20];
    const data = noisyWave(bench.key.fold("network data"), examples, 2);
    const start = starts(learner, bench.key.fold("network weights"), 1);
    const steps = Math.round(horizon / η);
    const training = await bench.remember("network-sde: training", async () =>
      summarize(
        "adversarial training",
        await trainCopies(learner, data, start, { η, batch, adversary, copies: runs, steps, records, key: bench.key.fold("training") }),
        bench,
      ),
    );
    const found: Ensemble[] = [];
    for (const [i, { name, ...which }] of equations.entries()) {
      bench.progress(name, (i + 1) / 4);
      found.push(
        await bench.remember(`network-sde: ${name}`, async () => {
          const equation = await sdeOf(learner, data, { η, batch, copies: runs, ...which });
          const W = brownianPaths(bench.key.fold("paths"), { paths: runs, sources: examples, steps: steps * fineness, horizon });
          const snapshots = await simulate(equation, start, W, { records });
          await equation.release();
          return summarize(name, snapshots, bench);
        }),
      );
    }
    return { runs, fineness, training, equations: found };
  },
  claims: [
    claim<Result>({
      id: "R1.10",
      statement: "The SDE of a small network's adversarial training follows the runs in the mean; with SGD's drift it does not",
      provenance: "proposed",
      criterion:
        "mean loss and mean G of the order-2 SDE inside the simultaneous 95 % band of the runs' means at ≥ 90 % of the times, dt ≤ η/10, ≥ 200 runs; the SGD drift below 90 % for G",
      measure: ({ training, equations: [second, shrinking, sgd], runs, fineness }) => {
        const share = (equation: Ensemble, quantity: "loss" | "vulnerability", z?: number) =>
          insideBand(training[quantity], equation[quantity], z);
        const pointwise = (equation: Ensemble) =>
          `${share(equation, "loss", quantile.pointwise)} and ${share(equation, "vulnerability", quantile.pointwise)}`;
        return {
          measured: {
            "loss inside": share(second, "loss"),
            "G inside": share(second, "vulnerability"),
            "G inside, SGD drift": share(sgd, "vulnerability"),
            "loss and G inside pointwise bands": pointwise(second),
            "the same, order 2 for α = cη": pointwise(shrinking),
            "the same, SGD drift": pointwise(sgd),
          },
          holds:
            share(second, "loss") >= 0.9 &&
            share(second, "vulnerability") >= 0.9 &&
            share(sgd, "vulnerability") < 0.9 &&
            runs >= 200 &&
            fineness >= 10,
          note: `tanh network 2–8–1 on ${examples} examples, Kα = ${adversary.K * adversary.α}, η = ${η}, batch ${batch}, ${runs} runs and paths each, dt = η/${fineness}, ${records} times; bands of the difference of two means`,
        };
      },
    }),
  ],
  figures: ({ training, equations }) =>
    (["loss", "vulnerability"] as const).map(
      (quantity): Chart => ({
        kind: "chart",
        title:
          quantity === "loss"
            ? "Loss of a network in adversarial training and in its SDEs"
            : "Vulnerability G in adversarial training and in its SDEs",
        caption: "Means over runs; the band is 1.96 standard errors of the mean of the runs. The SDE with SGD's drift leaves it.",
        x: { label: "t = η × steps" },
        y: { label: quantity === "loss" ? "L" : "G = ½E|∇ₓℓ|²" },
        series: [
          { ...band(training[quantity]), name: training.name, x: training.t },
          ...equations.map((e) => ({ name: e.name, x: e.t, y: e[quantity].mean })),
        ],
      }),
    ),
});

const band = ({ mean, error }: Curve) => ({
  y: mean,
  low: mean.map((m, i) => m - 1.96 * error[i]),
  high: mean.map((m, i) => m + 1.96 * error[i]),
});
