/** Operators that move numbers without changing them: reshaping, transposing, repeating, slicing, padding, joining. */
import { type Shape, sameShape, size, strides } from "../../tensor/index.ts";
import { batchFirst, broadcastIndices, broadcastShapes, sumTo, walk } from "../broadcast.ts";
import { apply, describe, GraphError, lift, normalizeAxis, type Operator, operator, type Value } from "../value.ts";

const reshapeOperator = operator<{ shape: Shape }>("Reshape", {
  shape: ([x], { shape }) => {
    if (size(shape) !== size(x.shape)) throw new GraphError(`${describe(x)} cannot take the shape [${shape}]`);
    return shape;
  },
  gradient: ([x], dy) => [reshape(dy, x.shape)],
  reference: ([x]) => x.data,
  batch: ([x], { shape }, batchSize) => reshape(x.value, [batchSize, ...shape]),
});
/** The same numbers in the same order under another shape; one extent may be −1 and follows from the others. */
export function reshape(x: Value, shape: Shape): Value {
  const open = shape.indexOf(-1);
  const known = size(shape.filter((extent) => extent !== -1));
  const target = open < 0 ? shape : shape.map((extent) => (extent === -1 ? size(x.shape) / known : extent));
  return sameShape(target, x.shape) ? x : apply(reshapeOperator, [x], { shape: [...target] });
}

/** From axis `axis` on, everything in one axis (default 1: [N, …] → [N, features]). */
export function flatten(x: Value, axis = 1): Value {
  return reshape(x, [size(x.shape.slice(0, axis)), size(x.shape.slice(axis))]);
}

/** Inserts axes of extent 1, counted in the result. */
export function unsqueeze(x: Value, axes: readonly number[]): Value {
  const rank = x.shape.length + axes.length;
  const positive = axes.map((axis) => normalizeAxis(axis, rank));
  const rest = [...x.shape];
  return reshape(
    x,
    Array.from({ length: rank }, (_, axis) => (positive.includes(axis) ? 1 : (rest.shift() as number))),
  );
}

/** Drops axes of extent 1 (default: all of them). */
export function squeeze(x: Value, axes = x.shape.flatMap((extent, axis) => (extent === 1 ? [axis] : []))): Value {
  const positive = axes.map((axis) => normalizeAxis(axis, x.shape.length));
  if (positive.some((axis) => x.shape[axis] !== 1)) throw new GraphError(`${describe(x)} cannot lose axes [${axes}]`);
  return reshape(
    x,
    x.shape.filter((_, axis) => !positive.includes(axis)),
  );
}

const transposeOperator = operator<{ permutation: readonly number[] }>("Transpose", {
  shape: ([x], { permutation }) => {
    const isPermutation = permutation.length === x.shape.length && [...permutation].sort((a, b) => a - b).every((axis, i) => axis === i);
    if (!isPermutation) throw new GraphError(`[${permutation}] is not a permutation of the axes of ${describe(x)}`);
    return permutation.map((axis) => x.shape[axis]);
  },
  gradient: (_, dy, _y, { permutation }) => [transpose(dy, invert(permutation))],
  reference: ([x], { permutation }, { shape }) => {
    const own = strides(x.shape);
    return gatherFlat(
      x.data,
      walk(
        shape,
        permutation.map((axis) => own[axis]),
      ),
    );
  },
  batch: ([x], { permutation }) => transpose(x.value, [0, ...permutation.map((axis) => axis + 1)]),
});
/** Axis i of the result is axis permutation[i] of x (default: reversed). */
export function transpose(x: Value, permutation: readonly number[] = x.shape.map((_, axis) => x.shape.length - 1 - axis)): Value {
  return permutation.every((axis, i) => axis === i) && permutation.length === x.shape.length
    ? x
    : apply(transposeOperator, [x], { permutation });
}

/** Axis `from` brought to place `to`, the others in their order. */
export function moveAxis(x: Value, from: number, to: number): Value {
  const others = x.shape.flatMap((_, axis) => (axis === from ? [] : [axis]));
  return transpose(x, [...others.slice(0, to), from, ...others.slice(to)]);
}

/** The last two axes exchanged. */
export function transposeLast(x: Value): Value {
  const rank = x.shape.length;
  return transpose(
    x,
    x.shape.map((_, axis) => (axis < rank - 2 ? axis : 2 * rank - 3 - axis)),
  );
}

