/** HopSkipJump (Chen et al. 2020, algorithm 2): only the predicted class is used. */
import { type Key, normal, uniform } from "../tensor/index.ts";
import { attack, type Example, type Steps } from "./attack.ts";
import { margin } from "./run.ts";
import { lengthOf } from "./steps.ts";
import { clip, distance } from "./threat.ts";

/**
 * From a misclassified point: bisection to the boundary, the boundary's direction there from the classes of random neighbours, a step along it,
 * and again. `evaluations` is how many neighbours the first step asks; step t asks √t times as many.
 */
export const hopSkipJump = attack(
  "hop-skip-jump",
  { steps: 64, evaluations: 100, mostEvaluations: 10_000, starts: 100, γ: 1 },
  function* (example, { steps, evaluations, mostEvaluations, starts, γ }) {
    const { set, key } = example;
    const { center, norm } = set;
    const d = center.length;
    let x = yield* firstPoint(example, starts, key.fold("start"));
    if (!x) return;
    // The bisection's accuracy as a share of the distance (§IV.B).
    const θ = norm === "l2" ? γ / (Math.sqrt(d) * d) : γ / (d * d);
    x = yield* toBoundary(example, x, θ);
    for (let t = 1; t <= steps; t++) {
      const away = distance(x, center, norm);
      const width = set.high.reduce((widest, high, i) => Math.max(widest, high - set.low[i]), 0);
      const radius = t === 1 ? 0.1 * width : (norm === "l2" ? Math.sqrt(d) : d) * θ * away;
      const samples = Math.min(Math.round(evaluations * Math.sqrt(t)), mostEvaluations);
      const direction = yield* boundaryDirection(example, x, { radius, samples, key: key.fold("direction", t) });
      let step = away / Math.sqrt(t);
      for (let halving = 0; halving < 30; halving++, step /= 2) {
        const further = clip(
          set,
          x.map((v, i) => v + step * direction[i]),
        );
        if (!(yield* fools(example, further))) continue;
        x = yield* toBoundary(example, further, θ);
        break;
      }
    }
  },
  { goal: "minimum-norm", norms: ["linf", "l2"], needs: "classes" },
);

function* fools(example: Example, point: Float32Array): Steps<boolean> {
  return margin(example, (yield { point, want: "logits" }).logits) > 0;
}

/** A misclassified point among uniform noise over the box, then among its corners. */
function* firstPoint(example: Example, starts: number, key: Key): Steps<Float32Array | undefined> {
  const { low, high } = example.set;
  for (let start = 0; start < 2 * starts; start++) {
    const share = uniform(key.fold(start), [low.length]).data.map((u) => (start < starts ? u : Math.round(u)));
    const point = Float32Array.from(share, (u, i) => low[i] + u * (high[i] - low[i]));
    if (yield* fools(example, clip(example.set, point))) return point;
  }
  return undefined;
}

/** Bisection between the input and a misclassified point: along the segment in L2, by clipping to a ball in L∞. */
function* toBoundary(example: Example, outside: Float32Array, θ: number): Steps<Float32Array> {
  const { center, norm } = example.set;
  const most = norm === "l2" ? 1 : distance(outside, center, "linf");
  const at = (share: number) =>
    outside.map((v, i) => {
      if (norm === "l2") return center[i] + share * (v - center[i]);
      return Math.min(Math.max(v, center[i] - share), center[i] + share);
    });
  let [near, far, best] = [0, most, outside];
  while (far - near > Math.max(θ * most, 1e-6 * most)) {
    const middle = (near + far) / 2;
    const point = clip(example.set, at(middle));
    if (yield* fools(example, point)) [far, best] = [middle, point];
    else near = middle;
  }
  return best;
}

/** Σ (φ(x + ru) − mean φ) u over random unit u, φ = ±1 by success (eq. 16), as the steepest direction. */
function* boundaryDirection(
  example: Example,
  x: Float32Array,
  { radius, samples, key }: { radius: number; samples: number; key: Key },
): Steps<Float64Array> {
  const { set } = example;
  const d = x.length;
  const [sum, signed] = [new Float64Array(d), new Float64Array(d)];
  let successes = 0;
  for (let sample = 0; sample < samples; sample++) {
    const u = (set.norm === "l2" ? normal(key.fold(sample), [d]) : uniform(key.fold(sample), [d], -1, 1)).data;
    const length = lengthOf(u, "l2");
    const point = clip(
      set,
      x.map((v, i) => v + (radius * u[i]) / length),
    );
    const φ = (yield* fools(example, point)) ? 1 : -1;
    successes += φ;
    for (let i = 0; i < d; i++) {
      const moved = (point[i] - x[i]) / radius;
      sum[i] += moved;
      signed[i] += φ * moved;
    }
  }
  const mean = successes / samples;
  const gradient = Math.abs(mean) === 1 ? signed : signed.map((v, i) => v - mean * sum[i]);
  if (set.norm === "linf") return gradient.map(Math.sign);
  const length = lengthOf(gradient, "l2");
  return length > 0 ? gradient.map((v) => v / length) : gradient;
}
