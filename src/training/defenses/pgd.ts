/**
 * Adversarial training: the mean cross-entropy of adversarial examples made against the weights of the moment, which are held fixed
 * while the weights are differentiated.
 */
import { crossEntropy, mean } from "../../graph/index.ts";
import type { NetworkMode } from "../../models/index.ts";
import { aligned } from "../../tensor/index.ts";
import type { Defense, PreparedDefense, Workbench } from "../defense.ts";
import { budgetAt, innerAscent, randomStart } from "../inner-ascent.ts";

export interface PgdDefenseOptions {
  norm?: "linf" | "l2";
  epsilon: number;
  steps?: number;
  /** In input units; by default 2.5 ε/steps. */
  stepSize?: number;
  randomStart?: boolean;
  /** How batch normalization behaves during the attack. */
  mode?: NetworkMode;
  /** Epochs over which ε, and the step with it, grow linearly from 0. */
  warmup?: number;
}

/** The attack's settings, those left out as they usually are. */
export function attackSettings({
  norm = "linf",
  epsilon,
  steps = 10,
  stepSize = (2.5 * epsilon) / steps,
  mode = "inference",
  warmup = 0,
}: Omit<PgdDefenseOptions, "randomStart">): Omit<Settings, "randomStart"> {
  return { norm, epsilon, steps, stepSize, mode, warmup };
}

/** Madry et al. 2018: projected gradient ascent from a random start; every iterate lies in the ball and the input domain. */
export function pgd({ randomStart: random = true, ...options }: PgdDefenseOptions): Defense {
  return adversarial("pgd", { ...attackSettings(options), randomStart: random }, true);
}

/**
 * Wong, Rice, Kolter 2020, "Fast is better than free": one step of length α (default 1.25 ε) from a random start. As published the start is not
 * clipped to the input domain before the gradient is taken (`clipStart`); clipping it there makes training collapse on MNIST.
 */
export function fgsmRs({
  norm = "linf",
  epsilon,
  stepSize = 1.25 * epsilon,
  mode = "inference",
  warmup = 0,
  clipStart = false,
}: Omit<PgdDefenseOptions, "steps" | "randomStart"> & { clipStart?: boolean }): Defense {
  return adversarial("fgsm-rs", { norm, epsilon, steps: 1, stepSize, randomStart: true, mode, warmup }, clipStart);
}

type Settings = Required<PgdDefenseOptions>;

function adversarial(name: string, settings: Settings, clipStart: boolean): Defense {
  return { name, parameters: { ...settings }, prepare: (workbench) => prepare(workbench, settings, clipStart) };
}

async function prepare(workbench: Workbench, settings: Settings, clipStart: boolean): Promise<PreparedDefense> {
  const { norm, steps, randomStart: random, mode } = settings;
  const { network, batchSize } = workbench;
  const ascent = await innerAscent(workbench, { norm, mode });
  const memory = aligned([batchSize, ...network.inputShape]);
  return {
    crafted: { adversarial: { shape: [batchSize, ...network.inputShape], dtype: "float32" } },
    async craft({ x, y, key, epoch }, weights) {
      const budget = budgetAt(epoch, settings);
      const start = random ? randomStart(x, { norm, ...budget }, key.fold("start"), clipStart ? network.domain : undefined, memory) : x;
      return { feeds: { adversarial: await ascent.ascend({ x, start, y, weights, steps, ...budget }) }, gradientEvaluations: steps };
    },
    loss({ labels, crafted }, forward) {
      const logits = forward(crafted.adversarial);
      return { loss: mean(crossEntropy(logits, labels)), logits };
    },
    release: () => ascent.release(),
  };
}
