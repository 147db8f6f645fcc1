/** Pooling over windows of the spatial axes of [N, C, …spatial]. */
import { type Shape, sameShape, size } from "../../tensor/index.ts";
import { batchFirst, mergeBatch, splitBatch } from "../broadcast.ts";
import { apply, type BatchArgument, describe, GraphError, type Numbers, type Operator, operator, type Value } from "../value.ts";
import { reduceMean } from "./reduce.ts";
import { perAxis, type WindowAttributes, type WindowOptions, windowAttributes, windowCounts, windowPlaces } from "./window.ts";

/** Strides default to the kernel's extents, so that windows are disjoint. */
export interface PoolOptions extends WindowOptions {
  /** Whether a last window may stick out behind the input. */
  ceil?: boolean;
}
export interface AveragePoolOptions extends PoolOptions {
  /** Whether a window's mean counts the zeros of the padding. */
  countIncludePad?: boolean;
}
type PoolAttributes = WindowAttributes & { kernel: readonly number[]; ceil: boolean };
type AverageAttributes = PoolAttributes & { countIncludePad: boolean };

/** The maximum of each window; the padding is never the maximum. @throws GraphError when a window could hold nothing but padding. */
export const maxPool = (x: Value, kernel: number | readonly number[], options: PoolOptions = {}): Value =>
  apply(maxPoolOperator, [x], poolAttributes(x, kernel, options));

/** The mean of each window, over the input's places in it or, with `countIncludePad`, over the padding's too. */
export const averagePool = (x: Value, kernel: number | readonly number[], options: AveragePoolOptions = {}): Value =>
  apply(averagePoolOperator, [x], { ...poolAttributes(x, kernel, options), countIncludePad: options.countIncludePad ?? false });

/** The mean over all spatial axes, which stay with extent 1. */
export const globalAveragePool = (x: Value): Value =>
  reduceMean(
    x,
    x.shape.flatMap((_, axis) => (axis >= 2 ? [axis] : [])),
    { keepDimensions: true },
  );

const maxPoolOperator: Operator<PoolAttributes> = operator<PoolAttributes>("MaxPool", {
  shape: ([x], attributes) => pooledShape(x.shape, attributes),
  gradient: ([x], dy, _y, attributes) => [apply(maxPoolGradOperator, [x, dy], attributes)],
  reference: ([x], attributes, { shape }) => Float64Array.from(firstMaxima(x, attributes, shape), (at) => x.data[at]),
  batch: ([x], attributes, batchSize) => splitBatch(apply(maxPoolOperator, [mergeBatch(x.value, 0)], attributes), batchSize, 0),
});

/** (x, dy) → each dy added at the first maximum of its window of x, as in PyTorch. Not in ONNX. */
const maxPoolGradOperator: Operator<PoolAttributes> = operator<PoolAttributes>("MaxPoolGrad", {
  shape: ([x, dy], attributes) => {
    fits(dy, pooledShape(x.shape, attributes));
    return x.shape;
  },
  gradient: ([x], u, _y, attributes) => [null, apply(maxPoolGatherOperator, [x, u], attributes)],
  reference: ([x, dy], attributes) => {
    const result = new Float64Array(x.data.length);
    for (const [i, at] of firstMaxima(x, attributes, dy.shape).entries()) result[at] += dy.data[i];
    return result;
  },
  batch: (inputs, attributes, batchSize) => eachMerged(maxPoolGradOperator, inputs, attributes, batchSize),
});

/** (x, v) → v at the first maximum of each window of x: the adjoint of MaxPoolGrad. Not in ONNX. */
const maxPoolGatherOperator: Operator<PoolAttributes> = operator<PoolAttributes>("MaxPoolGather", {
  shape: ([x, v], attributes) => {
    fits(v, x.shape);
    return pooledShape(x.shape, attributes);
  },
  gradient: ([x], dy, _y, attributes) => [null, apply(maxPoolGradOperator, [x, dy], attributes)],
  reference: ([x, v], attributes, { shape }) => Float64Array.from(firstMaxima(x, attributes, shape), (at) => v.data[at]),
  batch: (inputs, attributes, batchSize) => eachMerged(maxPoolGatherOperator, inputs, attributes, batchSize),
});

const averagePoolOperator: Operator<AverageAttributes> = operator<AverageAttributes>("AveragePool", {
  shape: ([x], attributes) => pooledShape(x.shape, attributes),
  gradient: ([x], dy, _y, attributes) => [apply(averagePoolGradOperator, [dy], { ...attributes, spatial: x.shape.slice(2) })],
  reference: ([x], attributes, { shape }) => {
    const result = new Float64Array(size(shape));
    forEachMean(x.shape, shape, attributes, (i, at, divisor) => {
      result[i] += x.data[at] / divisor;
    });
    return result;
  },
  batch: ([x], attributes, batchSize) => splitBatch(apply(averagePoolOperator, [mergeBatch(x.value, 0)], attributes), batchSize, 0),
});

