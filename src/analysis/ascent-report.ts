/** One call that follows an ascent and says everything about it, for any objective: a laboratory's network or a user's model. */
import type { Key } from "../tensor/index.ts";
import { type AscentOptions, type Course, followAscent } from "./ascent.ts";
import {
  checkKkt,
  distance,
  fitTail,
  hittingStep,
  type KktPoint,
  norm,
  straightness,
  type TailFit,
  tolerancesOf,
} from "./ascent-dynamics.ts";
import type { Objective } from "./objective.ts";

/** What projected gradient ascent did on one problem. */
export interface AscentReport extends Course {
  /** First- and second-order conditions at the end. */
  kkt: KktPoint;
  /** Step at which the sphere |δ| = ε is reached; undefined when it never is. */
  hit?: number;
  /** |δ_t − δ_T|/ε */
  errors: number[];
  /** Steps until |δ_t − δ_T| < 1e-3 ε */
  n3: number;
  /** Measured rate of linear convergence; undefined when the tail is too short to fit. */
  tail?: TailFit;
  /** The rate that `sphereRate` derives from the end point, for raw steps. */
  predictedRate: number;
  /** |δ_T − δ₀| over the length of the path; undefined when nothing moved. */
  straightness?: number;
}

/** Follows raw projected ascent on every problem and checks where it ends. */
export async function reportAscent(
  objective: Objective,
  { key, ...options }: Omit<AscentOptions, "direction" | "keepPath"> & { key: Key },
): Promise<AscentReport[]> {
  const { radius, stepSize } = options;
  const { sphere, tail } = tolerancesOf(objective);
  const courses = await followAscent(objective, options);
  const ends = Float64Array.from(courses.flatMap(({ path }) => [...path[path.length - 1]]));
  const kkt = await checkKkt(objective, ends, radius, { key });
  return courses.map((course, b) => {
    const { path } = course;
    const errors = path.map((delta) => distance(delta, path[path.length - 1]) / radius[b]);
    return {
      ...course,
      kkt: kkt[b],
      hit: hittingStep(path.map(norm), radius[b], sphere),
      errors,
      n3: errors.findIndex((error) => error < 1e-3),
      tail: fitTail(errors, { low: tail }),
      predictedRate: sphereRate({ ...kkt[b], radius: radius[b], stepSize: stepSize[b] }),
      straightness: straightness(path),
    };
  });
}

/**
 * Rate of linear convergence of δ ← Π(δ + s∇F) at a KKT point of the sphere: ε(1 + sμ)/(ε + sΛ), the largest eigenvalue of the step's derivative on the
 * tangent space, with Λ the multiplier and μ the largest eigenvalue of P∇²F P. Below 1 exactly where the point is a strict local maximum, εμ < Λ.
 */
export function sphereRate({
  radius,
  stepSize,
  curvature,
  multiplier,
}: { radius: number; stepSize: number } & Pick<KktPoint, "curvature" | "multiplier">): number {
  return (radius * (1 + stepSize * curvature)) / (radius + stepSize * multiplier);
}
