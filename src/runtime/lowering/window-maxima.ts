/** The gradient of max pooling by comparison, where the engine's pooling does not tell positions (WebGPU). */
import { cast, cumSum, equal, input, less, mul, rebuild, reduceMax, reduceSum, unsqueeze, type Value, vjp } from "../../graph/index.ts";
import { type PoolAttributes, windowOf } from "../../onnx/pooling.ts";
import type { LoweringPass } from "./index.ts";
import { windowsOf } from "./patches.ts";

/** MaxPoolGrad and MaxPoolGather through the windows of x: the first of each window that equals its maximum counts. */
export const compareMaxima: LoweringPass = (outputs, { device }) =>
  device !== "webgpu"
    ? [...outputs]
    : rebuild(outputs, (value, [x, other]) => {
        if (value.operator.name === "MaxPoolGrad") return gradient(value, x, other);
        if (value.operator.name === "MaxPoolGather") return gathered(value, x, other);
        return undefined;
      });

function gradient({ attributes }: Value, x: Value, dy: Value): Value {
  const windows = windowing(attributes as PoolAttributes, x, dy);
  const any = input("any x", x.shape, x.dtype as "float32");
  return vjp([windows(any, 0)], [any], [mul(firstMaxima(windows(x, lowest)), unsqueeze(dy, [2]))])[0];
}

function gathered(value: Value, x: Value, v: Value): Value {
  const windows = windowing(value.attributes as PoolAttributes, x, value);
  return reduceSum(mul(firstMaxima(windows(x, lowest)), windows(v, 0)), [2]);
}

const lowest = -3e38;

/** The function from x, with the value that pads it, to its windows [N, C, K, …]. */
function windowing(attributes: PoolAttributes, x: Value, y: Value): (x: Value, padding: number) => Value {
  const spatial = y.shape.slice(2);
  const window = windowOf(x.shape.slice(2), spatial, attributes);
  return (value, padding) => windowsOf(value, attributes.kernel, window, spatial, padding);
}

/** 1 at the first maximum along axis 2, else 0. */
function firstMaxima(windows: Value): Value {
  const maximal = cast(equal(windows, reduceMax(windows, [2], { keepDimensions: true })), windows.dtype);
  return mul(maximal, cast(less(cumSum(maximal, 2, { exclusive: true }), 0.5), windows.dtype));
}
