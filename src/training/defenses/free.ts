/**
 * Free adversarial training (Shafahi et al. 2019): each batch is replayed m times, and every backward pass serves twice, for a descent step on the
 * weights and for an ascent step on the perturbation, which goes on from replay to replay and from batch to batch. Train m times fewer epochs.
 */
import { ballProjection, steepest } from "../../attacks/index.ts";
import { add, constant, crossEntropy, grad, max, mean, min, mul } from "../../graph/index.ts";
import { aligned, scalar, zeros } from "../../tensor/index.ts";
import type { Defense, PreparedDefense, Workbench } from "../defense.ts";
import { budgetAt } from "../inner-ascent.ts";
import type { PgdDefenseOptions } from "./pgd.ts";

export interface FreeOptions extends Pick<PgdDefenseOptions, "norm" | "epsilon" | "stepSize" | "warmup"> {
  /** m */
  replays?: number;
}

/** δ ← Π(δ + α·steepest(∇ₓ ℓ(x + δ))), α = ε by default, projected onto the ε-ball; the training input is x + δ clipped to the input domain. */
export function free({ norm = "linf", epsilon, stepSize = epsilon, warmup = 0, replays = 8 }: FreeOptions): Defense {
  const settings = { norm, epsilon, stepSize, warmup, replays };
  return { name: "free", parameters: settings, prepare: async (workbench) => prepare(workbench, settings) };
}

function prepare({ network, batchSize }: Workbench, settings: Required<FreeOptions>): PreparedDefense {
  const { norm, replays } = settings;
  const { low, high } = network.domain;
  const perturbation = aligned([batchSize, ...network.inputShape]);
  return {
    replays,
    state: { perturbation },
    crafted: {
      perturbation: { shape: perturbation.shape, dtype: "float32" },
      epsilon: { shape: [], dtype: "float32" },
      stepSize: { shape: [], dtype: "float32" },
    },
    async craft({ epoch }) {
      const { epsilon, stepSize } = budgetAt(epoch, settings);
      return { feeds: { perturbation, epsilon: scalar(epsilon), stepSize: scalar(stepSize) }, gradientEvaluations: 0 };
    },
    loss({ x, labels, crafted }, forward) {
      const point = max(min(add(x, crafted.perturbation), high), low);
      const logits = forward(point);
      const loss = mean(crossEntropy(logits, labels));
      // The direction of a step does not depend on the length of the gradient, so the mean serves as well as the sum.
      const uphill = mul(steepest(grad(loss, point), norm === "linf" ? "sign" : "l2"), crafted.stepSize);
      const project = ballProjection(constant(zeros([], x.dtype)), norm, crafted.epsilon);
      return { loss, logits, outputs: { perturbation: project(add(crafted.perturbation, uphill)) } };
    },
    observe({ outputs }) {
      perturbation.data.set(outputs.perturbation.data as Float32Array);
    },
    release: async () => {},
  };
}
