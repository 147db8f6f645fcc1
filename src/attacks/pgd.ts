/** Gradient ascent on the loss within the perturbation set: one step (FGSM) or many (PGD). */
import { attack } from "./attack.ts";
import type { LossName } from "./losses.ts";
import { distance, project, randomPoint } from "./threat.ts";

/**
 * Projected gradient ascent (Madry et al. 2018): x ← Π(x + α · steepest(∇ₓ ℓ)), from the input or a random start, with restarts. The step α is
 * `stepSize` in input units, by default 2.5 ε/steps. The steepest direction is sign(g) in L∞ and g/‖g‖₂ in L2.
 */
export const pgd = attack(
  "pgd",
  { steps: 40, stepSize: undefined as number | undefined, restarts: 1, randomStart: true, loss: "cross-entropy" as LossName },
  function* ({ set, key }, { steps, stepSize = (2.5 * set.epsilon) / steps, restarts, randomStart, loss }) {
    for (let restart = 0; restart < restarts; restart++) {
      const x = randomStart ? randomPoint(set, key.fold("start", restart)) : set.center.slice();
      for (let step = 0; step < steps; step++) {
        const { gradient } = yield { point: x, want: loss };
        stepAlong(x, gradient, set.norm, stepSize);
        project(set, x);
      }
      yield { point: x, want: "logits" };
    }
  },
);

/** Fast gradient sign method (Goodfellow et al. 2015), in L2 the fast gradient method: one step of length ε from the input, or from a random start. */
export const fgsm = attack(
  "fgsm",
  { randomStart: false, loss: "cross-entropy" as LossName },
  function* ({ set, key }, { randomStart, loss }) {
    const x = randomStart ? randomPoint(set, key.fold("start")) : set.center.slice();
    const { gradient } = yield { point: x, want: loss };
    stepAlong(x, gradient, set.norm, set.epsilon);
    yield { point: project(set, x), want: "logits" };
  },
);

/** x ← x + α · steepest(g), in place; a zero or non-finite gradient moves nothing. */
export function stepAlong(x: Float32Array, gradient: Float32Array, norm: string, α: number): void {
  if (norm === "linf") {
    for (let i = 0; i < x.length; i++) x[i] += α * (Math.sign(gradient[i]) || 0);
    return;
  }
  const length = distance(gradient, new Float32Array(gradient.length), "l2");
  if (!(length > 0 && Number.isFinite(length))) return;
  for (let i = 0; i < x.length; i++) x[i] += (α * gradient[i]) / length;
}
