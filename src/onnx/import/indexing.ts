/** Reading and writing at places given by integers. */
import {
  add,
  cast,
  concat,
  constant,
  evaluate,
  expand,
  gather,
  gatherElements,
  greater,
  isFloat,
  less,
  max,
  min,
  mul,
  oneHot,
  reduceSum,
  reshape,
  scatterElements,
  scatterRows,
  sliceAxis,
  transpose,
  type Value,
  where,
} from "../../graph/index.ts";
import { size, strides, tensor, zeros } from "../../tensor/index.ts";
import type { NodeReader } from "../reader.ts";
import type { ImportRules } from "./rule.ts";

export const indexing: ImportRules = {
  Gather: (node) => gather(node.input(0), node.input(1), node.integer("axis", 0)),
  GatherElements: (node) => gatherElements(node.input(0), node.input(1), node.integer("axis", 0)),
  GatherND: gatherNd,
  Scatter: (node) => scatterAlong(node),
  ScatterElements: (node) => scatterAlong(node),
  ScatterND: scatterNd,
  /** `values[1]` at the place along the axis that the index names, `values[0]` elsewhere; indices outside name no place. */
  OneHot: (node) => {
    const indices = node.input(0);
    const depth = node.scalar(1);
    const values = node.input(2);
    const axis = node.integer("axis", -1);
    const whole = isFloat(indices.dtype) ? cast(indices, "int64") : indices;
    const hot = oneHot(whole, depth);
    const rank = hot.shape.length;
    const target = axis < 0 ? axis + rank : axis;
    const order = Array.from({ length: rank - 1 }, (_, i) => i);
    const moved = transpose(hot, [...order.slice(0, target), rank - 1, ...order.slice(target)]);
    const [off, on] = [gather(values, index(0)), gather(values, index(1))];
    return where(greater(moved, 0.5), on, off);
  },
  /** The first `lengths[b]` steps of each sequence in reverse. */
  ReverseSequence: (node) => {
    const x = node.input(0);
    const [batchAxis, timeAxis] = [node.integer("batch_axis", 1), node.integer("time_axis", 0)];
    const reversed = node.known(1).map((length, b) => {
      const one = sliceAxis(x, batchAxis, b, b + 1);
      const places = Array.from({ length: x.shape[timeAxis] }, (_, t) => (t < length ? length - 1 - t : t));
      return gather(one, constant(tensor(places, [places.length], "int64")), timeAxis);
    });
    return concat(reversed, batchAxis);
  },
};

const index = (i: number) => constant(tensor([i], [], "int64"));

/** Each last-axis vector of the indices names a place in the leading axes of x (behind the batch axes). */
function gatherNd(node: NodeReader): Value {
  const [x, indices] = [node.input(0), node.input(1)];
  const batch = node.integer("batch_dims", 0);
  const depth = indices.shape[indices.shape.length - 1];
  const indexed = x.shape.slice(batch, batch + depth);
  const inner = x.shape.slice(batch + depth);
  const batches = size(x.shape.slice(0, batch));
  const places = reshape(flatPlaces(indices, indexed), [batches, -1]);
  const starts = Array.from({ length: batches }, (_, b) => b * size(indexed));
  const all = add(places, constant(tensor(starts, [batches, 1], places.dtype)));
  const rows = gather(reshape(x, [batches * size(indexed), size(inner)]), reshape(all, [-1]));
  return reshape(rows, [...indices.shape.slice(0, -1), ...inner]);
}

/** x with slices at given places replaced, or combined with what is there. Where several name one place without a reduction, their order is open. */
function scatterNd(node: NodeReader): Value {
  const [x, indices, updates] = [node.input(0), node.input(1), node.input(2)];
  const depth = indices.shape[indices.shape.length - 1];
  const [indexed, inner] = [x.shape.slice(0, depth), x.shape.slice(depth)];
  const places = reshape(flatPlaces(indices, indexed), [-1]);
  const rows = reshape(updates, [-1, size(inner)]);
  const flat = reshape(x, [size(indexed), size(inner)]);
  const spread = (value: Value) => scatterRows(value, places, { axis: 0, extent: size(indexed) });
  const combined = combine(node, flat, rows, {
    add: () => add(flat, spread(rows)),
    sum: spread,
    read: (value) => gather(value, places),
  });
  return reshape(combined, x.shape);
}

function scatterAlong(node: NodeReader): Value {
  const [x, indices, updates] = [node.input(0), node.input(1), node.input(2)];
  const axis = node.integer("axis", 0);
  const nothing = constant(zeros(x.shape, x.dtype));
  return combine(node, x, updates, {
    add: () => scatterElements(x, indices, updates, axis),
    sum: (value) => scatterElements(cast(nothing, value.dtype), indices, value, axis),
    read: (value) => gatherElements(value, indices, axis),
  });
}

interface Places {
  add(): Value;
  /** Values summed into zeros at the places. */
  sum(values: Value): Value;
  /** What stands at the places. */
  read(values: Value): Value;
}

/**
 * Scattering with a reduction, in terms of sums, which is right as long as no place is named twice: ONNX asks for that where nothing is
 * combined; the other reductions are refused where it cannot be seen.
 */
function combine(node: NodeReader, x: Value, updates: Value, places: Places): Value {
  const reduction = node.text("reduction", "none");
  if (reduction === "add") return places.add();
  const replaced: Readonly<Record<string, () => Value>> = {
    none: () => updates,
    mul: () => mul(places.read(x), updates),
    max: () => max(places.read(x), updates),
    min: () => min(places.read(x), updates),
  };
  const news = (replaced[reduction] ?? node.fail(`scatters with the unknown reduction "${reduction}"`))();
  const wide = x.dtype === "bool" ? cast(news, "int32") : news;
  const hits = places.sum(expand(constant(tensor([1], [], wide.dtype)), wide.shape));
  if (!node.isKnown(1) && reduction !== "none")
    node.fail(`scatters with the reduction "${reduction}" at places that depend on the model's inputs`);
  if (node.isKnown(1) && evaluate([hits])[0].data.some((count) => count > 1)) node.fail("writes one place twice");
  const written = cast(places.sum(wide), x.dtype);
  return where(greater(hits, 0), written, x);
}

/** Row-major places in `shape` of index vectors on the last axis; negative indices count from the end. */
function flatPlaces(indices: Value, shape: readonly number[]): Value {
  const wide = cast(indices, "int64");
  const extents = constant(tensor(shape, [shape.length], "int64"));
  const positive = where(less(wide, 0), add(wide, extents), wide);
  return reduceSum(mul(positive, constant(tensor(strides(shape), [shape.length], "int64"))), [-1]);
}
