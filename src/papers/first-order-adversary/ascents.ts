/**
 * One cell of the reference table: projected gradient ascent on every network of an ensemble at one input scale, from 0 and from random
 * starts, set against the theory's predictions.
 */
import { followAscent } from "../../analysis/ascent.ts";
import { checkKkt, cosine, distance, norm, regularityIndex, row } from "../../analysis/ascent-dynamics.ts";
import { type AscentReport, reportAscent } from "../../analysis/ascent-report.ts";
import { type Key, normal, uniform } from "../../tensor/index.ts";
import type { Ensemble, EnsembleObjectives } from "./networks.ts";
import { hittingTime, maximumOf, tailRate } from "./theory.ts";

/** What was seen on one network at one input scale. */
export interface AscentRecord {
  /** |∇f(x)|, |∇²f(x)|, κ = εh/g, r₀ = f(x) − y and εg/|r₀| */
  g: number;
  h: number;
  kappa: number;
  r0: number;
  reach: number;
  /** Step at which the sphere is reached (−1: never), and the prediction for locally linear f. */
  hit: number;
  hitPredicted: number;
  /** Steps until |δ_t − δ_∞| < 1e-3 ε */
  n3: number;
  /** cos ∠(δ*, sign(r₀)∇f(x)) */
  cosine: number;
  straightness: number;
  /** | |δ*|/ε − 1 |, KKT residual, second-order margin (see `KktPoint`) */
  offSphere: number;
  residual: number;
  margin: number;
  strict: boolean;
  /** Rate of the linear tail, measured (−1: too few points) and predicted, with R² of the fit */
  rate: number;
  ratePredicted: number;
  rSquared: number;
  /** F(δ*) over ½(|r₀| + εg)² */
  maximumRatio: number;
  /** Steps until the ascent stood still, and |δ_t − δ_∞|/ε on the way (of the first network only, for the figure) */
  steps: number;
  errors: number[];
}

/** Ascent from 0 with s = 0.1/g² (or `stepSize` for all), to its limit, on every network at scale c. */
export async function ascendFromZero(
  ensemble: Ensemble,
  objectives: EnsembleObjectives,
  {
    c,
    rho,
    key,
    steps = 4000,
    stepSize,
    tolerance = 1e-14,
  }: { c: number; rho: number; key: Key; steps?: number; stepSize?: number; tolerance?: number },
): Promise<AscentRecord[]> {
  const { networks, d, labels } = ensemble;
  const eps = rho * c;
  const radius = new Float64Array(networks).fill(eps);
  const [loss, output] = [objectives.loss(c), objectives.output(c)];
  const origin = new Float64Array(networks * d);
  const start = await output.gradient(origin);
  const regularity = await regularityIndex(output, origin, radius, { key: key.fold("centre") });
  const s = regularity.map(({ g }) => stepSize ?? 0.1 / g ** 2);
  const reports = await reportAscent(loss, { key: key.fold("end"), radius, stepSize: s, steps, tolerance });
  const ends = Float64Array.from(reports.flatMap(({ path }) => [...path[path.length - 1]]));
  const finalOutput = await output.value(ends);
  return reports.map((report, b) => {
    const { path, values, kkt, hit, errors, tail } = report;
    const { g, h, kappa } = regularity[b];
    const r0 = start.value[b] - labels[b];
    const r = finalOutput[b] - labels[b];
    const end = path[path.length - 1];
    const outwards = row(start.gradient, b, d).map((v) => Math.sign(r0) * v);
    return {
      g,
      h,
      kappa,
      r0,
      reach: (eps * g) / Math.abs(r0),
      hit: hit ?? -1,
      hitPredicted: hittingTime({ eps, g, r0, s: s[b] }),
      ...courseRecord(report, eps),
      cosine: cosine(end, outwards),
      ratePredicted: tailRate({ eps, s: s[b], r, mu: kkt.curvature / Math.abs(r), lambda: kkt.multiplier }),
      rSquared: tail?.rSquared ?? -1,
      maximumRatio: values[values.length - 1] / maximumOf({ r0, eps, g }),
      errors: b === 0 ? errors : [],
    };
  });
}

