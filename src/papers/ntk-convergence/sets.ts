/**
 * Perturbation sets B(x): caps of the unit sphere and Euclidean balls. From memory, Gao et al. (2019) have data and perturbations on the sphere where they
 * speak of convergence and existence, and balls where they speak of capacity.
 */
import { ballProjection, steepest } from "../../attacks/index.ts";
import {
  abs,
  add,
  constant,
  div,
  greater,
  less,
  mul,
  reduceSum,
  sliceAxis,
  sqrt,
  square,
  sub,
  type Value,
  where,
} from "../../graph/index.ts";
import { type Key, normal, ShapeError, type Tensor, tensor, uniform } from "../../tensor/index.ts";
import { dot, normalized, row, stack } from "./points.ts";

/** The set B(x) around each clean point x, of radius δ. */
export interface PerturbationSets {
  name: string;
  δ: number;
  /** Takes points [n, d] to the nearest points of the sets around `centres` [n, d], symbolically. */
  projection(centres: Value): (x: Value) => Value;
  /** The point of each set that lies farthest from its centre in a direction [n, d]; any point of the set where the direction does not decide. */
  rim(centres: Value, direction: Value): Value;
  /** One random point of B(x) for each clean point [n, d]. */
  sample(key: Key, centres: Tensor<"float64">): Tensor<"float64">;
}

/**
 * Caps of the unit sphere, {x′ : ‖x′‖ = 1, ‖x′ − x‖ ≤ δ} with 0 ≤ δ ≤ 2: the angle to x is at most 2 arcsin(δ/2). Points are projected to the sphere
 * along the radius, then, where the angle is too large, to the rim along the great circle towards x. Where several points are nearest, it is one
 * of them: a point of the rim from the antipode, x from the zero vector. A sample is on the rim as often as inside.
 * @throws RangeError for another radius; ShapeError where the points have one dimension only, so that there is no rim.
 */
export function caps(δ: number): PerturbationSets {
  if (!(δ >= 0 && δ <= 2)) throw new RangeError(`a cap of the unit sphere has a radius from 0 to 2, not ${δ}`);
  const widest = 2 * Math.asin(δ / 2);
  const rim = (centres: Value, direction: Value) =>
    add(mul(centres, Math.cos(widest)), mul(tangentTowards(direction, centres), Math.sin(widest)));
  return {
    name: `caps of radius ${δ}`,
    δ,
    projection: (centres) => (x) => {
      const onSphere = where(greater(lengths(x), 0), unit(x), centres);
      return where(less(inner(onSphere, centres), Math.cos(widest)), rim(centres, onSphere), onSphere);
    },
    rim: (centres, direction) => rim(centres, steepest(direction, "l2")),
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
    rim: (centres, direction) => add(centres, mul(steepest(direction, "l2"), δ)),
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

/** The unit tangent at each centre in whose direction a unit vector points; some unit tangent where the vector is along the centre (to 1e-12), or zero. */
function tangentTowards(direction: Value, centres: Value): Value {
  const tangent = orthogonal(direction, centres);
  const decided = greater(lengths(tangent), 1e-12);
  // Orthogonal once more: what is left of a vector nearly along the centre is mostly rounding.
  return unit(orthogonal(unit(where(decided, tangent, orthogonal(farAxis(centres), centres))), centres));
}

/** The first unit vector for each centre, or the second where the centre is close to the first or its antipode. */
function farAxis(centres: Value): Value {
  const d = centres.shape[1];
  if (d < 2) throw new ShapeError("a cap of the unit sphere has a rim for points of two or more dimensions, not one");
  const axis = (k: number) =>
    constant(
      tensor(
        Float64Array.from({ length: d }, (_, i) => (i === k ? 1 : 0)),
        [1, d],
        "float64",
      ),
    );
  return where(less(abs(sliceAxis(centres, 1, 0, 1)), 0.8), axis(0), axis(1));
}

/** x − ⟨x, c⟩c of each row, for unit c. */
function orthogonal(x: Value, centres: Value): Value {
  return sub(x, mul(centres, inner(x, centres)));
}

/** ⟨x_i, c_i⟩ of each row as [n, 1]. */
function inner(x: Value, centres: Value): Value {
  return reduceSum(mul(x, centres), [1], { keepDimensions: true });
}

/** x_i/‖x_i‖ of each row; the zero vector stays zero. */
function unit(x: Value): Value {
  const length = lengths(x);
  return div(x, where(greater(length, 0), length, 1));
}

/** ‖x_i‖ of each row as [n, 1]. */
function lengths(x: Value): Value {
  return sqrt(reduceSum(square(x), [1], { keepDimensions: true }));
}
