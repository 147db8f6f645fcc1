/** DeepFool (Moosavi-Dezfooli et al. 2016, algorithm 2). */
import { likelyTargets } from "./apgd.ts";
import { attack } from "./attack.ts";
import { argMax } from "./run.ts";
import { lengthOf } from "./steps.ts";
import { clip } from "./threat.ts";

/**
 * Steps to the nearest of the linearized boundaries, until the class changes: r = |f|/‖w‖₂² · w in L2, |f|/‖w‖₁ · sign(w) in L∞, with f and w the
 * difference of two logits and its gradient. `targetClasses` is how many of the likeliest other classes are looked at.
 */
export const deepFool = attack(
  "deepfool",
  { steps: 50, overshoot: 0.02, targetClasses: 9 },
  function* (example, { steps, overshoot, targetClasses }) {
    const { set, label } = example;
    const { center, norm } = set;
    const targets = likelyTargets(example, targetClasses);
    const total = new Float64Array(center.length);
    const x = center.slice();
    for (let step = 0; step < steps; step++) {
      let nearest = Number.POSITIVE_INFINITY;
      let r = new Float64Array(center.length);
      for (const target of targets) {
        const { loss, gradient: w } = yield { point: x, want: "difference", target };
        const length = lengthOf(w, norm === "l2" ? "l2" : "l1");
        const away = Math.abs(loss) / length;
        if (!(away < nearest)) continue;
        nearest = away;
        r = Float64Array.from(w, (v) => (away + 1e-6) * (norm === "l2" ? v / length : Math.sign(v)));
      }
      for (let i = 0; i < x.length; i++) {
        total[i] += r[i];
        x[i] = center[i] + (1 + overshoot) * total[i];
      }
      const { logits } = yield { point: clip(set, x), want: "logits" };
      if (argMax(logits) !== label) return;
    }
  },
  { goal: "minimum-norm", norms: ["linf", "l2"] },
);
