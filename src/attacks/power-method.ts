/**
 * The power method for ‖J‖_{p,q} = max_{‖v‖_p = 1} ‖Jv‖_q, symbolic and for a batch of Jacobians at once (Boyd 1974):
 *
 *     u = dual_q(Jv)     v ← dual_{p*}(Jᵀu)          1/p + 1/p* = 1
 *
 * Jv is a forward derivative of the network and Jᵀu a backward one. It is the ascent that an adversary runs on ‖f(x + εv) − f(x)‖_q with infinite
 * steps within the cell in which the network is affine (Roth, Kilcher, Hofmann 2020): u is the gradient of that loss, v the steepest direction.
 */
import {
  abs,
  argMax,
  cast,
  div,
  flatten,
  greater,
  jvp,
  mul,
  oneHot,
  pow,
  reduceMax,
  reduceSum,
  reshape,
  sign,
  sqrt,
  square,
  type Value,
  vjp,
  where,
} from "../graph/index.ts";

/** The exponent of an ℓ_r norm, from 1 to Infinity. */
export type Exponent = number;

/** r* with 1/r + 1/r* = 1. */
export function conjugate(r: Exponent): Exponent {
  if (r === 1) return Number.POSITIVE_INFINITY;
  return r === Number.POSITIVE_INFINITY ? 1 : r / (r - 1);
}

/** ‖x‖_r of each row of [N, n], as [N]. */
export function rowNorm(x: Value, r: Exponent): Value {
  const magnitude = abs(x);
  if (r === Number.POSITIVE_INFINITY) return reduceMax(magnitude, [1]);
  if (r === 1) return reduceSum(magnitude, [1]);
  return r === 2 ? sqrt(reduceSum(square(x), [1])) : pow(reduceSum(pow(magnitude, r), [1]), 1 / r);
}

/**
 * sign(x)|x|^{r−1}/‖x‖_r^{r−1} for each row of [N, n]: the vector of unit ℓ_{r*} norm with ⟨dual, x⟩ = ‖x‖_r. r = 1 gives signs, r = ∞ the
 * signed unit vector of the first largest component. A zero row stays zero.
 */
export function dualVector(x: Value, r: Exponent): Value {
  if (r === 1) return sign(x);
  if (r === Number.POSITIVE_INFINITY) {
    const place = cast(argMax(abs(x), 1), "int32");
    return mul(sign(x), oneHot(place, x.shape[1], x.dtype as "float32"));
  }
  // Dividing by the largest component first keeps powers of tiny numbers from underflowing.
  const largest = reduceMax(abs(x), [1], { keepDimensions: true });
  const scaled = div(x, where(greater(largest, 0), largest, 1));
  const powered = r === 2 ? scaled : mul(sign(scaled), pow(abs(scaled), r - 1));
  // ‖x‖_r^{r−1} is the ℓ_{r*} norm of the powers.
  const length = reshape(rowNorm(powered, conjugate(r)), [-1, 1]);
  return div(powered, where(greater(length, 0), length, 1));
}

export interface PowerStep {
  /** ‖Jv‖_q, [N]: a lower bound of ‖J‖_{p,q} for v of unit norm. */
  readonly value: Value;
  /** The unit ℓ_{q*} vector with u·Jv = ‖Jv‖_q, [N, d]. */
  readonly u: Value;
  /** The next v, of unit ℓ_p norm and the shape of x. */
  readonly next: Value;
}

/** One step for outputs [N, d] as a function of x [N, …] at directions v [N, …]; row i of the outputs may depend on example i only. */
export function powerStep(outputs: Value, x: Value, v: Value, { p, q }: { p: Exponent; q: Exponent }): PowerStep {
  const [Jv] = jvp([outputs], [x], [v]);
  const u = dualVector(Jv, q);
  const [pulled] = vjp([outputs], [x], [u]);
  return { value: rowNorm(Jv, q), u, next: reshape(dualVector(flatten(pulled), conjugate(p)), x.shape) };
}
