/**
 * Auto-PGD (Croce & Hein 2020, algorithm 1): projected ascent with momentum whose step is halved, from the best point so far, wherever the loss
 * stops rising. There is no step size to choose.
 */
import { normal, uniform } from "../tensor/index.ts";
import { shrinkingBalls } from "./apgd-l1.ts";
import { attack, type Example, type Steps } from "./attack.ts";
import type { LossName } from "./losses.ts";
import { stepAlong } from "./steps.ts";
import { clip, type PerturbationSet, projection } from "./threat.ts";

/** Auto-PGD on one loss, with restarts. In L1 each run goes through balls of radius 3ε, 2ε and ε (Croce & Hein 2021). */
export const apgd = attack(
  "apgd",
  { loss: "cross-entropy" as LossName, steps: 100, restarts: 1, ρ: 0.75 },
  function* (example, { loss, steps, restarts, ρ }) {
    for (let restart = 0; restart < restarts; restart++) yield* ascent(example, { loss, steps, ρ, stream: ["apgd", loss, restart] });
  },
);

/** Auto-PGD on a targeted loss towards each of the classes that the model finds likeliest after the first, or towards the example's target only. */
export const apgdTargeted = attack(
  "apgd-t",
  { loss: "targeted-dlr" as LossName, steps: 100, restarts: 1, targetClasses: 9, ρ: 0.75 },
  function* (example, { loss, steps, restarts, targetClasses, ρ }) {
    for (const target of likelyTargets(example, targetClasses))
      for (let restart = 0; restart < restarts; restart++)
        yield* ascent(example, { loss, target, steps, ρ, stream: ["apgd-t", target, restart] });
  },
);

/** The classes that the model finds likeliest, without the true one; the class aimed at, where there is one. */
export function likelyTargets({ logits, label, target }: Example, most: number): number[] {
  if (target !== undefined) return [target];
  const others = Array.from(logits.keys()).filter((j) => j !== label);
  return others.sort((a, b) => logits[b] - logits[a]).slice(0, most);
}

export interface Ascent {
  readonly loss: LossName;
  readonly target?: number;
  readonly steps: number;
  readonly ρ: number;
  /** Labels of the random stream. */
  readonly stream: readonly (string | number)[];
}

function* ascent(example: Example, options: Ascent): Steps {
  const { set, key } = example;
  if (set.norm === "l1") return yield* shrinkingBalls(set, key.fold(...options.stream), options);
  const d = set.center.length;
  const start = set.center.slice();
  const noise = (set.norm === "linf" ? uniform(key.fold(...options.stream), [d], -1, 1) : normal(key.fold(...options.stream), [d])).data;
  // The start lies on the sphere, as in the authors' code.
  let length = 0;
  for (const v of noise) length = set.norm === "linf" ? Math.max(length, Math.abs(v)) : length + v * v;
  const factor = set.epsilon / (set.norm === "linf" ? length : Math.sqrt(length));
  for (let i = 0; i < d; i++) start[i] += factor * noise[i];
  yield* ascend(set, clip(set, start), options);
}

/** Checkpoints at 0, p₁N, p₂N, … with p₁ = 0.22 and p_{j+1} = p_j + max(p_j − p_{j−1} − 0.03, 0.06) (§4.1), as lengths of the periods. */
export function periods(steps: number): number[] {
  const [first, shrink, least] = [0.22, 0.03, 0.06].map((share) => Math.max(Math.floor(share * steps), 1));
  const lengths: number[] = [];
  for (let [total, k] = [0, first]; total + k <= steps; k = Math.max(k - shrink, least)) {
    lengths.push(k);
    total += k;
  }
  return lengths;
}

/** Ascent in L∞ or L2 from `x`. */
function* ascend(set: PerturbationSet, x: Float32Array, { loss, target, steps, ρ }: Ascent): Steps {
  const project = projection(set);
  const first = yield { point: x, want: loss, target };
  let η = 2 * set.epsilon;
  const gradient = first.gradient.slice();
  const best = { x: x.slice(), gradient: gradient.slice(), loss: first.loss };
  const before = x.slice();
  const moved = x.slice();
  const lengths = periods(steps);
  // Since the last checkpoint: steps, how many of them raised the loss, the best loss and whether η was halved there.
  let [count, rises, bestThen, halved] = [0, 0, best.loss, true];
  let previousLoss = first.loss;
  for (let k = 0; k < steps; k++) {
    moved.set(x);
    stepAlong(set, moved, gradient, η);
    project(moved);
    blend(x, moved, before, k === 0 ? 1 : 0.75);
    project(x);
    const answer = yield { point: x, want: loss, target };
    gradient.set(answer.gradient);
    if (answer.loss > previousLoss) rises++;
    previousLoss = answer.loss;
    if (answer.loss > best.loss) {
      best.x.set(x);
      best.gradient.set(gradient);
      best.loss = answer.loss;
    }
    if (++count < (lengths[0] ?? Number.POSITIVE_INFINITY)) continue;
    const stalled = rises <= ρ * count;
    const stuck = !halved && bestThen >= best.loss;
    halved = stalled || stuck;
    if (halved) {
      η /= 2;
      x.set(best.x);
      gradient.set(best.gradient);
    }
    [count, rises, bestThen] = [0, 0, best.loss];
    lengths.shift();
  }
}

/** x ← x + a(moved − x) + (1 − a)(x − before), before ← x. */
function blend(x: Float32Array, moved: Float32Array, before: Float32Array, a: number): void {
  for (let i = 0; i < x.length; i++) {
    const next = x[i] + a * (moved[i] - x[i]) + (1 - a) * (x[i] - before[i]);
    before[i] = x[i];
    x[i] = next;
  }
}
