/**
 * Quantized models. Quantized numbers are carried as floats with whole values, and rounding has the straight-through gradient (Bengio et al.
 * 2013): the derivative of the identity inside the range of the integers, zero outside. `straightThrough` names the operators that it concerns.
 */
import {
  add,
  cast,
  clip,
  conv,
  div,
  isFloat,
  max,
  min,
  mul,
  reduceMax,
  reduceMin,
  reshape,
  round,
  stopGradient,
  sub,
  type Value,
} from "../../graph/index.ts";
import type { NodeReader } from "../reader.ts";
import { kernelOf, windows } from "./convolutions.ts";
import { matMulAnyRank } from "./products.ts";
import type { ImportRules } from "./rule.ts";

/** Operators whose gradient is the straight-through estimate, not the derivative. */
export const straightThrough: ReadonlySet<string> = new Set(["QuantizeLinear", "DynamicQuantizeLinear", "QLinearConv", "QLinearMatMul"]);

const ranges: Readonly<Record<string, readonly [number, number]>> = {
  uint8: [0, 255],
  int8: [-128, 127],
  uint16: [0, 65535],
  int16: [-32768, 32767],
};

export const quantization: ImportRules = {
  QuantizeLinear: (node) => {
    const x = node.input(0);
    const zero = node.optional(2);
    const type = zero ? node.elementTypes[2] : "uint8";
    return quantize(node, x, along(node, x, node.input(1)), zero && along(node, x, zero), type);
  },
  DequantizeLinear: (node) => {
    const x = node.input(0);
    const zero = node.optional(2);
    return dequantize(x, along(node, x, node.input(1)), zero && along(node, x, zero));
  },
  /** Scale and zero point from the extent of x and 0, as uint8. */
  DynamicQuantizeLinear: (node) => {
    const x = node.input(0);
    const [low, high] = [min(reduceMin(x), 0), max(reduceMax(x), 0)];
    const scale = div(sub(high, low), 255);
    const zero = clip(throughRound(div(sub(0, low), scale)), { low: 0, high: 255 });
    return [quantize(node, x, scale, zero, "uint8"), scale, zero];
  },
  MatMulInteger: (node) => {
    const [a, b] = [node.input(0), node.input(1)];
    const column = (zero: Value | undefined) => (zero && zero.shape.length === 1 && zero.shape[0] > 1 ? reshape(zero, [-1, 1]) : zero);
    return matMulAnyRank(shifted(a, column(node.optional(2))), shifted(b, node.optional(3)));
  },
  ConvInteger: (node) => {
    const [x, w] = [node.input(0), node.input(1)];
    const options = { ...windows(node, x, kernelOf(node, w)), groups: node.integer("group", 1) };
    return conv(shifted(x, node.optional(2)), shifted(w, perOutput(node.optional(3), w)), undefined, options);
  },
  QLinearMatMul: (node) => {
    const [a, b] = [dequantize(node.input(0), node.input(1), node.input(2)), dequantize(node.input(3), node.input(4), node.input(5))];
    return quantize(node, matMulAnyRank(a, b), node.input(6), node.input(7), node.elementTypes[7]);
  },
  QLinearConv: (node) => {
    const w = node.input(3);
    const x = dequantize(node.input(0), node.input(1), node.input(2));
    const weights = dequantize(w, perOutput(node.input(4), w) as Value, perOutput(node.input(5), w));
    const options = { ...windows(node, x, kernelOf(node, w)), groups: node.integer("group", 1) };
    const y = conv(x, weights, undefined, options);
    const bias = node.optional(8);
    const scale = mul(node.input(1), node.input(4));
    const shift = bias && reshape(mul(cast(bias, scale.dtype), scale), [-1, ...kernelOf(node, w).map(() => 1)]);
    return quantize(node, shift ? add(y, shift) : y, node.input(6), node.input(7), node.elementTypes[7]);
  },
};

/** clip(round(x/scale) + zero) to the range of the integers. */
function quantize(node: NodeReader, x: Value, scale: Value, zero: Value | undefined, type: string): Value {
  const [low, high] = ranges[type] ?? node.fail(`quantizes to ${type}, which is not supported`);
  const whole = throughRound(div(float(x, scale), scale));
  return clip(zero ? add(whole, float(zero, scale)) : whole, { low, high });
}

/** (x − zero)·scale */
function dequantize(x: Value, scale: Value, zero: Value | undefined): Value {
  return mul(zero ? sub(float(x, scale), float(zero, scale)) : float(x, scale), scale);
}

/** To the nearest integer, with the derivative of the identity. */
const throughRound = (x: Value): Value => add(x, stopGradient(sub(round(x), x)));

const float = (x: Value, like: Value): Value => (isFloat(x.dtype) ? x : cast(x, like.dtype));

function shifted(x: Value, zero: Value | undefined): Value {
  const own = isFloat(x.dtype) ? x : cast(x, "float32");
  return zero ? sub(own, float(zero, own)) : own;
}

/** One scale or zero point for all, or one for each place of the node's axis. */
function along(node: NodeReader, x: Value, value: Value): Value {
  if (value.shape.length === 0) return value;
  if (value.shape.length > 1 || node.integer("block_size", 0) > 0) return node.fail("quantizes in blocks, which is not supported");
  if (value.shape[0] === 1) return reshape(value, []);
  const axis = node.integer("axis", 1);
  const positive = axis < 0 ? axis + x.shape.length : axis;
  return reshape(
    value,
    x.shape.map((_, i) => (i === positive ? -1 : 1)),
  );
}

/** A value per output channel, to broadcast against weights [O, …]. */
function perOutput(value: Value | undefined, w: Value): Value | undefined {
  return value && value.shape.length === 1 ? reshape(value, [-1, ...w.shape.slice(1).map(() => 1)]) : value;
}
