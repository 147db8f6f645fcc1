/** MART (Wang et al. 2020): what is misclassified already counts more in the demand that predictions stay together. */
import { add, atLabel, crossEntropy, log, mean, mul, neg, oneHot, reduceMax, softmax, sub, type Value } from "../../graph/index.ts";
import type { Defense, PreparedDefense, Workbench } from "../defense.ts";
import { budgetAt, gaussianStart, innerAscent } from "../inner-ascent.ts";
import { divergence } from "../losses.ts";
import { attackSettings, type PgdDefenseOptions } from "./pgd.ts";

export interface MartOptions extends Omit<PgdDefenseOptions, "randomStart"> {
  /** λ, the weight of the demand that clean and adversarial prediction agree. */
  beta?: number;
}

/**
 * mean BCE(x′) + λ · mean KL(p(x) ‖ p(x′))·(1 − p_y(x)), where BCE(x′) = −log p_y(x′) − log(1 − max_{j≠y} p_j(x′)); x′ by projected ascent on the
 * cross-entropy from x + 0.001·N(0, 1). As in the authors' code the second logarithm is of 1.0001 − p, which keeps it finite.
 */
export function mart({ beta = 5, ...options }: MartOptions): Defense {
  const settings = { ...attackSettings(options), beta };
  return { name: "mart", parameters: settings, prepare: (workbench) => prepare(workbench, settings) };
}

async function prepare(workbench: Workbench, settings: Required<MartOptions>): Promise<PreparedDefense> {
  const { norm, steps, mode, beta } = settings;
  const { network, batchSize } = workbench;
  const ascent = await innerAscent(workbench, { norm, mode });
  return {
    crafted: { adversarial: { shape: [batchSize, ...network.inputShape], dtype: "float32" } },
    async craft({ x, y, key, epoch }, weights) {
      const start = gaussianStart(x, 0.001, key.fold("start"));
      const adversarial = await ascent.ascend({ x, start, y, weights, steps, ...budgetAt(epoch, settings) });
      return { feeds: { adversarial }, gradientEvaluations: steps };
    },
    loss({ x, labels, crafted }, forward) {
      const [clean, adversarial] = [forward(x), forward(crafted.adversarial)];
      const doubt = sub(1, atLabel(softmax(clean), labels));
      const agreement = mul(divergence(clean, adversarial), doubt);
      return { loss: mean(add(boosted(adversarial, labels), mul(agreement, beta))), logits: adversarial };
    },
    release: () => ascent.release(),
  };
}

/** −log p_y − log(1.0001 − max_{j≠y} p_j), [N] */
function boosted(logits: Value, labels: Value): Value {
  const p = softmax(logits);
  const others = sub(p, mul(oneHot(labels, logits.shape[1], logits.dtype as "float32"), 2));
  return add(crossEntropy(logits, labels), neg(log(sub(1.0001, reduceMax(others, [1])))));
}
