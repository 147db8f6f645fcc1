/** Reductions over axes: sums, means, extrema, positions of extrema, cumulative sums. */
import { type Shape, size, strides, tensor } from "../../tensor/index.ts";
import { broadcastTo, walk } from "../broadcast.ts";
import { apply, constant, GraphError, lift, type Numbers, normalizeAxis, type Operator, operator, type Value } from "../value.ts";
import { add, cast, div, equal, exp, log, mul, stopGradient, sub, where } from "./elementwise.ts";
import { reshape, unsqueeze } from "./shape.ts";

type ReduceAttributes = { axes: readonly number[]; keepDimensions: boolean };
/** `keepDimensions` leaves the reduced axes with extent 1. */
export interface ReduceOptions {
  keepDimensions?: boolean;
}

const reduceSumOperator = reduction("ReduceSum", {
  initial: 0,
  combine: (total, x) => total + x,
  gradient: (x, dy) => broadcastTo(dy, x.shape),
});
const reduceMeanOperator = reduction("ReduceMean", {
  initial: 0,
  combine: (total, x) => total + x,
  finish: (total, n) => total / n,
  gradient: (x, dy) => mul(broadcastTo(dy, x.shape), size(dy.shape) / size(x.shape)),
});
const reduceMaxOperator = reduction("ReduceMax", { initial: -Infinity, combine: Math.max, gradient: shareAmongTies });
const reduceMinOperator = reduction("ReduceMin", { initial: Infinity, combine: Math.min, gradient: shareAmongTies });
const reduceProdOperator = reduction("ReduceProd", {
  initial: 1,
  combine: (total, x) => total * x,
  gradient: (x, dy, y) => mul(dy, productOfOthers(x, differingAxes(x, y)[0])),
});

/** Sum over `axes` (default: all). */
export const reduceSum = builder(reduceSumOperator);
/** Mean over `axes` (default: all). */
export const reduceMean = builder(reduceMeanOperator);
/** Maximum over `axes` (default: all); tied maxima share the derivative equally, as in PyTorch's amax. */
export const reduceMax = builder(reduceMaxOperator);
/** Minimum over `axes` (default: all); ties as for the maximum. */
export const reduceMin = builder(reduceMinOperator);
/** Product over `axes` (default: all). The derivative is exact at zeros too, and takes a table of extent² for each axis. */
export const reduceProd = (
  x: Value,
  axes: readonly number[] = x.shape.map((_, axis) => axis),
  { keepDimensions = false }: ReduceOptions = {},
): Value => {
  const kept = positiveAxes(x, axes).reduce((product, axis) => builder(reduceProdOperator)(product, [axis], { keepDimensions: true }), x);
  return keepDimensions ? kept : reshape(kept, reducedShape(x.shape, positiveAxes(x, axes), false));
};

/** Sum of all elements, a scalar. */
export const sum = (x: Value): Value => reduceSum(x);
/** Mean of all elements, a scalar. */
export const mean = (x: Value): Value => reduceMean(x);

/** log Σ eˣ over `axes`, without overflow. */
export function logSumExp(x: Value, axes: readonly number[], { keepDimensions = false }: ReduceOptions = {}): Value {
  const top = stopGradient(reduceMax(x, axes, { keepDimensions: true }));
  const total = reduceSum(exp(sub(x, top)), axes, { keepDimensions: true });
  const result = add(log(total), top);
  return keepDimensions ? result : reshape(result, reducedShape(x.shape, positiveAxes(x, axes), false));
}

const argMaxOperator: Operator<{ axis: number; keepDimensions: boolean }> = operator(
  "ArgMax",
  positionRules((a, b) => a > b),
);
const argMinOperator: Operator<{ axis: number; keepDimensions: boolean }> = operator(
  "ArgMin",
  positionRules((a, b) => a < b),
);

/** Index (int64) of the first maximum along an axis. */
export const argMax = (x: Value, axis: number, { keepDimensions = false }: ReduceOptions = {}): Value =>
  apply(argMaxOperator, [x], { axis: normalizeAxis(axis, x.shape.length), keepDimensions });
/** Index (int64) of the first minimum along an axis. */
export const argMin = (x: Value, axis: number, { keepDimensions = false }: ReduceOptions = {}): Value =>
  apply(argMinOperator, [x], { axis: normalizeAxis(axis, x.shape.length), keepDimensions });

const cumSumOperator = operator<{ axis: number; exclusive: boolean; reverse: boolean }>("CumSum", {
  shape: ([x]) => x.shape,
  gradient: (_, dy, _y, { axis, exclusive, reverse }) => [cumSum(dy, axis, { exclusive, reverse: !reverse })],
  reference: ([x], { axis, exclusive, reverse }) => {
    const result = new Float64Array(x.data.length);
    const { starts, step, extent } = lanes(x, axis);
    for (const start of starts) {
      let total = 0;
      for (let k = 0; k < extent; k++) {
        const i = start + (reverse ? extent - 1 - k : k) * step;
        result[i] = exclusive ? total : total + x.data[i];
        total += x.data[i];
      }
    }
    return result;
  },
  batch: ([x], { axis, exclusive, reverse }) => cumSum(x.value, axis + 1, { exclusive, reverse }),
});
/** Running sums along an axis. */
export const cumSum = (x: Value, axis: number, { exclusive = false, reverse = false } = {}): Value =>
  apply(cumSumOperator, [x], { axis: normalizeAxis(axis, x.shape.length), exclusive, reverse });

