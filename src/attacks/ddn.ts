/** Decoupling direction and norm (Rony et al. 2019, algorithm 1), L2. */
import { normal } from "../tensor/index.ts";
import { attack } from "./attack.ts";
import { margin } from "./run.ts";
import { adversarialStart } from "./start.ts";
import { lengthOf } from "./steps.ts";
import { clip, distance } from "./threat.ts";

/**
 * δ ← δ + α·g/‖g‖ on the cross-entropy, then rescaled to a norm that shrinks by γ where the point is adversarial and grows by γ where it is not. α falls
 * from 1 to 0.01 along a cosine. Lengths are in units of the domain's width.
 *
 * It starts from the adversarial point that targeted FAB finds in `startSteps` steps. With 0 it is as published: it starts from the input, with the
 * norm `norm`, and on models trained in L∞ ends up to half as far again from the input.
 */
export const ddn = attack(
  "ddn",
  { steps: 100, startSteps: 30, norm: 1, γ: 0.05 },
  function* (example, { steps, startSteps, norm, γ }) {
    const { set, key } = example;
    const { center } = set;
    const unit = set.high.reduce((widest, high, i) => Math.max(widest, high - set.low[i]), 0);
    const x = yield* adversarialStart(example, startSteps);
    let ε = distance(x, center, "l2") || norm * unit;
    const δ = new Float32Array(center.length);
    for (let k = 0; k < steps; k++) {
      const { logits, gradient } = yield { point: x, want: "cross-entropy" };
      const adversarial = margin(example, logits) > 0;
      const α = unit * (0.01 + 0.99 * 0.5 * (1 + Math.cos((Math.PI * k) / steps)));
      const length = lengthOf(gradient, "l2");
      const usable = length > 0 && Number.isFinite(length);
      const direction = usable ? gradient : normal(key.fold("ddn", k), [δ.length]).data;
      const scale = α / (usable ? length : lengthOf(direction, "l2"));
      for (let i = 0; i < δ.length; i++) δ[i] = x[i] - center[i] + scale * direction[i];
      ε *= adversarial ? 1 - γ : 1 + γ;
      const now = lengthOf(δ, "l2");
      for (let i = 0; i < x.length; i++) x[i] = center[i] + (now > 0 ? (ε * δ[i]) / now : 0);
      clip(set, x);
    }
    yield { point: x, want: "logits" };
  },
  { goal: "minimum-norm", norms: ["l2"] },
);
