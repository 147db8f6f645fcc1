/**
 * The inner-ascent routine as part of a graph: δ ← Π(δ + α · direction(∇ₓ ℓ)). Adversarial training, the theory's laboratories and the analysis build
 * their steps from it. The attacks on a minibatch take the same step in place on arrays (`stepAlong` and `project`), since their examples stand at different
 * steps and have sets of their own; in L∞ and L2 the two agree to rounding (test/attacks/ascent-routine.test.ts). Raw steps are only here, L1, L0 and
 * masks only there.
 */
import {
  abs,
  add,
  div,
  greater,
  max,
  min,
  mul,
  type Operand,
  reduceMax,
  reduceSum,
  sign,
  sqrt,
  square,
  sub,
  type Value,
  where,
} from "../graph/index.ts";

/** How a step is made from the gradient g, per example. */
export type Direction =
  /** g itself */
  | "raw"
  /** g/‖g‖₂ (steepest in L2) */
  | "l2"
  /** sign(g) (steepest in L∞) */
  | "sign";

export interface AscentOptions {
  direction: Direction;
  /** α: a number, or a value that broadcasts against x. */
  stepSize: Operand;
  /** The set to stay in; without it the step is not projected. */
  projection?: (x: Value) => Value;
}

/** x + α·direction(g), projected. x and g are [N, …]; norms are per example. */
export function ascentStep(x: Value, gradient: Value, { direction, stepSize, projection = (point) => point }: AscentOptions): Value {
  return projection(add(x, mul(steepest(gradient, direction), stepSize)));
}

/** `steps` ascent steps from `start` on the summed loss ℓ(x); nothing is differentiated through them. */
export function ascend(start: Value, steps: number, gradient: (x: Value) => Value, options: AscentOptions): Value {
  let x = start;
  for (let k = 0; k < steps; k++) x = ascentStep(x, gradient(x), options);
  return x;
}

/** The direction of a step, per example. A zero gradient gives a zero direction. */
export function steepest(gradient: Value, direction: Direction): Value {
  if (direction === "raw") return gradient;
  if (direction === "sign") return sign(gradient);
  // Dividing by the largest component first keeps tiny gradients from underflowing when squared.
  const largest = perExample(reduceMax, abs(gradient));
  const scaled = div(gradient, where(greater(largest, 0), largest, 1));
  const length = sqrt(perExample(reduceSum, square(scaled)));
  return div(scaled, where(greater(length, 0), length, 1));
}

/** Projection onto ‖x − center‖ ≤ ε, then into the box where one is given. ε is a number or broadcasts against x. */
export function ballProjection(
  center: Value,
  norm: "linf" | "l2",
  epsilon: Operand,
  box?: { low: number; high: number },
): (x: Value) => Value {
  return (x) => {
    const inside =
      norm === "linf" ? max(min(x, add(center, epsilon)), sub(center, epsilon)) : add(center, shorten(sub(x, center), epsilon));
    return box ? max(min(inside, box.high), box.low) : inside;
  };
}

/** δ·min(1, ε/‖δ‖₂) */
function shorten(δ: Value, epsilon: Operand): Value {
  const length = sqrt(perExample(reduceSum, square(δ)));
  const longer = greater(length, typeof epsilon === "number" ? epsilon : epsilon);
  return mul(δ, where(longer, div(epsilon, where(longer, length, 1)), 1));
}

function perExample(reduce: typeof reduceSum, x: Value): Value {
  return reduce(x, x.shape.map((_, axis) => axis).slice(1), { keepDimensions: true });
}
