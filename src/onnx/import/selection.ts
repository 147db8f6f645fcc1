/** Sorting out of comparisons: the k largest along an axis. */
import {
  add,
  and,
  cast,
  constant,
  equal,
  GraphError,
  gatherElements,
  greater,
  less,
  mul,
  normalizeAxis,
  or,
  reduceSum,
  transpose,
  unsqueeze,
  type Value,
} from "../../graph/index.ts";
import { tensor } from "../../tensor/index.ts";

/**
 * The k largest (or smallest) along an axis in descending (ascending) order, and their indices; the first of equal ones comes first. The rank
 * of an element is the number of those that come before it, so the work is quadratic in the extent.
 */
export function largest(x: Value, k: number, { axis = -1, smallest = false } = {}): [values: Value, indices: Value] {
  const rank = x.shape.length;
  const along = normalizeAxis(axis, rank);
  const swap = Array.from({ length: rank }, (_, i) => (i === along ? rank - 1 : i === rank - 1 ? along : i));
  const last = transpose(x, swap);
  const n = last.shape[rank - 1];
  if (k > n || k < 0) throw new GraphError(`the ${k} largest of ${n} do not exist`);
  const [own, other] = [unsqueeze(last, [-1]), unsqueeze(last, [-2])];
  const positions = Array.from({ length: n }, (_, i) => i);
  const column = constant(tensor(positions, [n, 1], "int64"));
  const row = constant(tensor(positions, [1, n], "int64"));
  const before = or(smallest ? less(other, own) : greater(other, own), and(equal(other, own), less(row, column)));
  const place = reduceSum(cast(before, "int64"), [-1]);
  const chosen = equal(unsqueeze(place, [-2]), constant(tensor(positions.slice(0, k), [k, 1], "int64")));
  const indices = transpose(reduceSum(mul(cast(chosen, "int64"), add(row, 0)), [-1]), swap);
  return [gatherElements(x, indices, along), indices];
}
