/** Gradient ascent on the loss within the perturbation set: one step (FGSM), many (BIM, PGD), or many with momentum (MI-FGSM). */
import { attack } from "./attack.ts";
import type { LossName } from "./losses.ts";
import { lengthOf, stepAlong } from "./steps.ts";
import { project, randomPoint } from "./threat.ts";

/**
 * Projected gradient ascent (Madry et al. 2018): x ← Π(x + α · steepest(∇ₓ ℓ)), from the input or a random start, with restarts. The step α is
 * `stepSize` in input units, by default 2.5 ε/steps. The steepest direction is sign(g) in L∞ and g/‖g‖₂ in L2; in L1 steps are sparse (`sparsity`
 * is the share of components that stay) and the projection onto ball ∩ box is exact (Tramèr & Boneh 2019; Croce & Hein 2021).
 */
export const pgd = attack(
  "pgd",
  {
    steps: 40,
    stepSize: undefined as number | undefined,
    restarts: 1,
    randomStart: true,
    loss: "cross-entropy" as LossName,
    sparsity: 0.95,
  },
  function* ({ set, key }, { steps, stepSize = (2.5 * set.epsilon) / steps, restarts, randomStart, loss, sparsity }) {
    for (let restart = 0; restart < restarts; restart++) {
      const x = randomStart ? randomPoint(set, key.fold("start", restart)) : set.center.slice();
      for (let step = 0; step < steps; step++) {
        const { gradient } = yield { point: x, want: loss };
        stepAlong(set, x, gradient, stepSize, sparsity);
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
    stepAlong(set, x, gradient, set.epsilon);
    yield { point: project(set, x), want: "logits" };
  },
);

/** Basic iterative method (Kurakin et al. 2017): FGSM in small steps from the input, by default of ε/steps. */
export const bim = attack(
  "bim",
  { steps: 10, stepSize: undefined as number | undefined, loss: "cross-entropy" as LossName },
  function* ({ set }, { steps, stepSize = set.epsilon / steps, loss }) {
    const x = set.center.slice();
    for (let step = 0; step < steps; step++) {
      const { gradient } = yield { point: x, want: loss };
      stepAlong(set, x, gradient, stepSize);
      project(set, x);
    }
    yield { point: x, want: "logits" };
  },
);

/** Momentum iterative method (Dong et al. 2018, eq. 6–7): v ← μv + g/‖g‖₁, steps of ε/steps along steepest(v). */
export const mifgsm = attack(
  "mi-fgsm",
  { steps: 10, stepSize: undefined as number | undefined, decay: 1, loss: "cross-entropy" as LossName },
  function* ({ set }, { steps, stepSize = set.epsilon / steps, decay: μ, loss }) {
    const x = set.center.slice();
    const v = new Float32Array(x.length);
    for (let step = 0; step < steps; step++) {
      const { gradient } = yield { point: x, want: loss };
      const length = lengthOf(gradient, "l1");
      for (let i = 0; i < v.length; i++) v[i] = μ * v[i] + (length > 0 ? gradient[i] / length : 0);
      stepAlong(set, x, v, stepSize);
      project(set, x);
    }
    yield { point: x, want: "logits" };
  },
);
