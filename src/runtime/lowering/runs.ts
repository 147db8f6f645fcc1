/**
 * Moving runs of numbers by a list of places. The engine's transposes take one thread, and two in a row become one that moves single numbers;
 * gathering takes all threads and stays what it is.
 */
import { constant, gather, reshape, type Value } from "../../graph/index.ts";
import { size, tensor } from "../../tensor/index.ts";

/** The runs of `length` numbers that x consists of, in the order of `places`: [places, length]. */
export function gatherRuns(x: Value, length: number, places: readonly number[]): Value {
  const runs = reshape(x, [size(x.shape) / length, length]);
  const inOrder = places.length === runs.shape[0] && places.every((place, i) => place === i);
  return inOrder ? runs : gather(runs, constant(tensor(places, [places.length], "int32")));
}

/** f at every place of a grid, the last axis fastest. */
export function overGrid(extents: readonly number[], f: (place: readonly number[]) => number): number[] {
  const place = extents.map(() => 0);
  return Array.from({ length: size(extents) }, () => {
    const result = f(place);
    for (let axis = extents.length - 1; axis >= 0 && ++place[axis] === extents[axis]; axis--) place[axis] = 0;
    return result;
  });
}
