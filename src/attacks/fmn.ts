/** Fast minimum-norm attack (Pintor et al. 2021, algorithm 1) in L0, L1, L2 and L∞. */
import { attack } from "./attack.ts";
import { margin } from "./run.ts";
import { adversarialStart } from "./start.ts";
import { lengthOf } from "./steps.ts";
import { distance, type Norm, project } from "./threat.ts";

const dual: Record<Norm, Norm> = { linf: "l1", l2: "l2", l1: "linf", l0: "l2" };

/**
 * Ascent of the margin by α·g/‖g‖₂ within a ball whose ε shrinks by γ where the point is adversarial and grows where it is not; before the first
 * adversarial point ε is the distance to the linearized boundary. α and γ fall along a cosine, α in units of the domain's width.
 *
 * It starts from the adversarial point that targeted FAB finds in `startSteps` steps (the authors' code takes any). With 0, their default, and in L0 it
 * starts from the input, and on models trained in L∞ may find nothing at all.
 */
export const fmn = attack(
  "fmn",
  { steps: 100, startSteps: 30, α: 1, αEnd: 0.01, γ: 0.05, γEnd: 0.001 },
  function* (example, { steps, startSteps, α, αEnd, γ, γEnd }) {
    const { set } = example;
    const { center, norm } = set;
    const unit = set.high.reduce((widest, high, i) => Math.max(widest, high - set.low[i]), 0);
    const x = yield* adversarialStart(example, startSteps);
    let [ε, nearest] = [norm === "l0" ? 1 : Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
    for (let k = 0; k < steps; k++) {
      const { logits, loss, gradient } = yield { point: x, want: "margin" };
      const fall = 0.5 * (1 + Math.cos((Math.PI * k) / steps));
      const rate = γEnd + (γ - γEnd) * fall;
      const away = distance(x, center, norm);
      if (margin(example, logits) > 0) {
        nearest = Math.min(nearest, away);
        ε = norm === "l0" ? Math.min(ε - 1, Math.floor(ε * (1 - rate)), nearest - 1) : Math.min(ε, nearest) * (1 - rate);
        ε = Math.max(ε, norm === "l0" ? 1 : 0);
      } else if (norm === "l0") ε = Math.max(ε + 1, Math.floor(ε * (1 + rate)));
      // A little beyond, since a point on the boundary itself is not adversarial.
      else if (nearest === Number.POSITIVE_INFINITY) ε = (away + Math.abs(loss) / (1e-12 + lengthOf(gradient, dual[norm]))) * (1 + rate);
      else ε *= 1 + rate;
      const length = lengthOf(gradient, "l2");
      const step = length > 0 && Number.isFinite(length) ? (unit * (αEnd + (α - αEnd) * fall)) / length : 0;
      for (let i = 0; i < x.length; i++) x[i] += step * gradient[i];
      project({ ...set, epsilon: ε }, x);
    }
    yield { point: x, want: "logits" };
  },
  { goal: "minimum-norm", norms: ["linf", "l2", "l1", "l0"] },
);
