/**
 * Haotian Gu, Xin Guo, Xinyu Li, "Adversarial Training for Gradient Descent: Analysis Through its Continuous-time Approximation"
 * (arXiv 2105.08037). `theory/` holds the formulas, `studies/` one experiment with its claims and figures per question; this is their laboratory.
 *
 * For your own model and data: `sdeOf` (drift and diffusion of its adversarial training), `trainCopies`, `observe`, `modifiedLoss`; `simulate`
 * follows an equation along `brownianPaths`.
 */
import type { Bench, Laboratory } from "../laboratory.ts";
import { learningRateControl } from "./studies/control.ts";
import { expansion } from "./studies/expansion.ts";
import { linearRegression } from "./studies/linear-regression.ts";
import { logisticRegression } from "./studies/logistic.ts";
import { networkRobustness } from "./studies/network-robustness.ts";
import { networkSde } from "./studies/network-sde.ts";
import { robustAccuracy } from "./studies/robust-accuracy.ts";
import { robustness } from "./studies/robustness.ts";
import { stationaryLaws } from "./studies/stationary-law.ts";
import type { Study } from "./studies/study.ts";
import { weakOrder } from "./studies/weak-order.ts";

export { type Adversary, adversarialInputs, modifiedLoss, penalized } from "../../analysis/adversarial-direction.ts";
export { classifierLearner, flattenWeights, type Learner } from "../../analysis/learner.ts";
export { eulerMaruyama, milstein, simulate } from "../../analysis/sde.ts";
export { brownianPaths } from "../../analysis/sde-brownian.ts";
export { observe, sdeOf, trainCopies } from "../../analysis/sde-training.ts";
export * as theory from "./theory/index.ts";

const studies: readonly Study<unknown>[] = [
  expansion,
  weakOrder,
  linearRegression,
  stationaryLaws,
  robustness,
  networkRobustness,
  logisticRegression,
  networkSde,
  robustAccuracy,
  learningRateControl,
];

/** The results of all studies, by name. */
export type ContinuousTimeLab = Readonly<Record<string, unknown>>;

export const continuousTime: Laboratory<ContinuousTimeLab> = {
  name: "continuous-time",
  reference:
    "H. Gu, X. Guo, X. Li: Adversarial Training for Gradient Descent: Analysis Through its Continuous-time Approximation, 2021–2023, arXiv 2105.08037",
  setUp:
    "Closed forms, exact enumeration against the backward Kolmogorov equation, and small tanh networks in float64. Quick and full run the same checks; full takes more paths, samples, starts and steps.",
  minutes: { full: 15 },
  async run(bench) {
    const total = studies.reduce((sum, { share }) => sum + share, 0);
    const lab: Record<string, unknown> = {};
    let done = 0;
    for (const { name, share, run } of studies) {
      bench.progress(name.replaceAll("-", " "), done / total);
      const within: Bench = { ...bench, progress: (label, fraction) => bench.progress(label, (done + share * fraction) / total) };
      lab[name] = await bench.remember(name, () => run(within));
      done += share;
    }
    bench.progress("done", 1);
    return lab;
  },
  claims: studies
    .flatMap(({ name, claims }) => claims.map((claim) => ({ ...claim, measure: (lab: ContinuousTimeLab) => claim.measure(lab[name]) })))
    .sort((a, b) => a.id.localeCompare(b.id, "en", { numeric: true })),
  figures: (lab) => studies.flatMap(({ name, figures }) => figures(lab[name])),
};
