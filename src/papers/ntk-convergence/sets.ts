/**
 * Perturbation sets B(x): caps of the unit sphere, on which the paper's sections on convergence and existence put the data and all
 * their perturbations, and Euclidean balls, of which its capacity theorem speaks.
 */
import { ballProjection } from "../../attacks/index.ts";
import { add, div, less, mul, reduceSum, sqrt, square, sub, type Value, where } from "../../graph/index.ts";
import { type Key, normal, type Tensor, uniform } from "../../tensor/index.ts";
import { dot, normalized, row, stack } from "./points.ts";

/** The set B(x) around each clean point x, of radius δ. */
export interface PerturbationSets {
  name: string;
  δ: number;
  /** Takes points [n, d] to the nearest points of the sets around `centres` [n, d], symbolically. */
  projection(centres: Value): (x: Value) => Value;
  /** One random point of B(x) for each clean point [n, d]. */
  sample(key: Key, centres: Tensor<"float64">): Tensor<"float64">;
}

/**
 * Caps of the unit sphere, {x′ : ‖x′‖ = 1, ‖x′ − x‖ ≤ δ} with 0 ≤ δ ≤ 2: the angle to x is at most 2 arcsin(δ/2). Points are projected to the sphere
 * along the radius, then, where the angle is too large, to the rim along the great circle towards x. A sample is on the rim as often as inside.
 */
export function caps(δ: number): PerturbationSets {
  if (!(δ >= 0 && δ <= 2)) throw new RangeError(`a cap of the unit sphere has a radius from 0 to 2, not ${δ}`);
  const widest = 2 * Math.asin(δ / 2);
  return {
    name: `caps of radius ${δ}`,
    δ,
    projection: (centres) => (x) => {
      const onSphere = div(x, lengths(x));
      const cosine = reduceSum(mul(onSphere, centres), [1], { keepDimensions: true });
      const tangent = sub(onSphere, mul(centres, cosine));
      const rim = add(mul(centres, Math.cos(widest)), mul(div(tangent, lengths(tangent)), Math.sin(widest)));
      return where(less(cosine, Math.cos(widest)), rim, onSphere);
    },
    sample: (key, centres) => {
      const fractions = uniform(key.fold("angles"), [centres.shape[0]]).data;
      return sampled(key, centres, (centre, direction, i) => {
        const along = dot(direction, centre);
        const tangent = normalized(direction.map((v, k) => v - along * centre[k]));
        const angle = widest * Math.min(1, 2 * fractions[i]);
        return centre.map((c, k) => Math.cos(angle) * c + Math.sin(angle) * tangent[k]);
      });
    },
  };
}

/** Euclidean balls {x′ : ‖x′ − x‖ ≤ δ}; samples are uniform. */
export function balls(δ: number): PerturbationSets {
  if (!(δ >= 0)) throw new RangeError(`a ball has a radius of at least 0, not ${δ}`);
  return {
    name: `balls of radius ${δ}`,
    δ,
    projection: (centres) => ballProjection(centres, "l2", δ),
    sample: (key, centres) => {
      const [n, d] = centres.shape;
      const radii = uniform(key.fold("radii"), [n]).data.map((u) => δ * u ** (1 / d));
      return sampled(key, centres, (centre, direction, i) => normalized(direction).map((v, k) => centre[k] + radii[i] * v));
    },
  };
}

/** A point for every centre from a standard normal direction of its own. */
function sampled(
  key: Key,
  centres: Tensor<"float64">,
  place: (centre: Float64Array, direction: Float64Array, i: number) => Float64Array,
): Tensor<"float64"> {
  const directions = normal(key.fold("directions"), centres.shape);
  return stack(Array.from({ length: centres.shape[0] }, (_, i) => place(row(centres, i), row(directions, i), i)));
}

/** ‖x_i‖ of each row as [n, 1]; 1e-300 instead of 0, so that dividing by it is harmless. */
function lengths(x: Value): Value {
  return add(sqrt(reduceSum(square(x), [1], { keepDimensions: true })), 1e-300);
}
