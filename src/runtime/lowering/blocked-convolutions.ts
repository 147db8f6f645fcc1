/** Convolutions and their input gradients in the blocked layout, with weights reordered in the graph. */
import { reshape, reverse, transpose, type Value } from "../../graph/index.ts";
import { type BlockedRule, fillChannels, type Layout } from "./blocked.ts";
import { blockedConv } from "./forms.ts";

type Window = { strides: readonly number[]; pads: readonly number[]; dilations: readonly number[]; groups: number };

export const convolutionRules: readonly (readonly [string, BlockedRule])[] = [
  ["Conv", (value, inputs, layout) => convolution(value, inputs, layout)],
  ["ConvTranspose", (value, inputs, layout) => inputGradient(value, inputs, layout)],
];

function convolution(value: Value, [x, w, bias]: readonly Value[], layout: Layout): Value | undefined {
  const { strides, pads, dilations, groups } = value.attributes as Window;
  const [outputs, inputs] = w.shape;
  if (w.shape.length !== 4 || groups !== 1 || outputs < layout.block) return undefined;
  const { block } = layout;
  const plain = inputs < block;
  const weights = plain ? reorderForPlainInput(w, block) : reorderWeights(w, block, false);
  const filled = Math.ceil(outputs / block) * block;
  const blocked = blockedConv(plain ? x : layout.enter(x), weights, bias && fillChannels(bias, block, 0), undefined, {
    kernel: w.shape.slice(2),
    strides,
    pads,
    dilations,
    groups,
    activation: undefined,
    shape: [value.shape[0], filled, ...value.shape.slice(2)],
  });
  return layout.leave(blocked, outputs);
}

/** With stride 1 the input gradient is a convolution with the weights turned round, input and output channels exchanged. */
function inputGradient(value: Value, [dy, w]: readonly Value[], layout: Layout): Value | undefined {
  const { strides, pads, dilations, groups } = value.attributes as Window;
  const { block } = layout;
  const [outputs, inputs, ...kernel] = w.shape;
  const complement = kernel.flatMap((extent, axis) => dilations[axis] * (extent - 1) - pads[axis]);
  const ends = kernel.map((extent, axis) => dilations[axis] * (extent - 1) - pads[axis + kernel.length]);
  const fits = kernel.length === 2 && groups === 1 && strides.every((s) => s === 1) && [...complement, ...ends].every((n) => n >= 0);
  if (!fits || outputs < block || inputs < 4) return undefined;
  const blocked = blockedConv(layout.enter(dy), reorderWeights(reverse(reverse(w, 2), 3), block, true), undefined, undefined, {
    kernel,
    strides,
    pads: [...complement, ...ends],
    dilations,
    groups,
    activation: undefined,
    shape: [value.shape[0], Math.ceil(inputs / block) * block, ...value.shape.slice(2)],
  });
  return layout.leave(blocked, inputs);
}

/** [O, I, k, k] → blocks of input and output channels innermost, [O/b, I/b, k, k, b, b] in memory; with `exchange` the axes O and I change roles. */
function reorderWeights(w: Value, block: number, exchange: boolean): Value {
  const filled = fillChannels(fillChannels(w, block, 0), block, 1);
  const [outputs, inputs, height, width] = filled.shape;
  const split = reshape(filled, [outputs / block, block, inputs / block, block, height, width]);
  const reordered = transpose(split, exchange ? [2, 0, 4, 5, 1, 3] : [0, 2, 4, 5, 3, 1]);
  return reshape(reordered, exchange ? [inputs, outputs, height, width] : [outputs, inputs, height, width]);
}

/** [O, I, k, k] with fewer than b input channels, which come in the plain layout: [O/b, I, k, k, b] in memory. */
function reorderForPlainInput(w: Value, block: number): Value {
  const filled = fillChannels(w, block, 0);
  const [outputs, inputs, height, width] = filled.shape;
  const split = reshape(filled, [outputs / block, block, inputs, height, width]);
  return reshape(transpose(split, [0, 2, 3, 4, 1]), filled.shape);
}
