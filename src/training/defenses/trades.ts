/** TRADES (Zhang et al. 2019): the clean loss, and how far an adversary can move the prediction away from the clean one. */
import { add, crossEntropy, mean, mul } from "../../graph/index.ts";
import type { Defense, PreparedDefense, Workbench } from "../defense.ts";
import { budgetAt, compileLogits, gaussianStart, innerAscent } from "../inner-ascent.ts";
import { divergence } from "../losses.ts";
import { attackSettings, type PgdDefenseOptions } from "./pgd.ts";

export interface TradesOptions extends Omit<PgdDefenseOptions, "randomStart"> {
  /** β = 1/λ, the weight of robustness: the authors take 1 on MNIST and 6 on CIFAR-10. */
  beta?: number;
}

/**
 * mean CE(f(x), y) + β · mean KL(p(x) ‖ p(x′)), with x′ by projected ascent on that divergence from x + 0.001·N(0, 1). Both predictions are
 * differentiated. Clean and adversarial inputs are two batches for batch normalization.
 */
export function trades({ beta = 6, ...options }: TradesOptions): Defense {
  const settings = { ...attackSettings(options), beta };
  return { name: "trades", parameters: settings, prepare: (workbench) => prepare(workbench, settings) };
}

async function prepare(workbench: Workbench, settings: Required<TradesOptions>): Promise<PreparedDefense> {
  const { norm, steps, mode, beta } = settings;
  const { network, batchSize } = workbench;
  const shape = [batchSize, ...network.inputShape];
  const ascent = await innerAscent(workbench, { norm, mode, loss: (logits, reference) => divergence(reference, logits) });
  const predict = await compileLogits(workbench, mode);
  return {
    crafted: { adversarial: { shape, dtype: "float32" } },
    async craft({ x, y, key, epoch }, weights) {
      const reference = await predict.logits(x, weights);
      const start = gaussianStart(x, 0.001, key.fold("start"));
      const adversarial = await ascent.ascend({ x, start, y, weights, steps, reference, ...budgetAt(epoch, settings) });
      return { feeds: { adversarial }, gradientEvaluations: steps };
    },
    loss({ x, labels, crafted }, forward) {
      const [clean, adversarial] = [forward(x), forward(crafted.adversarial)];
      const robustness = mean(divergence(clean, adversarial));
      return { loss: add(mean(crossEntropy(clean, labels)), mul(robustness, beta)), logits: adversarial };
    },
    async release() {
      await ascent.release();
      await predict.release();
    },
  };
}
