/** Auto-PGD in L1 (Croce & Hein 2021, algorithm 1): sparse steps whose number of components follows the sparsity of the best point so far. */
import { type Key, normal } from "../tensor/index.ts";
import type { Ascent } from "./apgd.ts";
import type { Steps } from "./attack.ts";
import { sparseStep } from "./steps.ts";
import { distance, type PerturbationSet, project } from "./threat.ts";

/** Ascends in balls of radius 3ε, 2ε and ε for 30, 30 and 40 % of the steps, each from the best point of the one before (§3.4). */
export function* shrinkingBalls(set: PerturbationSet, key: Key, options: Ascent): Steps {
  const third = Math.ceil(0.3 * options.steps);
  const stages = [
    [3, third],
    [2, third],
    [1, options.steps - 2 * third],
  ];
  const noise = normal(key, [set.center.length]).data;
  let x: Float32Array = set.center.map((v, i) => v + noise[i]);
  for (const [multiple, steps] of stages) {
    const ball = { ...set, epsilon: multiple * set.epsilon };
    x = yield* ascend(ball, project(ball, x), { ...options, steps });
  }
}

/** Ascent from `x`; gives the point of the largest loss. */
function* ascend(set: PerturbationSet, x: Float32Array, { loss, target, steps }: Ascent): Steps<Float32Array> {
  const d = x.length;
  const { epsilon, center } = set;
  const first = yield { point: x, want: loss, target };
  const gradient = first.gradient.slice();
  const best = { x: x.slice(), gradient: gradient.slice(), loss: first.loss };
  let η = epsilon;
  let nonzeros = distance(x, center, "l0");
  let components = nonzeros / 1.5;
  const period = Math.max(Math.floor(0.04 * steps), 1);
  for (let k = 0; k < steps; k++) {
    sparseStep(x, gradient, η, Math.max(1, Math.round(components)));
    project(set, x);
    const answer = yield { point: x, want: loss, target };
    gradient.set(answer.gradient);
    if (answer.loss > best.loss) {
      best.x.set(x);
      best.gradient.set(gradient);
      best.loss = answer.loss;
    }
    if ((k + 1) % period > 0) continue;
    const now = distance(best.x, center, "l0");
    const sparser = now / Math.max(nonzeros, 1) < 0.95;
    components = Math.min(d, now / 1.5);
    nonzeros = now;
    if (sparser) {
      η = epsilon;
      x.set(best.x);
      gradient.set(best.gradient);
    } else η = Math.max(η / 1.5, epsilon / 10);
  }
  return best.x;
}
