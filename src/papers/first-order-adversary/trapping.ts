/** The trapping region (theorem, 2): an ascent from 0 with s ≤ 1/L_F never lets |r| fall, never crosses {f = y}, and no step changes r by more than s g_max² |r|. */
import { followAscent } from "../../analysis/ascent.ts";
import type { Key } from "../../tensor/index.ts";
import { largestSlopeAndCurvature } from "./ascents.ts";
import type { Ensemble, EnsembleObjectives } from "./networks.ts";
import { smoothness } from "./theory.ts";

/** What was seen on one network. */
export interface ResidualRecord {
  /** Steps at which |r_t| fell (beyond rounding, 1e-13 relative) or r_t changed its sign; the theorem says 0. */
  violations: number;
  /** max over t of |r_{t+1} − r_t| / s g_max² |r_t|; the theorem says ≤ 1. */
  largestShare: number;
  /** Steps taken, and whether the last one moved less than 1e-9 ε. */
  steps: number;
  arrived: boolean;
}

/**
 * Follows r_t = f(x + δ_t) − y with s = 1/L_F, L_F = r_max h + g_max², where h and g_max are the largest values seen at 0 and at `probes` random points
 * of the sphere, plus a tenth; until every network stands still, or for `steps` steps.
 */
export async function followResidual(
  ensemble: Ensemble,
  objectives: EnsembleObjectives,
  { c, rho, key, steps = 600, probes = 5 }: { c: number; rho: number; key: Key; steps?: number; probes?: number },
): Promise<ResidualRecord[]> {
  const { networks, d, labels } = ensemble;
  const eps = rho * c;
  const radius = new Float64Array(networks).fill(eps);
  const output = objectives.output(c);
  const residual = async (at: Float64Array) => (await output.value(at)).map((f, b) => f - labels[b]);
  const r0 = await residual(new Float64Array(networks * d));
  const bounds = (await largestSlopeAndCurvature(ensemble, output, { eps, key, probes })).map(({ g, h }) => ({ g: 1.1 * g, h: 1.1 * h }));
  const s = bounds.map(({ g, h }, b) => 1 / smoothness({ r0: r0[b], eps, gMax: g, h }));
  const courses = await followAscent(objectives.loss(c), { radius, stepSize: s, steps, tolerance: 1e-9 });
  const records = bounds.map((): ResidualRecord => ({ violations: 0, largestShare: 0, steps: 0, arrived: false }));
  let before = r0;
  const taken = courses[0].path.length - 1;
  for (let t = 1; t <= taken; t++) {
    // F = ½r² only knows |r|; its sign is seen on f itself
    const r = await residual(Float64Array.from(courses.flatMap(({ path }) => [...path[t]])));
    for (const [b, record] of records.entries()) {
      const size = Math.abs(before[b]);
      if (Math.abs(r[b]) < size * (1 - 1e-13) || Math.sign(r[b]) !== Math.sign(r0[b])) record.violations++;
      record.largestShare = Math.max(record.largestShare, Math.abs(r[b] - before[b]) / (s[b] * bounds[b].g ** 2 * size));
    }
    before = r;
  }
  return records.map((record) => ({ ...record, steps: taken, arrived: taken < steps }));
}