const expandOperator = operator<{ shape: Shape }>("Expand", {
  shape: ([x], { shape }) => {
    if (!sameShape(broadcastShapes(x.shape, shape), shape)) throw new GraphError(`${describe(x)} does not expand to [${shape}]`);
    return shape;
  },
  gradient: ([x], dy) => [sumTo(dy, x.shape)],
  reference: ([x], { shape }) => gatherFlat(x.data, broadcastIndices(x.shape, shape)),
  batch: (inputs, { shape }, batchSize) => {
    const [x] = inputs;
    const rank = shape.length - x.value.shape.length + 1;
    const [batch, ...rest] = x.value.shape;
    return expand(reshape(x.value, [batch, ...new Array<number>(rank).fill(1), ...rest]), [batchSize, ...shape]);
  },
});
/** Repeats axes of extent 1 (and missing leading ones) to a shape. */
export const expand = (x: Value, shape: Shape): Value =>
  sameShape(x.shape, shape) ? x : apply(expandOperator, [x], { shape: [...shape] });

const concatOperator = operator<{ axis: number }>("Concat", {
  shape: (inputs, { axis }) => {
    const [first] = inputs;
    for (const x of inputs) {
      const fits = x.shape.length === first.shape.length && x.shape.every((extent, i) => i === axis || extent === first.shape[i]);
      if (!fits || x.dtype !== first.dtype)
        throw new GraphError(`Concat along axis ${axis} of ${inputs.map(describe).join(", ")} does not fit`);
    }
    return first.shape.map((extent, i) => (i === axis ? inputs.reduce((total, x) => total + x.shape[axis], 0) : extent));
  },
  gradient: (inputs, dy, _y, { axis }) => {
    let start = 0;
    return inputs.map((x) => sliceAxis(dy, axis, start, (start += x.shape[axis])));
  },
  reference: (inputs, { axis }, { shape }) => {
    const result = new Float64Array(size(shape));
    const inner = size(shape.slice(axis + 1));
    const outer = size(shape.slice(0, axis));
    let offset = 0;
    for (const x of inputs) {
      const width = x.shape[axis] * inner;
      for (let i = 0; i < outer; i++) result.set(x.data.subarray(i * width, (i + 1) * width), i * shape[axis] * inner + offset);
      offset += width;
    }
    return result;
  },
  batch: (inputs, { axis }, batchSize) =>
    concat(
      inputs.map((x) => batchFirst(x, batchSize)),
      axis + 1,
    ),
});
/** Joins values along an axis. */
export function concat(values: readonly Value[], axis: number): Value {
  return values.length === 1 ? values[0] : apply(concatOperator, values, { axis: normalizeAxis(axis, values[0].shape.length) });
}

/** `values` of one shape put side by side along a new axis. */
export function stack(values: readonly Value[], axis = 0): Value {
  return concat(
    values.map((x) => unsqueeze(x, [axis])),
    axis,
  );
}

type SliceAttributes = { starts: readonly number[]; steps: readonly number[]; extents: readonly number[] };
const sliceOperator: Operator<SliceAttributes> = operator<SliceAttributes>("Slice", {
  shape: ([x], { starts, steps, extents }) => {
    extents.forEach((extent, axis) => {
      const last = starts[axis] + (extent - 1) * steps[axis];
      const inside = (i: number) => i >= 0 && i < x.shape[axis];
      if (extent > 0 && !(inside(starts[axis]) && inside(last)))
        throw new GraphError(`a slice from ${starts[axis]} to ${last} leaves axis ${axis} of ${describe(x)}`);
    });
    return extents;
  },
  gradient: ([x], dy, _y, attributes) => [unslice(dy, x.shape, attributes)],
  reference: ([x], { starts, steps }, { shape }) => {
    const own = strides(x.shape);
    const start = starts.reduce((total, s, axis) => total + s * own[axis], 0);
    return gatherFlat(
      x.data,
      walk(
        shape,
        steps.map((s, axis) => s * own[axis]),
        start,
      ),
    );
  },
  batch: ([x], { starts, steps, extents }, batchSize) =>
    apply(sliceOperator, [x.value], { starts: [0, ...starts], steps: [1, ...steps], extents: [batchSize, ...extents] }),
});
/** Every steps[i]-th number of axis i, extents[i] of them, from starts[i] on. */
export const slice = (x: Value, attributes: SliceAttributes): Value =>
  sameShape(attributes.extents, x.shape) && attributes.starts.every((s) => s === 0) && attributes.steps.every((s) => s === 1)
    ? x
    : apply(sliceOperator, [x], attributes);

