/** Pooling's derivatives in terms of ONNX: the positions of maxima are MaxPool's second result, means are convolutions with ones. */
import {
  apply,
  constant,
  conv,
  convInputGradient,
  div,
  expand,
  gather,
  lift,
  type Operator,
  operators,
  reshape,
  scatterElements,
  type Value,
} from "../graph/index.ts";
import { type Shape, size, tensor } from "../tensor/index.ts";
import { operands, poolAttributes, type Rule } from "./rules.ts";

export type PoolAttributes = {
  kernel: readonly number[];
  strides: readonly number[];
  pads: readonly number[];
  dilations: readonly number[];
  ceil: boolean;
};
type AverageAttributes = PoolAttributes & { countIncludePad: boolean };

/** MaxPool that also keeps where the maxima lie. */
const withPositions: Operator<PoolAttributes> = {
  name: "MaxPoolWithPositions",
  shape: (inputs, attributes) => (operators.get("MaxPool") as Operator).shape(inputs, attributes),
  reference: (inputs, attributes, result) => (operators.get("MaxPool") as Operator).reference!(inputs, attributes, result),
};
/** [pooled, x] → the flat index in all of x of the first maximum of each window. */
const positions: Operator<PoolAttributes> = {
  name: "MaxPoolPositions",
  shape: ([pooled]) => pooled.shape,
  dtype: () => "int64",
  reference: ([, x], attributes, result) => {
    const gatherRule = operators.get("MaxPoolGather") as Operator;
    return gatherRule.reference!([x, { shape: x.shape, data: x.data.map((_, i) => i) }], attributes, result);
  },
};

export const poolingRules: readonly (readonly [string, Rule])[] = [
  ["MaxPoolWithPositions", (value, emit) => emit.node("MaxPool", operands(value, emit), poolAttributes(value), { outputs: 2 })],
  ["MaxPoolPositions", (value, emit) => [emit.nameOf(value.inputs[0], 1)]],
];

/** MaxPool of x that keeps positions. */
export const maxPoolWithPositions = (x: Value, attributes: PoolAttributes): Value => apply(withPositions, [x], attributes);

/** Where the first maximum of each window lies in all of x, from the pooling of x that kept it. */
export const positionsOf = (pooled: Value, x: Value): Value => apply(positions, [pooled, x], pooled.attributes as PoolAttributes);

/** MaxPoolGrad: each dy added where the maximum was. */
export function maxPoolGradOf(x: Value, dy: Value, places: Value): Value {
  return reshape(scatterElements(expand(lift(0, dy), [size(x.shape)]), reshape(places, [-1]), reshape(dy, [-1]), 0), x.shape);
}

/** MaxPoolGather: v where the maximum is. */
export function maxPoolGatherOf(v: Value, places: Value): Value {
  return gather(reshape(v, [-1]), places, 0);
}

/** AveragePool as a convolution of every plane with ones. */
export function averagePoolOf(value: Value, x: Value): Value {
  const attributes = value.attributes as AverageAttributes;
  const spatial = x.shape.slice(2);
  const sums = conv(planes(x), ones(value, attributes), undefined, windowOf(spatial, value.shape.slice(2), attributes));
  return div(reshape(sums, value.shape), divisors(value, spatial, value.shape.slice(2), attributes));
}

/** AveragePoolGrad: each dy shared out over its window. */
export function averagePoolGradOf(value: Value, dy: Value): Value {
  const attributes = value.attributes as AverageAttributes;
  const spatial = value.shape.slice(2);
  const shares = div(dy, divisors(value, spatial, dy.shape.slice(2), attributes));
  const window = windowOf(spatial, dy.shape.slice(2), attributes);
  return reshape(convInputGradient(planes(shares), ones(value, attributes), { ...window, spatial }), value.shape);
}

function planes(x: Value): Value {
  return reshape(x, [x.shape[0] * x.shape[1], 1, ...x.shape.slice(2)]);
}

function ones(like: Value, { kernel }: AverageAttributes): Value {
  return expand(lift(1, like), [1, 1, ...kernel]);
}

/** The pool's window with just as much padding behind as its last window needs. */
export function windowOf(spatial: Shape, windows: Shape, { kernel, strides, pads, dilations }: PoolAttributes) {
  const behind = spatial.map((extent, axis) =>
    Math.max(
      pads[axis + spatial.length],
      (windows[axis] - 1) * strides[axis] + dilations[axis] * (kernel[axis] - 1) + 1 - extent - pads[axis],
    ),
  );
  return { strides, dilations, pads: [...pads.slice(0, spatial.length), ...behind] };
}

/** How many places each window's mean counts: a product of counts per axis. */
function divisors(like: Value, spatial: Shape, windows: Shape, attributes: AverageAttributes): Value {
  const { kernel, strides, pads, dilations, countIncludePad } = attributes;
  const perAxis = spatial.map((extent, axis) => {
    const [first, end] = countIncludePad ? [-pads[axis], extent + pads[axis + spatial.length]] : [0, extent];
    return Array.from({ length: windows[axis] }, (_, p) => {
      const places = Array.from({ length: kernel[axis] }, (_, k) => p * strides[axis] - pads[axis] + k * dilations[axis]);
      return places.filter((place) => place >= first && place < end).length;
    });
  });
  const counts = perAxis.reduce((products, axis) => products.flatMap((product) => axis.map((n) => product * n)), [1]);
  return constant(tensor(counts, [1, 1, ...windows], like.dtype));
}