/** The adjoint of AveragePool, onto the extents `spatial`: each dy spread evenly over its window. Not in ONNX. */
const averagePoolGradOperator: Operator<AverageAttributes & { spatial: Shape }> = operator<AverageAttributes & { spatial: Shape }>(
  "AveragePoolGrad",
  {
    shape: ([dy], attributes) => {
      const shape = [...dy.shape.slice(0, 2), ...attributes.spatial];
      fits(dy, pooledShape(shape, attributes));
      return shape;
    },
    gradient: (_, u, _y, { spatial: _s, ...attributes }) => [apply(averagePoolOperator, [u], attributes)],
    reference: ([dy], attributes, { shape }) => {
      const result = new Float64Array(size(shape));
      forEachMean(shape, dy.shape, attributes, (i, at, divisor) => {
        result[at] += dy.data[i] / divisor;
      });
      return result;
    },
    batch: ([dy], attributes, batchSize) => splitBatch(apply(averagePoolGradOperator, [mergeBatch(dy.value, 0)], attributes), batchSize, 0),
  },
);

function poolAttributes(x: Value, kernel: number | readonly number[], { strides, ceil = false, ...options }: PoolOptions): PoolAttributes {
  const rank = x.shape.length - 2;
  if (rank < 1) throw new GraphError(`pooling needs [N, C, …spatial], not ${describe(x)}`);
  const window = windowAttributes(rank, { strides: strides ?? kernel, pads: options.pads, dilations: options.dilations });
  return { ...window, kernel: perAxis("kernel", kernel, rank, 1), ceil };
}

function pooledShape(x: Shape, attributes: PoolAttributes): number[] {
  const windows = windowCounts(x.slice(2), attributes.kernel, attributes, attributes.ceil);
  if (windows.some((count, axis) => !Array.from({ length: count }, (_, p) => p).every((p) => holdsInput(x[axis + 2], axis, p, attributes))))
    throw new GraphError(`pooling [${x}] by [${attributes.kernel}] with pads [${attributes.pads}] has windows that hold only padding`);
  return [...x.slice(0, 2), ...windows];
}

function holdsInput(extent: number, axis: number, p: number, { kernel, strides, pads, dilations }: PoolAttributes): boolean {
  const first = p * strides[axis] - pads[axis];
  return Array.from({ length: kernel[axis] }, (_, k) => first + k * dilations[axis]).some((i) => i >= 0 && i < extent);
}

function fits(value: Value, shape: Shape): void {
  if (!sameShape(value.shape, shape)) throw new GraphError(`pooling expects [${shape}], not ${describe(value)}`);
}

function eachMerged(
  record: Operator<PoolAttributes>,
  inputs: readonly BatchArgument[],
  attributes: PoolAttributes,
  batchSize: number,
): Value {
  const merged = inputs.map((x) => mergeBatch(batchFirst(x, batchSize), 0));
  return splitBatch(apply(record, merged, attributes), batchSize, 0);
}

/** For every window of every plane, the flat index in x of its first maximum (of its last NaN, if it holds one). */
function firstMaxima(x: Numbers, attributes: PoolAttributes, y: Shape): Int32Array {
  const table = windowPlaces(x.shape.slice(2), attributes.kernel, y.slice(2), attributes);
  const [planeX, planeY] = [size(x.shape.slice(2)), size(y.slice(2))];
  return Int32Array.from({ length: size(y) }, (_, i) => {
    const start = Math.floor(i / planeY) * planeX;
    let best = -1;
    for (const places of table) {
      const place = places[i % planeY];
      if (place < 0) continue;
      const value = x.data[start + place];
      if (best < 0 || value > x.data[best] || Number.isNaN(value)) best = start + place;
    }
    return best;
  });
}

/** Visits what each mean is made of: the flat index i of the mean, the flat index of a number under it, and how many the mean counts. */
function forEachMean(x: Shape, y: Shape, attributes: AverageAttributes, visit: (i: number, at: number, divisor: number) => void): void {
  const table = windowPlaces(x.slice(2), attributes.kernel, y.slice(2), attributes);
  const [planeX, planeY] = [size(x.slice(2)), size(y.slice(2))];
  const least = attributes.countIncludePad ? -1 : 0;
  const divisors = Float64Array.from({ length: planeY }, (_, p) => table.reduce((n, places) => n + (places[p] >= least ? 1 : 0), 0));
  for (let plane = 0; plane < x[0] * x[1]; plane++) {
    for (const places of table) {
      for (let p = 0; p < planeY; p++) if (places[p] >= 0) visit(plane * planeY + p, plane * planeX + places[p], divisors[p]);
    }
  }
}
