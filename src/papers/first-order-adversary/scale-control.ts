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
  /** Largest |δ_t(c)/ε(c) − δ_t(c₀)/ε(c₀)| over steps, networks and scales, c₀ the first scale. */
  difference: number;
  /** Median over networks of cos ∠(δ_T, ∇f(x)) per scale. */
  cosines: number[];
}

/**
 * Ascends σf with σ = −y (the sign of r₀ at small c, kept at all scales so that the function ascended is the same) by
 * δ ← Π(δ + ε s₀ ∇f(x + δ)/|∇f(x)|).
 */
export async function compareScales(
  ensemble: Ensemble,
  objectives: EnsembleObjectives,
  { scales, rho, s0 = 0.1, steps = 100 }: { scales: readonly number[]; rho: number; s0?: number; steps?: number },
): Promise<ScaleControl> {
  const { networks, d, labels } = ensemble;
  const cosines: number[] = [];
  let reference: Float64Array[][] | undefined;
  let difference = 0;
  for (const c of scales) {
    const eps = rho * c;
    const output = objectives.output(
      c,
      labels.map((y) => -y),
    );
    const { gradient } = await output.gradient(new Float64Array(networks * d));
    const g = Array.from({ length: networks }, (_, b) => norm(row(gradient, b, d)));
    const courses = await followAscent(output, { radius: g.map(() => eps), stepSize: g.map((size) => (eps * s0) / size), steps });
    const relative = courses.map(({ path }) => path.map((delta) => delta.map((v) => v / eps)));
    cosines.push(median(relative.map((path, b) => cosine(path[steps], row(gradient, b, d)))));
    reference ??= relative;
    for (const [b, path] of relative.entries()) {
      for (const [t, delta] of path.entries()) {
        const before = reference[b][t];
        difference = Math.max(difference, norm(delta.map((v, i) => v - before[i])));
      }
    }
  }
  return { scales: [...scales], difference, cosines };
}
