/**
 * The first-order stationary condition (Wang et al. 2019): how far the inner maximization is from converged. At a point x of the perturbation set X
 * around x⁰, with g = ∇ₓ loss,
 *
 *     c(x) = max_{z ∈ X} ⟨z − x, g⟩ = ε‖g‖_{p*} − ⟨x − x⁰, g⟩          1/p + 1/p* = 1
 *
 * which is the Frank–Wolfe gap: c ≥ 0, and c = 0 exactly where no first-order step within X gains anything. The paper's X is the ε-ball alone; the
 * box-exact form takes the ball within the input domain, so that 0 ≤ c_box ≤ c. Losses are per example: of a mean over a batch c is 1/batch too small.
 */
import { abs, add, GraphError, max, min, mul, type Operand, reduceMax, reduceSum, sqrt, square, sub, type Value } from "../graph/index.ts";
import { type Norm, ThreatError } from "./threat.ts";

export interface FoscOptions {
  norm: "linf" | "l2" | "l1";
  /** One ε for all. */
  epsilon: Operand;
  /** The input domain, for the box-exact form (L∞ only in a graph; `foscOf` has all). */
  box?: { low: number; high: number };
}

/** c(x) per example, [N], of points x [N, …] around `center` with the gradient of a summed loss. @throws GraphError for a box with another norm than L∞. */
export function fosc(x: Value, center: Value, gradient: Value, { norm, epsilon, box }: FoscOptions): Value {
  const axes = x.shape.map((_, axis) => axis).slice(1);
  if (box) {
    if (norm !== "linf")
      throw new GraphError(`the box-exact FOSC of the ${norm} ball is not a graph: use its numeric form, or leave the box out`);
    const upper = min(add(center, epsilon), box.high);
    const lower = max(sub(center, epsilon), box.low);
    return reduceSum(max(mul(gradient, sub(upper, x)), mul(gradient, sub(lower, x))), axes);
  }
  return sub(mul(dualNorm(gradient, norm, axes), epsilon), reduceSum(mul(sub(x, center), gradient), axes));
}

function dualNorm(g: Value, norm: FoscOptions["norm"], axes: readonly number[]): Value {
  if (norm === "linf") return reduceSum(abs(g), axes);
  return norm === "l2" ? sqrt(reduceSum(square(g), axes)) : reduceMax(abs(g), axes);
}

/** A ball in a box, which is given for all components or by component. */
export interface Ball {
  readonly center: ArrayLike<number>;
  readonly norm: Norm;
  readonly epsilon: number;
  readonly low: number | ArrayLike<number>;
  readonly high: number | ArrayLike<number>;
}

/** c(x) of one example in float64; with `box` over the ball within the input domain, for every norm. @throws ThreatError for L0. */
export function foscOf(ball: Ball, x: ArrayLike<number>, gradient: ArrayLike<number>, { box = false } = {}): number {
  let inner = 0;
  for (let i = 0; i < x.length; i++) inner += (x[i] - ball.center[i]) * gradient[i];
  return (box ? supportInBox(ball, gradient) : ball.epsilon * dualNormOf(gradient, ball.norm)) - inner;
}

/** ‖g‖_{p*} for the norm p of the ball. */
export function dualNormOf(g: ArrayLike<number>, norm: Norm): number {
  let [total, largest] = [0, 0];
  for (let i = 0; i < g.length; i++) {
    total += norm === "l2" ? g[i] * g[i] : Math.abs(g[i]);
    largest = Math.max(largest, Math.abs(g[i]));
  }
  if (norm === "l0") throw new ThreatError("the L0 ball has no dual norm");
  return norm === "linf" ? total : norm === "l2" ? Math.sqrt(total) : largest;
}

/** max ⟨δ, g⟩ over ‖δ‖ ≤ ε with x⁰ + δ in the box. Every component moves along the sign of g, at most to its bound. */
function supportInBox({ center, norm, epsilon, low, high }: Ball, g: ArrayLike<number>): number {
  const at = (bound: number | ArrayLike<number>, i: number) => (typeof bound === "number" ? bound : bound[i]);
  const moves = Array.from(g, (slope, i) => ({
    slope: Math.abs(slope),
    room: slope > 0 ? at(high, i) - center[i] : center[i] - at(low, i),
  })).filter(({ slope, room }) => slope > 0 && room > 0);
  if (norm === "linf") return moves.reduce((total, { slope, room }) => total + slope * Math.min(epsilon, room), 0);
  if (norm === "l1") {
    // The steepest components first, each to its bound, until ε is spent.
    let left = epsilon;
    return moves
      .sort((a, b) => b.slope - a.slope)
      .reduce((total, { slope, room }) => {
        const spent = Math.min(room, left);
        left -= spent;
        return total + slope * spent;
      }, 0);
  }
  if (norm === "l0") throw new ThreatError("the L0 ball has no first-order stationary condition");
  // δᵢ = min(λgᵢ, roomᵢ) with the λ that spends ε: components reach their bounds in the order of room/slope.
  moves.sort((a, b) => a.room / a.slope - b.room / b.slope);
  let [bound, gained] = [0, 0];
  let free = moves.reduce((total, { slope }) => total + slope * slope, 0);
  for (const { slope, room } of moves) {
    const λ = Math.sqrt(Math.max(epsilon * epsilon - bound, 0) / free);
    if (λ * slope <= room) return gained + λ * free;
    bound += room * room;
    gained += slope * room;
    free -= slope * slope;
  }
  return gained;
}
