/** Projected gradient ascent on a batch of objectives, with its whole course. */
import type { Direction } from "../attacks/ascent.ts";
import { distance, row } from "./ascent-dynamics.ts";
import type { Objective } from "./objective.ts";

export interface AscentOptions {
  /** δ₀ [batch, n], default 0. */
  start?: Float64Array;
  /** ε_b of the ball |δ_b|₂ ≤ ε_b. */
  radius: ArrayLike<number>;
  /** s_b: the step is s_b·direction(∇F_b). */
  stepSize: ArrayLike<number>;
  /** Default "raw": s_b∇F_b. */
  direction?: Direction;
  /** Steps at most. */
  steps: number;
  /** Stops once no point moved by more than this fraction of its radius; 0 (the default) stops only where nothing moves. */
  tolerance?: number;
  /** Whether every point is kept (the default), or only δ₀ and δ_T, which saves memory. Values are always kept. */
  keepPath?: boolean;
}

/** One problem's ascent. */
export interface Course {
  /** δ₀ … δ_T; only the two ends without `keepPath` */
  path: Float64Array[];
  /** F(δ₀) … F(δ_T) */
  values: number[];
}

/** δ ← Π(δ + s·direction(∇F(δ))) until nothing moves or `steps` are done; every problem takes the same number of steps. */
export async function followAscent(
  objective: Objective,
  { start, radius, stepSize, direction = "raw", steps, tolerance = 0, keepPath = true }: AscentOptions,
): Promise<Course[]> {
  const { batch, dimension: n } = objective;
  const rule = { stepSize: Float64Array.from(stepSize), radius: Float64Array.from(radius), direction };
  const courses: Course[] = Array.from({ length: batch }, () => ({ path: [], values: [] }));
  const record = (delta: Float64Array, value: Float64Array) => {
    for (const [b, course] of courses.entries()) {
      if (!keepPath && course.path.length === 2) course.path.pop();
      course.path.push(row(delta, b, n));
      course.values.push(value[b]);
    }
  };
  let delta = start ?? new Float64Array(batch * n);
  for (let t = 0; t < steps; t++) {
    const { value, next } = await objective.ascend(delta, rule);
    record(delta, value);
    const before = delta;
    delta = next;
    if (courses.every((_, b) => distance(row(next, b, n), row(before, b, n)) <= tolerance * radius[b])) break;
  }
  record(delta, await objective.value(delta));
  return courses;
}