/** Positions `start` to `end` (exclusive) of one axis. */
export function sliceAxis(x: Value, axis: number, start: number, end: number): Value {
  const i = normalizeAxis(axis, x.shape.length);
  return slice(x, {
    starts: x.shape.map((_, a) => (a === i ? start : 0)),
    steps: x.shape.map(() => 1),
    extents: x.shape.map((extent, a) => (a === i ? end - start : extent)),
  });
}

/** The adjoint of `slice`: zeros of `shape` with `dy` at the sliced places. Steps other than ±1 spread over a padded grid. */
function unslice(dy: Value, shape: Shape, { starts, steps }: SliceAttributes): Value {
  if (size(dy.shape) === 0) return expand(lift(0, dy), shape);
  let value = dy;
  for (const [axis, s] of steps.entries()) {
    if (s < 0) value = reverse(value, axis);
  }
  const low = starts.map((s, axis) => (steps[axis] < 0 ? s + (dy.shape[axis] - 1) * steps[axis] : s));
  for (const [axis, s] of steps.entries()) {
    if (Math.abs(s) > 1) value = dilate(value, axis, Math.abs(s));
  }
  return pad(value, { before: low, after: shape.map((extent, axis) => extent - low[axis] - value.shape[axis]) });
}

/** The order of one axis turned round. */
export function reverse(x: Value, axis: number): Value {
  if (x.shape[axis] <= 1) return x;
  return apply(sliceOperator, [x], {
    starts: x.shape.map((extent, a) => (a === axis ? extent - 1 : 0)),
    steps: x.shape.map((_, a) => (a === axis ? -1 : 1)),
    extents: x.shape,
  });
}

/** `factor` − 1 zeros between neighbours along an axis. */
export function dilate(x: Value, axis: number, factor: number): Value {
  const extent = x.shape[axis];
  if (factor === 1 || extent === 0) return x;
  const split = unsqueeze(x, [axis + 1]);
  const padded = pad(split, { before: split.shape.map(() => 0), after: split.shape.map((_, a) => (a === axis + 1 ? factor - 1 : 0)) });
  const joined = reshape(
    padded,
    x.shape.map((e, a) => (a === axis ? e * factor : e)),
  );
  return sliceAxis(joined, axis, 0, (extent - 1) * factor + 1);
}

type PadAttributes = { before: readonly number[]; after: readonly number[]; value?: number };
const padOperator = operator<PadAttributes>("Pad", {
  shape: ([x], { before, after }) => {
    if ([...before, ...after].some((n) => n < 0)) throw new GraphError(`Pad by [${before}] and [${after}]: a negative pad is a slice`);
    return x.shape.map((extent, axis) => before[axis] + extent + after[axis]);
  },
  gradient: ([x], dy, _y, { before }) => [slice(dy, { starts: before, steps: before.map(() => 1), extents: x.shape })],
  reference: ([x], { before, value = 0 }, { shape }) => {
    const result = new Float64Array(size(shape)).fill(value);
    const own = strides(shape);
    const places = walk(
      x.shape,
      own,
      before.reduce((total, n, axis) => total + n * own[axis], 0),
    );
    for (let i = 0; i < places.length; i++) result[places[i]] = x.data[i];
    return result;
  },
  batch: ([x], { before, after, value }) => pad(x.value, { before: [0, ...before], after: [0, ...after], value }),
});
/** Puts `value` (default 0) before and after every axis. */
export const pad = (x: Value, attributes: PadAttributes): Value =>
  [...attributes.before, ...attributes.after].every((n) => n === 0) ? x : apply(padOperator, [x], attributes);

/** Repeats the whole of each axis. */
export function tile(x: Value, repeats: readonly number[]): Value {
  const paired = reshape(
    x,
    x.shape.flatMap((extent) => [1, extent]),
  );
  const repeated = expand(
    paired,
    x.shape.flatMap((extent, axis) => [repeats[axis], extent]),
  );
  return reshape(
    repeated,
    x.shape.map((extent, axis) => extent * repeats[axis]),
  );
}

/** The numbers at given flat places. */
export function gatherFlat(data: Float64Array, places: Int32Array): Float64Array {
  const result = new Float64Array(places.length);
  for (let i = 0; i < places.length; i++) result[i] = data[places[i]];
  return result;
}

function invert(permutation: readonly number[]): number[] {
  const inverse = new Array<number>(permutation.length);
  permutation.forEach((axis, i) => {
    inverse[axis] = i;
  });
  return inverse;
}