/** What is recorded of any ascent in a ball of radius ε, whatever function it climbs. */
export const courseRecord = ({ path, kkt, n3, tail, straightness }: AscentReport, eps: number) => ({
  n3,
  straightness: straightness ?? 1,
  offSphere: Math.abs(kkt.norm / eps - 1),
  residual: kkt.residual,
  margin: kkt.margin,
  strict: kkt.strictLocalMaximum,
  rate: tail?.rate ?? -1,
  steps: path.length - 1,
});

/** What restarts found on one network. */
export interface RestartRecord {
  kappa: number;
  reach: number;
  /** Share of all starts (0 and the random ones) that end where the ascent from 0 ends. */
  same: number;
  /** Number of different ends, and whether each of them is a strict local maximum. */
  ends: number;
  allStrict: boolean;
}

/** Ascent from 0 and from `restarts` − 1 points uniform in the ball, on every network at scale c. `objectives` must be compiled for `restarts` points. */
export async function ascendFromMany(
  ensemble: Ensemble,
  objectives: EnsembleObjectives,
  known: readonly Pick<AscentRecord, "g" | "kappa" | "reach">[],
  { c, rho, restarts, key, steps = 4000 }: { c: number; rho: number; restarts: number; key: Key; steps?: number },
): Promise<RestartRecord[]> {
  const { networks, d } = ensemble;
  const eps = rho * c;
  const batch = networks * restarts;
  const radius = new Float64Array(batch).fill(eps);
  const start = new Float64Array(batch * d);
  for (let b = 0; b < batch; b++) if (b % restarts > 0) start.set(inBall(key.fold("start", b), d, eps), b * d);
  // Only the ends matter here, so the step is longer than in `ascendFromZero`.
  const stepSize = Array.from({ length: batch }, (_, b) => 0.3 / known[Math.floor(b / restarts)].g ** 2);
  const courses = await followAscent(objectives.loss(c), { start, radius, stepSize, steps, tolerance: 1e-9, keepPath: false });
  const last = courses.map(({ path }) => path[path.length - 1]);
  const kkt = await checkKkt(objectives.loss(c), Float64Array.from(last.flatMap((delta) => [...delta])), radius, { key: key.fold("end") });
  return known.map(({ kappa, reach }, s) => {
    const mine = last.slice(s * restarts, (s + 1) * restarts);
    const different = mine.filter((delta, i) => !mine.slice(0, i).some((before) => distance(delta, before) < 1e-3 * eps));
    return {
      kappa,
      reach,
      same: mine.filter((delta) => distance(delta, mine[0]) < 1e-3 * eps).length / restarts,
      ends: different.length,
      allStrict: kkt.slice(s * restarts, (s + 1) * restarts).every(({ strictLocalMaximum }) => strictLocalMaximum),
    };
  });
}

/** max |∇f| and max |∇²f| over 0 and random points of the sphere |δ| = ε, per network: lower bounds of the maxima over the ball. */
export async function largestSlopeAndCurvature(
  { networks, d }: Pick<Ensemble, "networks" | "d">,
  output: ReturnType<EnsembleObjectives["output"]>,
  { eps, key, probes }: { eps: number; key: Key; probes: number },
): Promise<{ g: number; h: number; gCentre: number }[]> {
  const radius = new Float64Array(networks).fill(eps);
  const found = Array.from({ length: networks }, () => ({ g: 0, h: 0, gCentre: 0 }));
  for (let probe = 0; probe <= probes; probe++) {
    const points = new Float64Array(networks * d);
    if (probe > 0) for (let b = 0; b < networks; b++) points.set(onSphere(key.fold("probe", probe, b), d, eps), b * d);
    const seen = await regularityIndex(output, points, radius, { key: key.fold("krylov", probe), steps: Math.min(d, 40) });
    for (const [b, { g, h }] of seen.entries()) {
      found[b] = { g: Math.max(found[b].g, g), h: Math.max(found[b].h, h), gCentre: probe === 0 ? g : found[b].gCentre };
    }
  }
  return found;
}

/** A point uniform on the sphere of radius ε. */
export function onSphere(key: Key, d: number, eps: number): Float64Array {
  const direction = normal(key, [d]).data;
  const size = norm(direction);
  return direction.map((v) => (eps * v) / size);
}

/** A point uniform in the ball of radius ε. */
export function inBall(key: Key, d: number, eps: number): Float64Array {
  return onSphere(key.fold("direction"), d, eps * uniform(key.fold("radius"), [1]).data[0] ** (1 / d));
}
