/** Attacks by logits alone besides Square: finite differences (SPSA) and noise. */
import { integers } from "../tensor/index.ts";
import { attack } from "./attack.ts";
import { margin } from "./run.ts";
import { project, randomPoint } from "./threat.ts";

/**
 * Simultaneous perturbation (Uesato et al. 2018, algorithm 1): the gradient of the margin from differences along random signs, ascended by Adam within
 * the set. A step asks `samples` points, in pairs x ± δ·v.
 */
export const spsa = attack(
  "spsa",
  { steps: 100, samples: 128, rate: 0.01, δ: 0.01 },
  function* (example, { steps, samples, rate, δ }) {
    const { set, key } = example;
    const d = set.center.length;
    const x = set.center.slice();
    const [m, v] = [new Float64Array(d), new Float64Array(d)];
    const point = new Float32Array(d);
    for (let k = 1; k <= steps; k++) {
      const slope = new Float64Array(d);
      const pairs = Math.ceil(samples / 2);
      for (let pair = 0; pair < pairs; pair++) {
        const signs = integers(key.fold("spsa", k, pair), d, 2).map((bit) => 2 * bit - 1);
        let difference = 0;
        for (const way of [1, -1]) {
          for (let i = 0; i < d; i++) point[i] = x[i] + way * δ * signs[i];
          difference += way * margin(example, (yield { point, want: "logits" }).logits);
        }
        for (let i = 0; i < d; i++) slope[i] += (difference * signs[i]) / (2 * δ * pairs);
      }
      for (let i = 0; i < d; i++) {
        m[i] = 0.9 * m[i] + 0.1 * slope[i];
        v[i] = 0.999 * v[i] + 0.001 * slope[i] ** 2;
        x[i] += (rate * (m[i] / (1 - 0.9 ** k))) / (Math.sqrt(v[i] / (1 - 0.999 ** k)) + 1e-8);
      }
      yield { point: project(set, x), want: "logits" };
    }
  },
  { needs: "scores" },
);

/** Random points of the set: the floor that every attack must beat. */
export const noise = attack(
  "noise",
  { samples: 100 },
  function* ({ set, key }, { samples }) {
    for (let sample = 0; sample < samples; sample++) yield { point: randomPoint(set, key.fold("noise", sample)), want: "logits" };
  },
  { needs: "classes" },
);
