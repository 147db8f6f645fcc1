/** Threat models: what an adversary may do to an input. ε is always in input units. */
import { type Key, normal, type Tensor, uniform } from "../tensor/index.ts";
import { projectOntoL0, projectOntoL1 } from "./projections.ts";

export type Norm = "linf" | "l2" | "l1" | "l0";

export interface ThreatModel {
  readonly norm: Norm;
  /** Radius of the ball around each input: one for all, or one per example. */
  readonly epsilon: number | ArrayLike<number>;
  /** 1 where a component may change and 0 where it is held: one mask for all, or one after the other for each example. */
  readonly mask?: ArrayLike<number>;
  /** L∞ only: ε of a component as a share of `epsilon`, for features that are not alike. */
  readonly scale?: ArrayLike<number>;
}

/** An impossible threat model or attack setting. */
export class ThreatError extends Error {
  override name = "ThreatError";
}

/** The set an adversarial point of one example must lie in: the ε-ball around `center` within a box. */
export interface PerturbationSet {
  readonly center: Float32Array;
  readonly norm: Norm;
  readonly epsilon: number;
  /** The box by component: the input domain, narrowed to the center where a mask holds a component, and by an ε of the component's own. */
  readonly low: Float32Array;
  readonly high: Float32Array;
}

export interface Domain {
  readonly low: number;
  readonly high: number;
}

/**
 * The sets around the centers, one per example.
 * @throws ThreatError unless each ε is a finite number ≥ 0 (∞ only with `unbounded`) within reach of the domain, and mask and scale fit.
 */
export function perturbationSets(
  centers: readonly Float32Array[],
  threat: ThreatModel,
  { low, high }: Domain,
  { unbounded = false } = {},
): PerturbationSet[] {
  const { norm, epsilon, mask, scale } = threat;
  if (!["linf", "l2", "l1", "l0"].includes(norm)) throw new ThreatError(`there is no norm "${norm}"; there are linf, l2, l1 and l0`);
  if (typeof epsilon !== "number" && epsilon.length !== centers.length)
    throw new ThreatError(`there are ${epsilon.length} values of ε for ${centers.length} examples`);
  const width = centers[0]?.length ?? 0;
  const reach = (high - low) * { linf: 1, l2: Math.sqrt(width), l1: width, l0: Number.POSITIVE_INFINITY }[norm];
  if (mask && mask.length !== width && mask.length !== width * centers.length)
    throw new ThreatError(`a mask has one entry per input component (${width}), for all examples or for each, not ${mask.length}`);
  if (scale) checkScale(scale, width, norm);
  const [lowest, highest] = [new Float32Array(width).fill(low), new Float32Array(width).fill(high)];
  return centers.map((center, index) => {
    const radius = typeof epsilon === "number" ? epsilon : epsilon[index];
    if (!(radius >= 0 && (Number.isFinite(radius) || unbounded)))
      throw new ThreatError(`ε must be a finite number ≥ 0 in input units, but for example ${index} it is ${radius}`);
    if (Number.isFinite(radius) && radius > reach * (1 + 1e-6))
      throw new ThreatError(
        `ε = ${radius} reaches across the whole input domain [${low}, ${high}]: ε is in the units of the inputs, e.g. 8/255 for 8 grey levels of 255`,
      );
    if (!mask && !scale) return { center, norm, epsilon: radius, low: lowest, high: highest };
    const free = (i: number) => mask?.[mask.length === width ? i : index * width + i] !== 0;
    const own = (i: number) => (free(i) ? (scale ? radius * scale[i] : Number.POSITIVE_INFINITY) : 0);
    return {
      center,
      norm,
      epsilon: radius,
      low: center.map((v, i) => Math.max(low, v - own(i))),
      high: center.map((v, i) => Math.min(high, v + own(i))),
    };
  });
}

