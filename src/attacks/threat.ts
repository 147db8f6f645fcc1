/** Threat models: what an adversary may do to an input. ε is always in input units. */
import { type Key, normal, type Tensor, uniform } from "../tensor/index.ts";
import { projectOntoL1Ball } from "./projections.ts";

export type Norm = "linf" | "l2" | "l1" | "l0";

export interface ThreatModel {
  readonly norm: Norm;
  /** Radius of the ball around each input: one for all, or one per example. */
  readonly epsilon: number | ArrayLike<number>;
}

/** An impossible threat model or attack setting. */
export class ThreatError extends Error {
  override name = "ThreatError";
}

/** The set an adversarial point of one example must lie in: the ε-ball around `center` within the box of the input domain. */
export interface PerturbationSet {
  readonly center: Float32Array;
  readonly norm: Norm;
  readonly epsilon: number;
  readonly low: number;
  readonly high: number;
}

/** Radius for example `index`. @throws ThreatError unless it is a finite number ≥ 0. */
export function epsilonOf({ epsilon }: ThreatModel, index: number): number {
  const radius = typeof epsilon === "number" ? epsilon : epsilon[index];
  if (!(Number.isFinite(radius) && radius >= 0)) {
    throw new ThreatError(`ε must be a finite number ≥ 0 in input units, but for example ${index} it is ${radius}`);
  }
  return radius;
}

/** ‖a − b‖ in a norm; L0 counts the components that differ. */
export function distance(a: ArrayLike<number>, b: ArrayLike<number>, norm: Norm): number {
  let total = 0;
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs(a[i] - b[i]);
    if (norm === "linf") total = Math.max(total, difference);
    else if (norm === "l2") total += difference * difference;
    else if (norm === "l1") total += difference;
    else if (difference !== 0) total += 1;
    if (Number.isNaN(difference)) return Number.NaN;
  }
  return norm === "l2" ? Math.sqrt(total) : total;
}

/** What float32 rounding of input components may add to a distance: points are stored in float32, budgets are real numbers. */
export function roundingSlack({ norm, epsilon, center }: PerturbationSet): number {
  const perComponent = 1.2e-7;
  if (norm === "linf") return perComponent * (1 + epsilon);
  if (norm === "l0") return 0;
  return perComponent * (norm === "l2" ? Math.sqrt(center.length) : center.length) + 1e-6 * epsilon;
}

/** Whether a point lies in the set, up to `roundingSlack`. */
export function contains(set: PerturbationSet, point: Float32Array): boolean {
  for (const v of point) if (!(v >= set.low && v <= set.high)) return false;
  return distance(point, set.center, set.norm) <= set.epsilon + roundingSlack(set);
}

/**
 * Moves `point` into the set, in place: onto the ball (Euclidean projection), then into the box. For L∞ this is the exact projection onto the
 * intersection; for L2 and L1 the point stays within ε, since clipping towards a center inside the box only shortens the perturbation.
 */
export function project(set: PerturbationSet, point: Float32Array): Float32Array {
  const { center, norm, epsilon, low, high } = set;
  if (norm === "linf") {
    for (let i = 0; i < point.length; i++) point[i] = Math.min(Math.max(point[i], center[i] - epsilon), center[i] + epsilon);
  } else if (norm === "l2") {
    const length = distance(point, center, "l2");
    if (length > epsilon) for (let i = 0; i < point.length; i++) point[i] = center[i] + ((point[i] - center[i]) * epsilon) / length;
  } else if (norm === "l1") {
    projectOntoL1Ball(point, center, epsilon);
  } else throw new ThreatError("the L0 ball has no steepest-ascent projection: use a minimum-norm or decision-based attack");
  for (let i = 0; i < point.length; i++) point[i] = Math.min(Math.max(point[i], low), high);
  return point;
}

/** A random point of the set: uniform in the L∞ ball, uniform in the L2 or L1 ball, then clipped to the box. */
export function randomPoint(set: PerturbationSet, key: Key): Float32Array {
  const { center, norm, epsilon } = set;
  const d = center.length;
  const point = new Float32Array(d);
  if (norm === "linf") {
    const noise = uniform(key, [d], -epsilon, epsilon).data;
    for (let i = 0; i < d; i++) point[i] = center[i] + noise[i];
    return project(set, point);
  }
  const direction = norm === "l2" ? normal(key.fold("direction"), [d]).data : laplace(key.fold("direction"), d);
  const length = distance(direction, new Float64Array(d), norm === "l2" ? "l2" : "l1");
  const radius = epsilon * uniform(key.fold("radius"), [1]).data[0] ** (1 / d);
  for (let i = 0; i < d; i++) point[i] = center[i] + (radius * direction[i]) / length;
  return project(set, point);
}

/** One row per example of a tensor [N, …], as views. */
export function exampleRows(x: Tensor<"float32">): Float32Array[] {
  const width = x.data.length / x.shape[0];
  return Array.from({ length: x.shape[0] }, (_, i) => x.data.subarray(i * width, (i + 1) * width));
}

function laplace(key: Key, count: number): Float64Array {
  return uniform(key, [count], -1, 1).data.map((u) => -Math.sign(u) * Math.log(1 - Math.abs(u)));
}
