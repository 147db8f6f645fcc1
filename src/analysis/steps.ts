/**
 * Steps X ← X − pull(X, drive, dt) of many copies of a learner, many steps at once. Shares of the copies are followed beside each other, each on a lane,
 * which meet only after the last step. Between steps the copies are the last axis of a state, as they are within (`vmap`'s `innermost`).
 */
import { cast, input, sub, transpose, type Value } from "../graph/index.ts";
import { compile, laneCount } from "../runtime/index.ts";
import { alignedZeros, type FloatDType, type Tensor, tensor } from "../tensor/index.ts";
import { manyCopies, overCopies, type Releasable, smallStep, type TrainingSet } from "./copies.ts";

/** Compiled steps. */
export interface Steps extends Releasable {
  /** X [copies, p] after a step for each of the drives [copies, drives], all of which stay; it may be written to `into`. */
  follow(X: Float64Array, dt: number, drives: readonly Float64Array[], into?: Float64Array): Promise<Float64Array>;
}

/** Makes [p] of the weights θ [p], the drive and dt of one copy, and the examples. */
export type Pull = (inputs: Record<"θ" | "drive" | "dt", Value>, x: Value, y: Value) => Value;

/**
 * Compiles the steps. The pull is computed in the given precision (default: float64), weights are added up in float64.
 * @throws RangeError when there are not as many labels as examples.
 */
export async function compileSteps(
  data: TrainingSet,
  { copies, precision, weights: p, drives: m }: { copies: number; precision?: FloatDType; weights: number; drives: number },
  pull: Pull,
): Promise<Steps> {
  const shares = await sharesOf(copies, data.x.shape[0]);
  const followers = await Promise.all(
    shares.map(async ({ first, count, lane, threads }) => {
      const innermost = count >= manyCopies;
      const turned = (value: Value) => (innermost ? transpose(value) : value);
      const X = input("X", innermost ? [p, count] : [count, p], "float64");
      const [drive, dt] = [input("drive", [count, m], "float64"), input("dt", [], "float64")];
      const pulls = overCopies(data, { copies: count, precision, shared: ["dt"] }, { θ: turned(X), drive, dt }, (inputs, x, y) => ({
        pull: pull(inputs, x, y),
      }));
      const next = sub(X, cast(turned(pulls.pull), "float64"));
      const executable = await compile({ X, drive, dt }, { X: next }, { lane, threads });
      const spare: Tensor[][] = [];
      const follow = async (from: Float64Array, step: number, drives: readonly Float64Array[], into: Float64Array) => {
        const [start, end] = spare.pop() ?? alignedZeros([X, X]);
        const rows = { first, count, width: p, innermost };
        moveRows(from, start.data as Float64Array, rows, "in");
        const each = drives.map((all) => ({ drive: tensor(all.subarray(first * m, (first + count) * m), [count, m], "float64") }));
        const feeds = { X: start, dt: tensor(Float64Array.of(step), [], "float64") };
        await executable.iterate(feeds, { each, carry: { X: "X" } }, { X: end });
        moveRows(into, end.data as Float64Array, rows, "out");
        spare.push([start, end]);
      };
      return { follow, release: executable.release };
    }),
  );
  return {
    follow: async (X, dt, drives, into = new Float64Array(copies * p)) => {
      // All are waited for, also where one fails: a lane must not be left at work.
      const ends = await Promise.allSettled(followers.map(({ follow }) => follow(X, dt, drives, into)));
      for (const end of ends) if (end.status === "rejected") throw end.reason;
      return into;
    },
    release: async () => void (await Promise.all(followers.map(({ release }) => release()))),
  };
}

/** Some of the copies, from `first` on, and where they are computed. */
interface Share {
  first: number;
  count: number;
  lane: number;
  threads?: number;
}

/** The copies dealt out to lanes, of which each gets enough to do; all to this thread where they are few. */
async function sharesOf(copies: number, examples: number): Promise<Share[]> {
  if (copies * examples < smallStep) return [{ first: 0, count: copies, lane: 0, threads: 1 }];
  const lanes = Math.min(await laneCount(), Math.floor(copies / manyCopies), Math.floor((2 * copies * examples) / smallStep));
  if (lanes <= 1) return [{ first: 0, count: copies, lane: 0 }];
  const bounds = Array.from({ length: lanes + 1 }, (_, lane) => Math.floor((lane * copies) / lanes));
  return Array.from({ length: lanes }, (_, lane) => ({ first: bounds[lane], count: bounds[lane + 1] - bounds[lane], lane, threads: 1 }));
}

/** Moves rows of `all` [copies, width] to or from a share of them, [width, count] where the copies are its innermost axis. */
function moveRows(
  all: Float64Array,
  share: Float64Array,
  { first, count, width, innermost }: { first: number; count: number; width: number; innermost: boolean },
  way: "in" | "out",
): void {
  const [down, right] = innermost ? [1, count] : [width, 1];
  for (let row = 0; row < count; row++) {
    for (let i = 0; i < width; i++) {
      const [at, there] = [(first + row) * width + i, row * down + i * right];
      if (way === "in") share[there] = all[at];
      else all[at] = share[there];
    }
  }
}