interface ReductionRules {
  initial: number;
  combine(total: number, x: number): number;
  finish?(total: number, elements: number): number;
  /** Cotangent of `x`; `dy` and the result `y` come with the reduced axes kept. */
  gradient(x: Value, dy: Value, y: Value): Value;
}

function reduction(name: string, { initial, combine, finish, gradient }: ReductionRules): Operator<ReduceAttributes> {
  const record: Operator<ReduceAttributes> = operator<ReduceAttributes>(name, {
    shape: ([x], { axes, keepDimensions }) => reducedShape(x.shape, axes, keepDimensions),
    gradient: ([x], dy, y, { axes }) => {
      const kept = reducedShape(x.shape, axes, true);
      return [gradient(x, reshape(dy, kept), reshape(y, kept))];
    },
    reference: ([x], { axes }, { shape }) => {
      const target = strides(reducedShape(x.shape, axes, true));
      const index = walk(
        x.shape,
        target.map((stride, axis) => (axes.includes(axis) ? 0 : stride)),
      );
      const result = new Float64Array(size(shape)).fill(initial);
      for (let i = 0; i < index.length; i++) result[index[i]] = combine(result[index[i]], x.data[i]);
      return finish ? result.map((total) => finish(total, x.data.length / result.length)) : result;
    },
    batch: ([x], { axes, keepDimensions }) => apply(record, [x.value], { axes: axes.map((axis) => axis + 1), keepDimensions }),
  });
  return record;
}

function builder(record: Operator<ReduceAttributes>): (x: Value, axes?: readonly number[], options?: ReduceOptions) => Value {
  return (x, axes = x.shape.map((_, axis) => axis), { keepDimensions = false } = {}) =>
    axes.length === 0 ? x : apply(record, [x], { axes: positiveAxes(x, axes), keepDimensions });
}

function positiveAxes(x: Value, axes: readonly number[]): number[] {
  const positive = axes.map((axis) => normalizeAxis(axis, x.shape.length)).sort((a, b) => a - b);
  if (new Set(positive).size !== positive.length) throw new GraphError(`axes [${axes}] name one twice`);
  return positive;
}

function reducedShape(shape: Shape, axes: readonly number[], keepDimensions: boolean): number[] {
  return shape.flatMap((extent, axis) => (axes.includes(axis) ? (keepDimensions ? [1] : []) : [extent]));
}

function shareAmongTies(x: Value, dy: Value, y: Value): Value {
  const ties = equal(x, y);
  return where(ties, div(dy, reduceSum(cast(ties, x.dtype), differingAxes(x, y), { keepDimensions: true })), 0);
}

/** For each element along the axis, the product of all the others: the product over rows with ones on the diagonal. */
function productOfOthers(x: Value, axis: number | undefined): Value {
  if (axis === undefined) return broadcastTo(lift(1, x), x.shape);
  const n = x.shape[axis];
  const diagonal = Uint8Array.from({ length: n * n }, (_, i) => (i % (n + 1) === 0 ? 1 : 0));
  const itself = constant(tensor(diagonal, [n, n, ...x.shape.slice(axis + 1).map(() => 1)], "bool"));
  return reduceProd(where(itself, 1, unsqueeze(x, [axis])), [axis + 1]);
}

function differingAxes(x: Value, y: Value): number[] {
  return x.shape.flatMap((extent, axis) => (y.shape[axis] !== extent ? [axis] : []));
}

function positionRules(better: (a: number, b: number) => boolean): Omit<Operator<{ axis: number; keepDimensions: boolean }>, "name"> {
  return {
    shape: ([x], { axis, keepDimensions }) => reducedShape(x.shape, [axis], keepDimensions),
    dtype: () => "int64",
    gradient: "zero",
    reference: ([x], { axis }) => {
      const { starts, step, extent } = lanes(x, axis);
      return Float64Array.from(starts, (start) => {
        let best = 0;
        for (let k = 1; k < extent; k++) if (better(x.data[start + k * step], x.data[start + best * step])) best = k;
        return best;
      });
    },
    batch(this: Operator, [x], { axis, keepDimensions }) {
      return apply(this, [x.value], { axis: axis + 1, keepDimensions });
    },
  };
}

/** The one-dimensional lanes along an axis: where each begins, and the step and extent they share. */
export function lanes(x: Pick<Numbers, "shape">, axis: number): { starts: Int32Array; step: number; extent: number } {
  const own = strides(x.shape);
  const rest = x.shape.map((extent, i) => (i === axis ? 1 : extent));
  return { starts: walk(rest, own), step: own[axis] ?? 1, extent: x.shape[axis] ?? 1 };
}
