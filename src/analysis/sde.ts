/**
 * Stochastic differential equations dX = b(X) dt + s(X) dW for many paths at once: Euler–Maruyama and a Milstein-type scheme
 * on Brownian paths that can be refined. A state is [paths, dimension] in float64, row-major; an equation may be asynchronous,
 * so that drift and noise can come from a compiled graph.
 */
import { march, type Snapshot } from "./march.ts";
import type { BrownianPaths } from "./sde-brownian.ts";

/** dX = b(X) dt + s(X) dW, for a whole bundle of paths. W has `sources` independent components per path. */
export interface StochasticEquation {
  dimension: number;
  sources: number;
  /** b(X): [paths, dimension] from [paths, dimension]. */
  drift(X: Float64Array): Float64Array | Promise<Float64Array>;
  /** s(X) dW: [paths, dimension] from the state and increments [paths, sources], which are written over afterwards; linear in dW. */
  noise(X: Float64Array, dW: Float64Array): Float64Array | Promise<Float64Array>;
  /**
   * X after one step X + b(X) dt + s(X) dW for each of the increments, where that is cheaper at once than drift and noise apart; it may be written to
   * `into`. X and the increments are read until it is there.
   */
  follow?(X: Float64Array, dt: number, increments: readonly Float64Array[], into?: Float64Array): Float64Array | Promise<Float64Array>;
}

/** One step of a scheme: the state after dt with the Brownian increment dW. It may be written to `into`, which is not X. */
export type Scheme = (
  equation: StochasticEquation,
  X: Float64Array,
  dt: number,
  dW: Float64Array,
  into?: Float64Array,
) => Promise<Float64Array>;

/** X + b(X) dt + s(X) dW. Strong order ½ (1 where s is constant), weak order 1. */
export const eulerMaruyama: Scheme = async (equation, X, dt, dW, into) => {
  if (equation.follow) return equation.follow(X, dt, [dW], into);
  return sum(X, [await equation.drift(X), dt], [await equation.noise(X, dW), 1]);
};

/**
 * Euler–Maruyama plus ½ Σⱼₖ (Ds_j s_k)(dWⱼdWₖ − δⱼₖdt), without derivatives: Ds·v is a difference quotient of step √dt
 * (Kloeden & Platen 1992, §11.1). Strong order 1 where the noise is commutative (one source, noise per coordinate, additive noise);
 * elsewhere the Lévy areas that it leaves out keep the strong order at ½. It evaluates the noise 3 + 2 × sources times a step.
 */
export const milstein: Scheme = async (equation, X, dt, dW) => {
  const h = Math.sqrt(dt);
  const along = async (increment: Float64Array) => {
    const direction = await equation.noise(X, increment);
    const shifted = sum(X, [direction, h]);
    return sum(await equation.noise(shifted, increment), [direction, -1]);
  };
  let next = sum(X, [await equation.drift(X), dt], [await equation.noise(X, dW), 1], [await along(dW), 0.5 / h]);
  for (let j = 0; j < equation.sources; j++) {
    const unit = dW.map((_, i) => (i % equation.sources === j ? 1 : 0));
    next = sum(next, [await along(unit), (-0.5 * dt) / h]);
  }
  return next;
};

/**
 * Follows the equation from `start` (one state for all paths, or one per path) over all of the Brownian paths and returns the
 * states at `records + 1` equally spaced times, the start included.
 * @throws RangeError when the sizes of start and noise do not fit the equation, the number of steps is not a multiple of
 * `records`, or a path leaves the finite numbers.
 */
export async function simulate(
  equation: StochasticEquation,
  start: ArrayLike<number>,
  W: BrownianPaths,
  { scheme = eulerMaruyama, records = 1 }: { scheme?: Scheme; records?: number } = {},
): Promise<Snapshot[]> {
  const { paths, steps, dt } = W;
  if (W.sources !== equation.sources) {
    throw new RangeError(`the equation is driven by ${equation.sources} sources of noise, the Brownian paths have ${W.sources}`);
  }
  if (start.length !== equation.dimension && start.length !== paths * equation.dimension) {
    throw new RangeError(
      `a start of ${start.length} numbers is neither one state (${equation.dimension}) nor one for each of ${paths} paths`,
    );
  }
  if (steps % records !== 0) throw new RangeError(`${steps} steps cannot be recorded at ${records} equally spaced times`);
  const several = scheme === eulerMaruyama ? equation.follow : undefined;
  return march(repeated(start, paths * equation.dimension), {
    steps,
    records,
    dt,
    width: paths * equation.sources,
    drive: (step, into) => W.increment(step, into),
    single: several === undefined,
    follow: (X, increments, into) => (several ? several(X, dt, increments, into) : scheme(equation, X, dt, increments[0], into)),
    advice: "take smaller steps",
  });
}

/** One state over and over, or one for each path as they are. */
export function repeated(start: ArrayLike<number>, length: number): Float64Array {
  const X = new Float64Array(length);
  for (let offset = 0; offset < length; offset += start.length) X.set(start, offset);
  return X;
}

/** base + Σ weight · term. */
function sum(base: Float64Array, ...terms: readonly (readonly [Float64Array, number])[]): Float64Array {
  const result = Float64Array.from(base);
  for (const [term, weight] of terms) for (let i = 0; i < result.length; i++) result[i] += weight * term[i];
  return result;
}
