/**
 * Adversarial training: the mean cross-entropy of adversarial examples made against the weights of the moment, which are held fixed
 * while the weights are differentiated.
 */
import { crossEntropy, mean } from "../../graph/index.ts";
import type { NetworkMode } from "../../models/index.ts";
import type { Defense, PreparedDefense, Workbench } from "../defense.ts";
import { innerAscent, randomStart } from "../inner-ascent.ts";

export interface PgdDefenseOptions {
  norm?: "linf" | "l2";
  epsilon: number;
  steps?: number;
  /** In input units; by default 2.5 ε/steps. */
  stepSize?: number;
  randomStart?: boolean;
  /** How batch normalization behaves during the attack. */
  mode?: NetworkMode;
}

/** Madry et al. 2018: projected gradient ascent from a random start; every iterate lies in the ball and the input domain. */
export function pgd({
  norm = "linf",
  epsilon,
  steps = 10,
  stepSize = (2.5 * epsilon) / steps,
  randomStart: random = true,
  mode = "inference",
}: PgdDefenseOptions): Defense {
  return adversarial("pgd", { norm, epsilon, steps, stepSize, randomStart: random, mode }, true);
}

/**
 * Wong, Rice, Kolter 2020, "Fast is better than free": one step of length α (default 1.25 ε) from a random start. As published the start is not
 * clipped to the input domain before the gradient is taken; clipping it there makes training collapse on MNIST.
 */
export function fgsmRs({
  norm = "linf",
  epsilon,
  stepSize = 1.25 * epsilon,
  mode = "inference",
}: Omit<PgdDefenseOptions, "steps" | "randomStart">): Defense {
  return adversarial("fgsm-rs", { norm, epsilon, steps: 1, stepSize, randomStart: true, mode }, false);
}

type Settings = Required<PgdDefenseOptions>;

function adversarial(name: string, settings: Settings, clipStart: boolean): Defense {
  return { name, parameters: { ...settings }, prepare: (workbench) => prepare(workbench, settings, clipStart) };
}

async function prepare(
  workbench: Workbench,
  { steps, randomStart: random, ...settings }: Settings,
  clipStart: boolean,
): Promise<PreparedDefense> {
  const { network, batchSize } = workbench;
  const ascent = await innerAscent(workbench, settings);
  return {
    crafted: { adversarial: { shape: [batchSize, ...network.inputShape], dtype: "float32" } },
    async craft({ x, y, key }, weights) {
      const start = random ? randomStart(x, settings, key.fold("start"), clipStart ? network.domain : undefined) : x;
      return { feeds: { adversarial: await ascent.ascend(x, start, y, weights, steps) }, gradientEvaluations: steps };
    },
    loss({ labels, crafted }, forward) {
      const logits = forward(crafted.adversarial);
      return { loss: mean(crossEntropy(logits, labels)), logits };
    },
    release: () => ascent.release(),
  };
}
