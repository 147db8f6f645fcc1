/**
 * Is it the input scale that matters? For ReLU without bias f(cx) = c f(x), so the landscape of f in δ/ε is exactly the same at every c with ε = ρc,
 * and so must be the path of an ascent in units of ε; for tanh and softplus it must not be. (R2.8, the negative control.)
 */
import { followAscent } from "../../analysis/ascent.ts";
import { cosine, norm, row } from "../../analysis/ascent-dynamics.ts";
import { median } from "../statistics.ts";
import type { Ensemble, EnsembleObjectives } from "./networks.ts";

export interface ScaleControl {
  scales: number[];
  /** Largest |δ_t(c)/ε(c) − δ_t(c₀)/ε(c₀)| over steps, networks and scales, c₀ the first scale at which the network's r₀ has the same sign. */
  difference: number;
  /** Median over networks of cos ∠(δ_T, sign(r₀)∇f(x)) per scale. */
  cosines: number[];
  /** Networks whose r₀ = f(x) − y changes its sign between the scales: there −f is ascended instead of f, and compared with itself only. */
  flipped: number;
}

/** Ascends sign(r₀)f by δ ← Π(δ + ε s₀ sign(r₀)∇f(x + δ)/|∇f(x)|) at every scale. */
export async function compareScales(
  ensemble: Ensemble,
  objectives: EnsembleObjectives,
  { scales, rho, s0 = 0.1, steps = 100 }: { scales: readonly number[]; rho: number; s0?: number; steps?: number },
): Promise<ScaleControl> {
  const { networks, d, labels } = ensemble;
  const cosines: number[] = [];
  const references = Array.from({ length: networks }, () => new Map<number, Float64Array[]>());
  let difference = 0;
  for (const c of scales) {
    const eps = rho * c;
    const f = await objectives.output(c).value(new Float64Array(networks * d));
    const signs = labels.map((y, b) => (f[b] < y ? -1 : 1));
    const ascended = objectives.output(c, signs);
    const { gradient } = await ascended.gradient(new Float64Array(networks * d));
    const g = Array.from({ length: networks }, (_, b) => norm(row(gradient, b, d)));
    const courses = await followAscent(ascended, { radius: g.map(() => eps), stepSize: g.map((size) => (eps * s0) / size), steps });
    const relative = courses.map(({ path }) => path.map((delta) => delta.map((v) => v / eps)));
    cosines.push(median(relative.map((path, b) => cosine(path[path.length - 1], row(gradient, b, d)))));
    for (const [b, path] of relative.entries()) {
      const reference = references[b].get(signs[b]) ?? path;
      references[b].set(signs[b], reference);
      difference = Math.max(difference, largestDistance(path, reference));
    }
  }
  return { scales: [...scales], difference, cosines, flipped: references.filter(({ size }) => size > 1).length };
}

/** max over t of |a_t − b_t|. A path that is shorter than the other stands still at its end: `followAscent` stops there. */
function largestDistance(a: readonly Float64Array[], b: readonly Float64Array[]): number {
  let largest = 0;
  for (let t = 0; t < Math.max(a.length, b.length); t++) {
    const [p, q] = [a[Math.min(t, a.length - 1)], b[Math.min(t, b.length - 1)]];
    largest = Math.max(largest, norm(p.map((v, i) => v - q[i])));
  }
  return largest;
}
