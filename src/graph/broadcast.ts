/** NumPy-style broadcasting: shapes, its adjoint, and index arithmetic for the reference rules. */
import { type Shape, sameShape, size, strides } from "../tensor/index.ts";
import { reduceSum } from "./operators/reduce.ts";
import { expand, moveAxis, reshape } from "./operators/shape.ts";
import { type BatchArgument, GraphError, type Numbers, type Value } from "./value.ts";

/** The common shape of several. @throws GraphError when an extent differs and is not 1. */
export function broadcastShapes(...shapes: readonly Shape[]): Shape {
  const rank = Math.max(0, ...shapes.map((shape) => shape.length));
  return Array.from({ length: rank }, (_, axis) => {
    let extent = 1;
    for (const shape of shapes) {
      const own = shape[axis - rank + shape.length] ?? 1;
      if (own !== 1 && extent !== 1 && own !== extent)
        throw new GraphError(`shapes ${shapes.map((s) => `[${s}]`).join(" and ")} do not broadcast`);
      if (own !== 1) extent = own;
    }
    return extent;
  });
}

/** The adjoint of broadcasting: sums a cotangent over the axes along which `shape` was repeated. */
export function sumTo(dy: Value, shape: Shape): Value {
  if (sameShape(dy.shape, shape)) return dy;
  const offset = dy.shape.length - shape.length;
  const axes = dy.shape.flatMap((extent, axis) => (axis < offset || (shape[axis - offset] === 1 && extent !== 1) ? [axis] : []));
  return reshape(axes.length > 0 ? reduceSum(dy, axes, { keepDimensions: true }) : dy, shape);
}

/** The value repeated to a shape it broadcasts to. */
export function broadcastTo(value: Value, shape: Shape): Value {
  return sameShape(value.shape, shape) ? value : expand(value, shape);
}

/** For each element of `target`, the index of the element of `source` that broadcasting puts there. */
export function broadcastIndices(source: Shape, target: Shape): Int32Array {
  const own = strides(source);
  const offset = target.length - source.length;
  const steps = target.map((_, axis) => (axis < offset || source[axis - offset] === 1 ? 0 : own[axis - offset]));
  return walk(target, steps);
}

/** Row-major enumeration of `shape`: the inner product of each multi-index with `steps`, from `start`. */
export function walk(shape: Shape, steps: readonly number[], start = 0): Int32Array {
  let indices = Int32Array.of(start);
  for (let axis = 0; axis < shape.length; axis++) {
    const extent = shape[axis];
    const next = new Int32Array(indices.length * extent);
    for (let i = 0; i < indices.length; i++) {
      for (let j = 0; j < extent; j++) next[i * extent + j] = indices[i] + j * steps[axis];
    }
    indices = next;
  }
  return indices;
}

/** Element-wise function of broadcast arguments. */
export function mapBroadcast(inputs: readonly Numbers[], shape: Shape, f: (...values: number[]) => number): Float64Array {
  const length = size(shape);
  const result = new Float64Array(length);
  const maps = inputs.map((x) => (sameShape(x.shape, shape) ? undefined : broadcastIndices(x.shape, shape)));
  const values = new Array<number>(inputs.length);
  for (let i = 0; i < length; i++) {
    for (let k = 0; k < inputs.length; k++) {
      const map = maps[k];
      values[k] = inputs[k].data[map ? map[i] : i];
    }
    result[i] = f(...values);
  }
  return result;
}

/** Batched arguments with ones put behind the batch axis, so that they broadcast among each other and with unbatched ones. */
export function alignBatch(inputs: readonly BatchArgument[]): Value[] {
  const rank = Math.max(...inputs.map(({ value, batched }) => value.shape.length - (batched ? 1 : 0)));
  return inputs.map(({ value, batched }) => {
    if (!batched) return value;
    const [batch, ...rest] = value.shape;
    return reshape(value, [batch, ...new Array<number>(rank - rest.length).fill(1), ...rest]);
  });
}

/** An argument with the batch on its leading axis, repeated when it was the same for all. */
export function batchFirst({ value, batched }: BatchArgument, batchSize: number): Value {
  return batched ? value : broadcastTo(reshape(value, [1, ...value.shape]), [batchSize, ...value.shape]);
}

/**
 * [B, …] with the batch merged into an axis of the member: an extent g·r becomes g·B·r, so that with g = 1 the batch leads and with g > 1 it
 * stands within each of g groups.
 */
export function mergeBatch(x: Value, axis: number, groups = 1): Value {
  const [batch, ...member] = x.shape;
  const [before, extent, after] = [member.slice(0, axis), member[axis], member.slice(axis + 1)];
  const split = reshape(x, [batch, ...before, groups, extent / groups, ...after]);
  return reshape(moveAxis(split, 0, axis + 1), [...before, batch * extent, ...after]);
}

/** The inverse of `mergeBatch`: an extent g·B·r becomes g·r, and the batch leads. */
export function splitBatch(x: Value, batch: number, axis: number, groups = 1): Value {
  const [before, extent, after] = [x.shape.slice(0, axis), x.shape[axis] / batch, x.shape.slice(axis + 1)];
  const split = reshape(x, [...before, groups, batch, extent / groups, ...after]);
  return reshape(moveAxis(split, axis + 1, 0), [batch, ...before, extent, ...after]);
}