function checkScale(scale: ArrayLike<number>, width: number, norm: Norm): void {
  if (norm !== "linf") throw new ThreatError(`an ε per component is an L∞ notion; in ${norm} use a mask`);
  if (scale.length !== width) throw new ThreatError(`scale has one share per input component (${width}), not ${scale.length}`);
  const wrong = Array.from(scale).findIndex((share) => !(share >= 0 && share <= 1));
  if (wrong >= 0) throw new ThreatError(`scale holds shares of ε between 0 and 1, but component ${wrong} has ${scale[wrong]}`);
}

/** The threat for some of the examples, whose inputs have `width` components. */
export function threatFor(threat: ThreatModel, chosen: readonly number[], width: number): ThreatModel {
  const { epsilon, mask } = threat;
  const own = mask !== undefined && mask.length > width ? mask : undefined;
  return {
    ...threat,
    epsilon: typeof epsilon === "number" ? epsilon : chosen.map((i) => epsilon[i]),
    ...(own && { mask: chosen.flatMap((i) => Array.from({ length: width }, (_, j) => own[i * width + j])) }),
  };
}

/** ‖a − b‖ in a norm, without b ‖a‖; L0 counts the components that differ. NaN components give NaN. */
export function distance(a: ArrayLike<number>, b: ArrayLike<number> | undefined, norm: Norm): number {
  const n = a.length;
  let total = 0;
  if (norm === "l2") {
    for (let i = 0; i < n; i++) {
      const difference = b ? a[i] - b[i] : a[i];
      total += difference * difference;
    }
    return Math.sqrt(total);
  }
  for (let i = 0; i < n; i++) {
    const difference = Math.abs(b ? a[i] - b[i] : a[i]);
    if (norm === "l1") total += difference;
    else if (norm === "linf") {
      if (!(difference <= total)) total = difference;
    } else if (difference !== 0) total += 1;
    if (Number.isNaN(difference)) return Number.NaN;
  }
  return total;
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
  for (let i = 0; i < point.length; i++) if (!(point[i] >= set.low[i] && point[i] <= set.high[i])) return false;
  return distance(point, set.center, set.norm) <= set.epsilon + roundingSlack(set);
}

/**
 * Moves `point` into the set, in place. In L∞ and L1 this is the exact Euclidean projection onto ball ∩ box, in L0 too. In L2 the point goes
 * onto the ball and then into the box, as in the published attacks: it stays within ε, since clipping towards a center inside the box only
 * shortens the perturbation.
 */
export function project(set: PerturbationSet, point: Float32Array): Float32Array {
  const { center, norm, epsilon } = set;
  if (norm === "l1") return projectOntoL1(set, point);
  if (norm === "l0") return projectOntoL0(set, point);
  if (norm === "linf") {
    for (let i = 0; i < point.length; i++) point[i] = Math.min(Math.max(point[i], center[i] - epsilon), center[i] + epsilon);
  } else {
    const length = distance(point, center, "l2");
    if (length > epsilon) for (let i = 0; i < point.length; i++) point[i] = center[i] + ((point[i] - center[i]) * epsilon) / length;
  }
  return clip(set, point);
}

/**
 * `project` for many points of one set. In L∞ ball ∩ box is a box, [a, b]: a point goes to a·(v < a) + b·(v > b) + v·(a ≤ v ≤ b), without a branch that
 * could not be foreseen.
 */
export function projection(set: PerturbationSet): (point: Float32Array) => void {
  const { center, norm, epsilon } = set;
  if (norm !== "linf" || !Number.isFinite(epsilon)) return (point) => void project(set, point);
  const low = set.low.map((v, i) => Math.max(v, center[i] - epsilon));
  const high = set.high.map((v, i) => Math.min(v, center[i] + epsilon));
  return (point) => {
    for (let i = 0; i < point.length; i++) {
      const v = point[i];
      const below = Number(v < low[i]);
      const above = Number(v > high[i]);
      point[i] = low[i] * below + high[i] * above + v * (1 - below - above);
    }
  };
}

/** Moves `point` into the box, in place. */
export function clip({ low, high }: Pick<PerturbationSet, "low" | "high">, point: Float32Array): Float32Array {
  for (let i = 0; i < point.length; i++) point[i] = Math.min(Math.max(point[i], low[i]), high[i]);
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
