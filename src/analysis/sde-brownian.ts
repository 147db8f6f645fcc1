/**
 * Brownian paths as pure functions of a key. A bundle can be refined: the same paths seen with twice as many steps, the new
 * points drawn from the Brownian bridge, so that step sizes are compared on one and the same noise.
 */
import { fillNormal, type Key } from "../tensor/index.ts";

/** `paths` independent Brownian motions with `sources` components each, on a grid of `steps` equal steps. */
export interface BrownianPaths {
  readonly paths: number;
  readonly sources: number;
  readonly steps: number;
  readonly dt: number;
  /** W(t_{i+1}) − W(t_i) of every path: [paths, sources], written to `into` or fresh. Any order of calls gives the same numbers. */
  increment(i: number, into?: Float64Array): Float64Array;
  /** The same paths on a grid `factor` = 2, 4, 8, … times as fine; consecutive increments sum to this grid's. */
  refine(factor?: number): BrownianPaths;
}

/** Brownian paths on [0, horizon]. @throws RangeError for sizes that are not positive. */
export function brownianPaths(
  key: Key,
  { paths, sources, steps, horizon }: { paths: number; sources: number; steps: number; horizon: number },
): BrownianPaths {
  for (const [name, value] of Object.entries({ paths, sources, steps })) {
    if (!Number.isInteger(value) || value < 1) throw new RangeError(`${name} must be a positive integer, not ${value}`);
  }
  if (!(horizon > 0)) throw new RangeError(`the horizon must be a positive time, not ${horizon}`);
  const dt = horizon / steps;
  const increment = (i: number, into = new Float64Array(paths * sources)) => fillNormal(key.fold("increment", i), into, Math.sqrt(dt));
  return bundle({ paths, sources, steps, dt, increment }, key, 0);
}

function bundle(grid: Omit<BrownianPaths, "refine">, key: Key, level: number): BrownianPaths {
  const refine = (factor = 2): BrownianPaths => {
    if (!Number.isInteger(Math.log2(factor)) || factor < 1) throw new RangeError(`paths are refined by a power of 2, not by ${factor}`);
    const halved = () => bundle(bridged(grid, key.fold("bridge", level)), key, level + 1);
    return factor === 1 ? bundle(grid, key, level) : halved().refine(factor / 2);
  };
  return { ...grid, refine };
}

/** Each increment D over 2h split in two: D/2 ± √(h/2) Z. The last split is kept, as grids are mostly walked in order. */
function bridged(coarse: Omit<BrownianPaths, "refine">, key: Key): Omit<BrownianPaths, "refine"> {
  const { paths, sources } = coarse;
  const dt = coarse.dt / 2;
  let kept: { parent: number; halves: readonly [Float64Array, Float64Array] } | undefined;
  const split = (parent: number) => {
    const whole = coarse.increment(parent);
    const gap = fillNormal(key.fold(parent), new Float64Array(paths * sources), Math.sqrt(dt / 2));
    return [whole.map((d, i) => d / 2 + gap[i]), whole.map((d, i) => d / 2 - gap[i])] as const;
  };
  const increment = (i: number, into = new Float64Array(paths * sources)) => {
    const parent = i >> 1;
    if (kept?.parent !== parent) kept = { parent, halves: split(parent) };
    into.set(kept.halves[i & 1]);
    return into;
  };
  return { paths, sources, steps: 2 * coarse.steps, dt, increment };
}
