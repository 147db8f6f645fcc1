/**
 * Adversarial weight perturbation (Wu, Xia, Wang 2020), around another defense: the descent gradient is taken where an adversary has moved the
 * weights uphill first. Every matrix and kernel w moves by γ‖w‖ along its own gradient, v = γ‖w‖·g/‖g‖; biases and normalizations stay.
 */
import { add, div, grad, max, mul, sqrt, square, stopGradient, sum, type Value } from "../../graph/index.ts";
import { weightNames } from "../../models/index.ts";
import { scalar } from "../../tensor/index.ts";
import type { Defense } from "../defense.ts";

export interface AwpOptions {
  /** γ: the authors take 0.01 with PGD and 0.005 with TRADES. */
  gamma?: number;
  /** Epochs without perturbation at the start. */
  delay?: number;
}

/** w ← w − η·∇L(w + v): one more gradient of the batch's loss than the defense itself. */
export function awp(defense: Defense, { gamma = 0.01, delay = 0 }: AwpOptions = {}): Defense {
  return {
    name: `awp-${defense.name}`,
    parameters: { ...defense.parameters, gamma, delay },
    async prepare(workbench) {
      const inner = await defense.prepare(workbench);
      const perturbed = weightNames(workbench.network, "trained").filter((name) => workbench.network.weights[name].shape.length > 1);
      return {
        ...inner,
        crafted: { ...inner.crafted, gamma: { shape: [], dtype: "float32" } },
        async craft(batch, weights) {
          const { feeds, gradientEvaluations } = await inner.craft(batch, weights);
          const active = batch.epoch >= delay ? gamma : 0;
          return { feeds: { ...feeds, gamma: scalar(active) }, gradientEvaluations: gradientEvaluations + 1 };
        },
        loss(inputs, forward) {
          const { weights, crafted } = inputs;
          // The perturbation looks at the same batch, and leaves no trace in the running statistics.
          const { loss } = inner.loss(inputs, (x, options) => forward(x, { ...options, statistics: false }));
          const uphill = grad(
            loss,
            perturbed.map((name) => weights[name]),
          );
          const moved = Object.fromEntries(
            perturbed.map((name, i) => [name, add(weights[name], stopGradient(along(uphill[i], weights[name], crafted.gamma)))]),
          );
          const there = { ...weights, ...moved };
          return inner.loss({ ...inputs, weights: there }, (x, options) => forward(x, { weights: there, ...options }));
        },
      };
    },
  };
}

/** γ‖w‖·g/‖g‖ */
function along(g: Value, w: Value, gamma: Value): Value {
  const length = (v: Value) => sqrt(sum(square(v)));
  return mul(g, div(mul(gamma, length(w)), max(length(g), 1e-12)));
}
