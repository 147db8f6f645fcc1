/** Choosing numbers by integer indices, and the adjoints: adding numbers at indices. Negative indices count from the end. */
import { type Shape, sameShape, size, strides, tensor } from "../../tensor/index.ts";
import { batchFirst, mergeBatch, splitBatch, walk } from "../broadcast.ts";
import { apply, constant, describe, GraphError, lift, normalizeAxis, operator, type Value } from "../value.ts";
import { add, less, where } from "./elementwise.ts";
import { expand, gatherFlat, moveAxis } from "./shape.ts";

const gatherOperator = operator<{ axis: number }>("Gather", {
  shape: ([x, indices], { axis }) => [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)],
  gradient: ([x, indices], dy, _y, { axis }) => [scatterRows(dy, indices, { axis, extent: x.shape[axis] }), null],
  reference: ([x, indices], { axis }) => {
    const inner = size(x.shape.slice(axis + 1));
    const outer = size(x.shape.slice(0, axis));
    const result = new Float64Array(outer * indices.data.length * inner);
    for (let o = 0, to = 0; o < outer; o++) {
      for (const index of indices.data) {
        const from = (o * x.shape[axis] + wrap(index, x.shape[axis])) * inner;
        result.set(x.data.subarray(from, from + inner), to);
        to += inner;
      }
    }
    return result;
  },
  batch: ([x, indices], { axis }) => {
    if (!indices.batched) return gather(x.value, indices.value, axis + 1);
    if (!x.batched) return moveAxis(gather(x.value, indices.value, axis), axis, 0);
    return moveAxis(gather(mergeBatch(x.value, axis), apart(indices.value, x.value.shape[axis + 1]), axis), axis, 0);
  },
});
/** Slices of x along an axis, chosen by an integer tensor whose shape takes the axis's place. */
export const gather = (x: Value, indices: Value, axis = 0): Value =>
  apply(gatherOperator, [x, indices], { axis: normalizeAxis(axis, x.shape.length) });

const scatterRowsOperator = operator<{ axis: number; extent: number }>("ScatterRows", {
  shape: ([x, indices], { axis, extent }) => [...x.shape.slice(0, axis), extent, ...x.shape.slice(axis + indices.shape.length)],
  gradient: ([, indices], dy, _y, { axis }) => [gather(dy, indices, axis), null],
  reference: ([x, indices], { axis, extent }, { shape }) => {
    const result = new Float64Array(size(shape));
    const inner = size(shape.slice(axis + 1));
    const outer = size(shape.slice(0, axis));
    for (let o = 0, from = 0; o < outer; o++) {
      for (const index of indices.data) {
        const to = (o * extent + wrap(index, extent)) * inner;
        for (let i = 0; i < inner; i++) result[to + i] += x.data[from++];
      }
    }
    return result;
  },
  batch: ([x, indices], { axis, extent }, batchSize) => {
    if (!indices.batched) return scatterRows(x.value, indices.value, { axis: axis + 1, extent });
    const inner = moveAxis(batchFirst(x, batchSize), 0, axis);
    return splitBatch(scatterRows(inner, apart(indices.value, extent), { axis, extent: batchSize * extent }), batchSize, axis);
  },
});
/** The adjoint of `gather`: sums slices into zeros with `extent` places along the axis. Not in ONNX. */
export const scatterRows = (x: Value, indices: Value, attributes: { axis: number; extent: number }): Value =>
  apply(scatterRowsOperator, [x, indices], attributes);

