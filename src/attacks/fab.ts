/**
 * Fast adaptive boundary attack (Croce & Hein 2020, algorithm 1): steps to where the linearized decision boundary, within the box, is nearest to the
 * current point and to the original, mixed towards the original; backwards from every adversarial point.
 */
import { type Key, normal, uniform } from "../tensor/index.ts";
import { likelyTargets } from "./apgd.ts";
import { attack, type Example, type Steps } from "./attack.ts";
import { stepToHyperplane } from "./projections.ts";
import { argMax } from "./run.ts";
import { lengthOf } from "./steps.ts";
import { clip, distance } from "./threat.ts";

const defaults = { steps: 100, restarts: 1, αMax: 0.1, η: 1.05, β: 0.9 };

/** FAB: at each step the nearest of the linearized boundaries to all other classes, at the cost of a gradient each. */
export const fab = attack(
  "fab",
  defaults,
  function* (example, options) {
    const classes = Array.from(example.logits.keys()).filter((j) => j !== example.label);
    yield* search(example, example.target === undefined ? classes : [example.target], options, "fab");
  },
  { goal: "minimum-norm" },
);

/** Targeted FAB: one run towards each of the likeliest other classes, so that the cost does not grow with their number. */
export const fabTargeted = attack(
  "fab-t",
  { ...defaults, targetClasses: 9 },
  function* (example, { targetClasses, ...options }) {
    for (const target of likelyTargets(example, targetClasses)) yield* search(example, [target], options, "fab-t");
  },
  { goal: "minimum-norm" },
);

function* search(example: Example, targets: readonly number[], { steps, restarts, αMax, η, β }: typeof defaults, stream: string): Steps {
  const { set, key, label } = example;
  const { center, norm, low, high } = set;
  const boundary = { w: new Float32Array(center.length), offset: 0 };
  const [fromHere, fromOriginal] = [new Float64Array(center.length), new Float64Array(center.length)];
  let nearest = Number.POSITIVE_INFINITY;
  for (let restart = 0; restart < restarts; restart++) {
    const x = restart === 0 ? center.slice() : randomStart(example, Math.min(nearest, set.epsilon), key.fold(stream, targets[0], restart));
    for (let step = 0; step < steps; step++) {
      yield* nearestBoundary(x, targets, norm, boundary);
      stepToHyperplane({ point: x, low, high }, boundary.w, boundary.offset, norm, fromHere);
      stepToHyperplane({ point: center, low, high }, boundary.w, boundary.offset, norm, fromOriginal);
      const here = Math.max(lengthOf(fromHere, norm), 1e-8);
      const α = Math.min(here / (here + Math.max(lengthOf(fromOriginal, norm), 1e-8)), αMax);
      mix(x, center, { fromHere, fromOriginal, α, η });
      clip(set, x);
      const { logits } = yield { point: x, want: "logits" };
      if (argMax(logits) === label) continue;
      nearest = Math.min(nearest, distance(x, center, norm));
      shrink(x, center, β);
    }
  }
}

/** Sets the linearized boundary ⟨w, z⟩ = offset at which another class has the true one's logit, the nearest in the dual norm. */
function* nearestBoundary(
  x: Float32Array,
  targets: readonly number[],
  norm: Example["set"]["norm"],
  boundary: { w: Float32Array; offset: number },
): Steps {
  const dual = norm === "linf" ? "l1" : norm === "l1" ? "linf" : "l2";
  let least = Number.POSITIVE_INFINITY;
  boundary.w.fill(0);
  boundary.offset = 0;
  for (const target of targets) {
    const { gradient, loss } = yield { point: x, want: "difference", target };
    const away = Math.abs(loss) / (1e-12 + lengthOf(gradient, dual));
    if (!(away < least)) continue;
    least = away;
    boundary.w.set(gradient);
    boundary.offset = product(gradient, x) - loss;
  }
}

/** A point at up to half of `radius` from the input. */
function randomStart({ set }: Example, radius: number, key: Key): Float32Array {
  const { center, norm, low, high } = set;
  const reach = Number.isFinite(radius)
    ? radius
    : lengthOf(
        center.map((_, i) => high[i] - low[i]),
        norm,
      );
  const noise = (norm === "linf" ? uniform(key, [center.length], -1, 1) : normal(key, [center.length])).data;
  const scale = reach / lengthOf(noise, norm) / 2;
  return clip(
    set,
    center.map((v, i) => v + scale * noise[i]),
  );
}

/** x ← (1 − α)(x + η·fromHere) + α(center + η·fromOriginal) */
function mix(
  x: Float32Array,
  center: Float32Array,
  { fromHere, fromOriginal, α, η }: { fromHere: Float64Array; fromOriginal: Float64Array; α: number; η: number },
): void {
  for (let i = 0; i < x.length; i++) x[i] = (1 - α) * (x[i] + η * fromHere[i]) + α * (center[i] + η * fromOriginal[i]);
}

/** x ← center + β(x − center) */
function shrink(x: Float32Array, center: Float32Array, β: number): void {
  for (let i = 0; i < x.length; i++) x[i] = center[i] + β * (x[i] - center[i]);
}

function product(a: Float32Array, b: Float32Array): number {
  let total = 0;
  for (let i = 0; i < a.length; i++) total += a[i] * b[i];
  return total;
}
