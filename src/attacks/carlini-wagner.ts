/** The L2 attack of Carlini & Wagner (2017, §V.B, §VI.A): least ‖δ‖² + c · max(κ − margin, 0), with the box built into the variables. */
import { attack, type Steps } from "./attack.ts";
import { clip, type PerturbationSet } from "./threat.ts";

/**
 * x = middle + half-width · tanh(w), descended in w by Adam; c is found by bisection, from `constant`. A run ends early where a tenth of its steps has
 * not lowered the objective by 10⁻⁴ of itself.
 */
export const carliniWagner = attack(
  "carlini-wagner",
  { steps: 10_000, rate: 0.01, searchSteps: 9, constant: 1e-3, κ: 0 },
  function* ({ set }, { steps, rate, searchSteps, constant, κ }) {
    let [c, lower, upper] = [constant, 0, Number.POSITIVE_INFINITY];
    for (let round = 0; round < searchSteps; round++) {
      const found = yield* descend(set, { steps, rate, c, κ });
      if (found) upper = c;
      else lower = c;
      c = upper < Number.POSITIVE_INFINITY ? (lower + upper) / 2 : 10 * c;
    }
  },
  { goal: "minimum-norm", norms: ["l2"] },
);

interface Descent {
  steps: number;
  rate: number;
  c: number;
  κ: number;
}

/** Whether a misclassified point was met. */
function* descend({ center, low, high }: PerturbationSet, { steps, rate, c, κ }: Descent): Steps<boolean> {
  const d = center.length;
  const middle = Float64Array.from(center, (_, i) => (low[i] + high[i]) / 2);
  const half = Float64Array.from(center, (_, i) => (high[i] - low[i]) / 2);
  // A little inside the box, since a variable at ±∞ would never move again.
  const w = Float64Array.from(center, (v, i) => (half[i] > 0 ? Math.atanh(((v - middle[i]) / half[i]) * 0.999999) : 0));
  const [m, v] = [new Float64Array(d), new Float64Array(d)];
  const x = new Float32Array(d);
  let [found, before] = [false, Number.POSITIVE_INFINITY];
  for (let k = 1; k <= steps; k++) {
    for (let i = 0; i < d; i++) x[i] = middle[i] + half[i] * Math.tanh(w[i]);
    clip({ low, high }, x);
    const { loss, gradient } = yield { point: x, want: "margin" };
    if (loss > 0) found = true;
    let objective = c * Math.max(κ - loss, 0);
    for (let i = 0; i < d; i++) {
      const δ = x[i] - center[i];
      objective += δ * δ;
      const slope = (2 * δ - (loss < κ ? c * gradient[i] : 0)) * half[i] * (1 - Math.tanh(w[i]) ** 2);
      m[i] = 0.9 * m[i] + 0.1 * slope;
      v[i] = 0.999 * v[i] + 0.001 * slope * slope;
      w[i] -= (rate * (m[i] / (1 - 0.9 ** k))) / (Math.sqrt(v[i] / (1 - 0.999 ** k)) + 1e-8);
    }
    if (k % Math.ceil(steps / 10) > 0) continue;
    if (objective > 0.9999 * before) break;
    before = objective;
  }
  return found;
}
