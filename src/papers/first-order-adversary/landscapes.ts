/**
 * The landscape of F on the plane of δ* and a direction orthogonal to it, with the paths of ascents (R2.10), and how far F is from the
 * loss of the linearized network, F_lin(δ) = ½(r₀ + ∇f(x)·δ)², anywhere on the ball.
 */
import { followAscent } from "../../analysis/ascent.ts";
import { norm, row } from "../../analysis/ascent-dynamics.ts";
import { type LandscapeSlice, planeAlong, projectPath, sliceLandscape } from "../../analysis/landscape.ts";
import type { Objective } from "../../analysis/objective.ts";
import { add, input, matMul, mul, reshape, square, sub } from "../../graph/index.ts";
import { type Key, tensor } from "../../tensor/index.ts";
import { inBall, largestSlopeAndCurvature, onSphere } from "./ascents.ts";
import { type AtPoint, type Ensemble, ensembleObjective, ensembleObjectives } from "./networks.ts";
import { maximumOf, nonlinearityBound } from "./theory.ts";

export interface LandscapeRecord {
  c: number;
  eps: number;
  /** Per network: max |F − F_lin| / max F on the disc of the slice, and on the whole ball by ascending (F − F_lin)². */
  onSlice: number[];
  onBall: number[];
  /** Per network: max F over ½(|r₀| + εg)²; max F is the largest value seen on the ball by the ascents and on the slice. */
  maximum: number[];
  /** Per network: κ + κ²/4 with κ = ε max|∇²f|/g, the maximum over probed points of the ball (so the bound is, if anything, too small). */
  bound: number[];
  /** F on the plane of the first network, in units of ε, and ascents from 0 and from random starts projected onto it. */
  slice: LandscapeSlice;
  paths: { x: number[]; y: number[] }[];
}

/** The landscape at scale c of every network of an ensemble. */
export async function surveyLandscape(
  ensemble: Ensemble,
  { c, rho, key, resolution = 33, starts = 5 }: { c: number; rho: number; key: Key; resolution?: number; starts?: number },
): Promise<LandscapeRecord> {
  const { networks, d, labels } = ensemble;
  const eps = rho * c;
  const slots = 64;
  const [single, several, many] = [1, starts, slots].map((points) => ensembleObjectives(ensemble, points));
  const output = single.output(c);
  const { value, gradient } = await output.gradient(new Float64Array(networks * d));
  const g = labels.map((_, b) => norm(row(gradient, b, d)));
  const r0 = labels.map((y, b) => value[b] - y);

  const start = new Float64Array(networks * starts * d);
  for (let b = 0; b < networks * starts; b++) if (b % starts > 0) start.set(inBall(key.fold("start", b), d, eps), b * d);
  const perStart = Array.from({ length: networks * starts }, (_, b) => Math.floor(b / starts));
  const courses = await followAscent(several.loss(c), {
    start,
    radius: perStart.map(() => eps),
    stepSize: perStart.map((b) => 0.1 / g[b] ** 2),
    steps: 2000,
    tolerance: 1e-6,
  });

  const planes = [...labels.keys()].map((b) => planeAlong(courses[b * starts].path.at(-1) as Float64Array, { key: key.fold("plane", b) }));
  const slices = await sliceLandscape(many.loss(c), planes, { extent: labels.map(() => 1.1 * eps), resolution });
  const top = [...labels.keys()].map((b) => Math.max(...courses.slice(b * starts, (b + 1) * starts).flatMap(({ values }) => values)));
  const largestOnSlice = slices.map(({ x, y, values }, b) => {
    const [along, across] = planes[b].axes.map((axis) => inner(row(gradient, b, d), axis));
    let largest = 0;
    for (const [i, v] of y.entries()) {
      for (const [j, u] of x.entries()) {
        if (Math.hypot(u, v) > eps) continue;
        top[b] = Math.max(top[b], values[i][j]);
        largest = Math.max(largest, Math.abs(values[i][j] - 0.5 * (r0[b] + along * u + across * v) ** 2));
      }
    }
    return largest;
  });
  const worst = await worstNonlinearity(ensemble, { c, eps, r0, gradient, points: 4, key: key.fold("worst") });
  const bounds = await largestSlopeAndCurvature(ensemble, output, { eps, key: key.fold("curvature"), probes: 8 });
  return {
    c,
    eps,
    onSlice: largestOnSlice.map((error, b) => error / top[b]),
    onBall: worst.map((error, b) => Math.max(error, largestOnSlice[b]) / top[b]),
    maximum: top.map((value, b) => value / maximumOf({ r0: r0[b], eps, g: g[b] })),
    bound: bounds.map(({ h }, b) => nonlinearityBound((eps * h) / g[b])),
    slice: { ...slices[0], x: slices[0].x.map((v) => v / eps), y: slices[0].y.map((v) => v / eps) },
    paths: courses.slice(0, starts).map(({ path }) => {
      const { x, y } = projectPath(path, planes[0]);
      return { x: x.map((v) => v / eps), y: y.map((v) => v / eps) };
    }),
  };
}

/** max |F − F_lin| found by normalized ascent on (F − F_lin)² from random points of the sphere, per network. */
async function worstNonlinearity(
  ensemble: Ensemble,
  { c, eps, r0, gradient, points, key }: { c: number; eps: number; r0: Float64Array; gradient: Float64Array; points: number; key: Key },
): Promise<number[]> {
  const { networks, d } = ensemble;
  const batch = networks * points;
  const start = new Float64Array(batch * d);
  for (let b = 0; b < batch; b++) start.set(onSphere(key.fold(b), d, eps), b * d);
  const courses = await followAscent(squaredNonlinearity(ensemble, { c, r0, gradient, points }), {
    start,
    radius: new Float64Array(batch).fill(eps),
    stepSize: new Float64Array(batch).fill(0.1 * eps),
    direction: "l2",
    steps: 100,
  });
  return Array.from({ length: networks }, (_, s) =>
    Math.sqrt(Math.max(...courses.slice(s * points, (s + 1) * points).flatMap(({ values }) => values))),
  );
}

/** (F − F_lin)² as a function of δ. */
function squaredNonlinearity(
  ensemble: Ensemble,
  { c, r0, gradient, points }: { c: number; r0: Float64Array; gradient: Float64Array; points: number },
): Objective {
  const { networks, d } = ensemble;
  const slope = input("slope", [networks, d, 1], "float64");
  const residual = input("residual", [networks, 1], "float64");
  const build = ({ delta, f, y }: AtPoint) => {
    const linear = add(reshape(matMul(delta, slope), [networks, points]), residual);
    return square(mul(sub(square(sub(f, y)), square(linear)), 0.5));
  };
  return ensembleObjective(ensemble, points, build, {
    slope: [slope, tensor(gradient, [networks, d, 1], "float64")],
    residual: [residual, tensor(r0, [networks, 1], "float64")],
  })(c);
}

function inner(a: Float64Array, b: Float64Array): number {
  return a.reduce((sum, v, i) => sum + v * b[i], 0);
}