const gatherElementsOperator = operator<{ axis: number }>("GatherElements", {
  shape: ([x, indices]) => {
    if (x.shape.length !== indices.shape.length)
      throw new GraphError(`GatherElements of ${describe(x)} by ${describe(indices)}: ranks differ`);
    return indices.shape;
  },
  gradient: ([x, indices], dy, _y, { axis }) => [scatterElements(expand(lift(0, x), x.shape), indices, dy, axis), null],
  reference: ([x, indices], { axis }) => gatherFlat(x.data, elementPlaces(x.shape, indices, axis)),
  batch: (inputs, { axis }, batchSize) => gatherElements(batchFirst(inputs[0], batchSize), batchFirst(inputs[1], batchSize), axis + 1),
});
/** result[i][j] = x[indices[i][j]][j] for axis 0, and so on. */
export const gatherElements = (x: Value, indices: Value, axis: number): Value =>
  apply(gatherElementsOperator, [x, indices], { axis: normalizeAxis(axis, x.shape.length) });

const scatterElementsOperator = operator<{ axis: number }>("ScatterElements", {
  shape: ([x, indices, updates]) => {
    if (x.shape.length !== indices.shape.length || !sameShape(indices.shape, updates.shape))
      throw new GraphError(`ScatterElements of ${describe(updates)} by ${describe(indices)} into ${describe(x)} does not fit`);
    return x.shape;
  },
  gradient: ([, indices], dy, _y, { axis }) => [dy, null, gatherElements(dy, indices, axis)],
  reference: ([x, indices, updates], { axis }) => {
    const result = x.data.slice();
    const places = elementPlaces(x.shape, indices, axis);
    for (let i = 0; i < places.length; i++) result[places[i]] += updates.data[i];
    return result;
  },
  batch: (inputs, { axis }, batchSize) => {
    const [x, indices, updates] = inputs.map((argument) => batchFirst(argument, batchSize));
    return scatterElements(x, indices, updates, axis + 1);
  },
});
/** x with `updates` added at the places that `gatherElements` would read (ONNX ScatterElements with reduction "add"). */
export const scatterElements = (x: Value, indices: Value, updates: Value, axis: number): Value =>
  apply(scatterElementsOperator, [x, indices, updates], { axis: normalizeAxis(axis, x.shape.length) });

const oneHotOperator = operator<{ depth: number; to: "float32" | "float64" }>("OneHot", {
  shape: ([indices], { depth }) => [...indices.shape, depth],
  dtype: (_, { to }) => to,
  gradient: "zero",
  reference: ([indices], { depth }) => {
    const result = new Float64Array(indices.data.length * depth);
    for (const [i, index] of indices.data.entries()) {
      if (index >= -depth && index < depth) result[i * depth + wrap(index, depth)] = 1;
    }
    return result;
  },
  batch: ([indices], { depth, to }) => oneHot(indices.value, depth, to),
});
/** Integers as unit vectors along a new last axis: [...] → [..., depth]; zeros for those outside −depth … depth − 1. */
export const oneHot = (indices: Value, depth: number, to: "float32" | "float64" = "float32"): Value =>
  apply(oneHotOperator, [indices], { depth, to });

/** Indices [B, …] into `extent` places each, as indices into all B · extent places. */
function apart(indices: Value, extent: number): Value {
  const [batch, ...rest] = indices.shape;
  const first = Array.from({ length: batch }, (_, b) => b * extent);
  const positive = where(less(indices, 0), add(indices, extent), indices);
  return add(positive, constant(tensor(first, [batch, ...rest.map(() => 1)], indices.dtype)));
}

function elementPlaces(shape: Shape, indices: { shape: Shape; data: Float64Array }, axis: number): Int32Array {
  const own = strides(shape);
  const places = walk(
    indices.shape,
    own.map((stride, a) => (a === axis ? 0 : stride)),
  );
  for (let i = 0; i < places.length; i++) places[i] += wrap(indices.data[i], shape[axis]) * own[axis];
  return places;
}

/** The index counted from the front. @throws GraphError when it lies outside. */
function wrap(index: number, extent: number): number {
  if (!(index >= -extent && index < extent)) throw new GraphError(`index ${index} lies outside the ${extent} places of its axis`);
  return index < 0 ? index + extent : index;
}
