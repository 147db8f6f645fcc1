/** Convolution and pooling: ONNX's ways to say padding, and the rest as it is. */
import {
  abs,
  add,
  averagePool,
  conv,
  convInputGradient,
  globalAveragePool,
  maxPool,
  mul,
  pow,
  reduceSum,
  reshape,
  type Value,
} from "../../graph/index.ts";
import { size } from "../../tensor/index.ts";
import type { NodeReader } from "../reader.ts";
import type { ImportRules } from "./rule.ts";

export const convolutions: ImportRules = {
  Conv: (node) => {
    const [x, w] = [node.input(0), node.input(1)];
    return conv(x, w, node.optional(2), { ...windows(node, x, kernelOf(node, w)), groups: node.integer("group", 1) });
  },
  ConvTranspose: convTranspose,
  MaxPool: (node) => {
    const [x, kernel] = [node.input(0), kernelOf(node)];
    return [maxPool(x, kernel, { ...windows(node, x, kernel), ceil: node.flag("ceil_mode") })];
  },
  AveragePool: (node) => averageOf(node, node.input(0), node.flag("count_include_pad")),
  GlobalAveragePool: (node) => globalAveragePool(node.input(0)),
  GlobalMaxPool: (node) => maxPool(node.input(0), node.input(0).shape.slice(2)),
  /** (Σ |x|ᵖ)^(1/p) over each window. */
  LpPool: (node) => {
    const p = node.integer("p", 2);
    const means = averageOf(node, powerOf(node.input(0), p), true);
    return pow(mul(means, size(kernelOf(node))), 1 / p);
  },
  GlobalLpPool: (node) => {
    const [x, p] = [node.input(0), node.integer("p", 2)];
    const spatial = x.shape.flatMap((_, axis) => (axis >= 2 ? [axis] : []));
    return pow(reduceSum(powerOf(x, p), spatial, { keepDimensions: true }), 1 / p);
  },
};

interface Windows {
  strides: number[];
  dilations: number[];
  pads: number[];
}

/** Strides, dilations and pads of a node, with `auto_pad` worked out for the input's extents. */
export function windows(node: NodeReader, x: Value, kernel: readonly number[]): Windows {
  const ones = kernel.map(() => 1);
  const [strides, dilations] = [node.integers("strides") ?? ones, node.integers("dilations") ?? ones];
  const mode = node.text("auto_pad", "NOTSET");
  if (!mode.startsWith("SAME")) {
    return { strides, dilations, pads: (mode === "NOTSET" && node.integers("pads")) || kernel.flatMap(() => [0, 0]) };
  }
  const totals = kernel.map((extent, i) => {
    const input = x.shape[i + 2];
    return Math.max((Math.ceil(input / strides[i]) - 1) * strides[i] + dilations[i] * (extent - 1) + 1 - input, 0);
  });
  return { strides, dilations, pads: halves(totals, mode) };
}

/** A padding split on both sides of each axis, an odd one with more behind (SAME_UPPER) or in front. */
function halves(totals: readonly number[], mode: string): number[] {
  const less = totals.map((total) => Math.floor(total / 2));
  const more = totals.map((total) => Math.ceil(total / 2));
  return mode === "SAME_LOWER" ? [...more, ...less] : [...less, ...more];
}

export function kernelOf(node: NodeReader, w?: Value): number[] {
  return w ? w.shape.slice(2) : (node.integers("kernel_shape") ?? node.fail("lacks the attribute kernel_shape"));
}

function averageOf(node: NodeReader, x: Value, countIncludePad: boolean): Value {
  const kernel = kernelOf(node);
  return averagePool(x, kernel, { ...windows(node, x, kernel), ceil: node.flag("ceil_mode"), countIncludePad });
}

function powerOf(x: Value, p: number): Value {
  return p === 1 ? abs(x) : p === 2 ? mul(x, x) : pow(abs(x), p);
}

/** The output's extents are stride·(n − 1) + dilation·(kernel − 1) + 1 + output padding − pads, or given, and then the pads follow. */
function convTranspose(node: NodeReader): Value {
  const [x, w] = [node.input(0), node.input(1)];
  const kernel = kernelOf(node, w);
  const { strides, dilations, pads } = windows(node, x, kernel);
  const extra = node.integers("output_padding") ?? kernel.map(() => 0);
  const mode = node.text("auto_pad", "NOTSET");
  const full = kernel.map((extent, i) => strides[i] * (x.shape[i + 2] - 1) + dilations[i] * (extent - 1) + 1 + extra[i]);
  const given = node.integers("output_shape") ?? (mode.startsWith("SAME") ? kernel.map((_, i) => x.shape[i + 2] * strides[i]) : undefined);
  const cut = given
    ? halves(
        given.slice(-kernel.length).map((extent, i) => Math.max(full[i] - extent, 0)),
        mode,
      )
    : pads;
  const spatial = given?.slice(-kernel.length) ?? full.map((extent, i) => extent - pads[i] - pads[i + kernel.length]);
  const y = convInputGradient(x, w, { strides, dilations, pads: cut, groups: node.integer("group", 1), spatial });
  const bias = node.optional(2);
  return bias ? add(y, reshape(bias, [-1, ...kernel.map(() => 1)])) : y;
}
