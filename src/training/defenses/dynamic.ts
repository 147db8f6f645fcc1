/**
 * Dynamic adversarial training (Wang et al. 2019): the quality of the adversarial examples is raised in the course of training. Each example is
 * attacked until its FOSC falls to the threshold c_t, which goes from c_max to 0; from then on it is PGD training.
 */
import { add, crossEntropy, mean, mul, stopGradient, type Value } from "../../graph/index.ts";
import { scalar } from "../../tensor/index.ts";
import type { Defense, PreparedDefense, Workbench } from "../defense.ts";
import { budgetAt, randomStart } from "../inner-ascent.ts";
import { stoppingAscent } from "../stopping-ascent.ts";
import type { PgdDefenseOptions } from "./pgd.ts";

export interface DynamicOptions extends PgdDefenseOptions {
  /** c_max */
  maximum?: number;
  /** T′, the epoch from which c_t is 0; by default 5/6 of training, as 100 of 120 epochs. */
  controlEpochs?: number;
  /** FOSC over the ball within the input domain, instead of the paper's over the ball (L∞ only). */
  foscInBox?: boolean;
  /** Deviations of the released code from the paper: FOSC relative to the random start (Q1), … */
  foscFromStart?: boolean;
  /** … and, from the second epoch on, each example's loss weighted by its own value (Q2). */
  selfWeighted?: boolean;
}

/** c_t = max(c_max (1 − t/T′), 0), t the epoch from 0. */
export function foscThreshold(epoch: number, { maximum, controlEpochs }: { maximum: number; controlEpochs: number }): number {
  return controlEpochs > 0 ? Math.max(maximum * (1 - Math.floor(epoch) / controlEpochs), 0) : 0;
}

/** Steps of ε/4 by default, as published. Where `mode` is "training", batch statistics couple the examples and stopped ones stay in the batch. */
export function dynamic({
  norm = "linf",
  epsilon,
  steps = 10,
  stepSize = epsilon / 4,
  randomStart: random = true,
  mode = "inference",
  warmup = 0,
  maximum = 0.5,
  controlEpochs,
  foscInBox = false,
  foscFromStart = false,
  selfWeighted = false,
}: DynamicOptions): Defense {
  const settings = { norm, epsilon, steps, stepSize, randomStart: random, mode, warmup, maximum, foscInBox, foscFromStart, selfWeighted };
  return {
    name: "dynamic",
    parameters: { ...settings, controlEpochs },
    prepare: async (workbench) => prepare(workbench, { ...settings, controlEpochs: controlEpochs ?? (5 / 6) * workbench.epochs }),
  };
}

function prepare(workbench: Workbench, settings: Required<DynamicOptions>): PreparedDefense {
  const { norm, steps, mode, foscInBox, foscFromStart, selfWeighted } = settings;
  const { network, batchSize } = workbench;
  const ascent = stoppingAscent(workbench, { norm, mode, foscInBox, masked: mode === "training" });
  return {
    crafted: {
      adversarial: { shape: [batchSize, ...network.inputShape], dtype: "float32" },
      ...(selfWeighted && { share: { shape: [], dtype: "float32" } }),
    },
    async craft({ x, y, key, epoch }, weights) {
      const budget = budgetAt(epoch, settings);
      const start = settings.randomStart ? randomStart(x, { norm, ...budget }, key.fold("start"), network.domain) : x;
      const { point, gradientEvaluations } = await ascent.ascend({
        x,
        start,
        y,
        weights,
        steps,
        ...budget,
        threshold: foscThreshold(epoch, settings),
        origin: foscFromStart ? start : x,
      });
      const feeds = { adversarial: point, ...(selfWeighted && { share: scalar(epoch >= 1 ? 1 : 0) }) };
      return { feeds, gradientEvaluations: gradientEvaluations / batchSize };
    },
    loss({ labels, crafted }, forward) {
      const logits = forward(crafted.adversarial);
      const losses = crossEntropy(logits, labels);
      return { loss: mean(selfWeighted ? weightedByItself(losses, crafted.share) : losses), logits };
    },
    release: () => ascent.release(),
  };
}

/** ℓ·(1 − s + s·ℓ) with the weight held fixed: ℓ itself at s = 0. */
function weightedByItself(losses: Value, share: Value): Value {
  return mul(losses, add(mul(share, add(stopGradient(losses), -1)), 1));
}
