/** Softmax and its logarithm along an axis. */
import { apply, type Numbers, normalizeAxis, type Operator, operator, type Value } from "../value.ts";
import { exp, mul, sub } from "./elementwise.ts";
import { lanes, reduceSum } from "./reduce.ts";

type AxisAttribute = { axis: number };

const softmaxOperator: Operator<AxisAttribute> = operator<AxisAttribute>("Softmax", {
  shape: ([x]) => x.shape,
  gradient: (_, dy, y, { axis }) => [mul(y, sub(dy, reduceSum(mul(dy, y), [axis], { keepDimensions: true })))],
  reference: ([x], { axis }) => logSoftmaxOf(x, axis).map(Math.exp),
  batch: ([x], { axis }) => softmax(x.value, axis + 1),
});

const logSoftmaxOperator: Operator<AxisAttribute> = operator<AxisAttribute>("LogSoftmax", {
  shape: ([x]) => x.shape,
  gradient: (_, dy, y, { axis }) => [sub(dy, mul(exp(y), reduceSum(dy, [axis], { keepDimensions: true })))],
  reference: ([x], { axis }) => logSoftmaxOf(x, axis),
  batch: ([x], { axis }) => logSoftmax(x.value, axis + 1),
});

/** eˣ / Σ eˣ along an axis (default: the last). */
export const softmax = (x: Value, axis = -1): Value => apply(softmaxOperator, [x], { axis: normalizeAxis(axis, x.shape.length) });
/** x − log Σ eˣ along an axis (default: the last). */
export const logSoftmax = (x: Value, axis = -1): Value => apply(logSoftmaxOperator, [x], { axis: normalizeAxis(axis, x.shape.length) });

function logSoftmaxOf(x: Numbers, axis: number): Float64Array {
  const { starts, step, extent } = lanes(x, axis);
  const result = new Float64Array(x.data.length);
  for (const start of starts) {
    let top = -Infinity;
    for (let k = 0; k < extent; k++) top = Math.max(top, x.data[start + k * step]);
    let total = 0;
    for (let k = 0; k < extent; k++) total += Math.exp(x.data[start + k * step] - top);
    for (let k = 0; k < extent; k++) result[start + k * step] = x.data[start + k * step] - top - Math.log(total);
  }
  return result;
}
