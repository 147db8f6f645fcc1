/**
 * Curriculum adversarial training (Cai, Du, Liu, Song 2018): lesson k trains on PGD with k steps, from k = 0 (clean inputs) to K. The next lesson
 * begins when this one is learnt, or has taken its share of the epochs. Without the paper's mixing of lessons and its quantization of inputs.
 */
import { crossEntropy, mean } from "../../graph/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import type { Defense, PreparedDefense, Workbench } from "../defense.ts";
import { budgetAt, innerAscent, randomStart } from "../inner-ascent.ts";
import { attackSettings, type PgdDefenseOptions } from "./pgd.ts";

export interface CurriculumOptions extends PgdDefenseOptions {
  /** Accuracy on a lesson's own examples at which it counts as learnt. */
  learnt?: number;
  /** Epochs that a lesson may take at most; by default so many that all lessons fit. */
  longest?: number;
}

/** One batch weighs so much in the smoothed accuracy of a lesson. */
const WEIGHT = 0.05;

export function curriculum({ randomStart: random = true, learnt = 0.9, longest, ...options }: CurriculumOptions): Defense {
  const settings = { ...attackSettings(options), randomStart: random, learnt };
  return {
    name: "curriculum",
    parameters: { ...settings, longest },
    prepare: (workbench) => prepare(workbench, { ...settings, longest: longest ?? workbench.epochs / (settings.steps + 1) }),
  };
}

async function prepare(workbench: Workbench, settings: Required<CurriculumOptions>): Promise<PreparedDefense> {
  const { norm, steps, mode, learnt, longest } = settings;
  const { network, batchSize } = workbench;
  const ascent = await innerAscent(workbench, { norm, mode });
  /** The lesson k, its accuracy (smoothed from 0), and the epoch in which it began. */
  const lesson: Tensor<"float32"> = { dtype: "float32", shape: [3], data: Float32Array.of(0, 0, 0) };
  return {
    state: { lesson },
    crafted: { adversarial: { shape: [batchSize, ...network.inputShape], dtype: "float32" } },
    async craft({ x, y, key, epoch }, weights) {
      const [k, accuracy, began] = lesson.data;
      if (k < steps && (accuracy >= learnt || epoch - began >= longest)) lesson.data.set([k + 1, 0, epoch]);
      const now = lesson.data[0];
      if (now === 0) return { feeds: { adversarial: x }, gradientEvaluations: 0 };
      const budget = budgetAt(epoch, settings);
      const start = settings.randomStart ? randomStart(x, { norm, ...budget }, key.fold("start"), network.domain) : x;
      const adversarial = await ascent.ascend({ x, start, y, weights, steps: now, ...budget });
      return { feeds: { adversarial }, gradientEvaluations: now };
    },
    loss({ labels, crafted }, forward) {
      const logits = forward(crafted.adversarial);
      return { loss: mean(crossEntropy(logits, labels)), logits };
    },
    observe({ accuracy }) {
      lesson.data[1] += WEIGHT * (accuracy - lesson.data[1]);
    },
    release: () => ascent.release(),
  };
}
