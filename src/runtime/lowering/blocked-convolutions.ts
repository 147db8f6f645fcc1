/** Convolutions and their input gradients in the blocked layout, with weights reordered in the graph. */
import type { Value } from "../../graph/index.ts";
import type { BlockedRule, Layout } from "./blocked.ts";
import { cellInputGradient } from "./blocked-cells.ts";
import { normalization } from "./blocked-channels.ts";
import { matrixConvolution, matrixInputGradient, type Window, worthMatrices } from "./blocked-matrices.ts";
import { stridedInputGradient } from "./blocked-strided.ts";
import { weightGradient } from "./blocked-weight-gradient.ts";
import { fillChannels, reorderForGradient, reorderForPlainInput, reorderWeights } from "./blocked-weights.ts";
import { blockedConv } from "./forms.ts";

export const convolutionRules: readonly (readonly [string, BlockedRule])[] = [
  ["Conv", (value, inputs, layout) => convolution(value, inputs, layout)],
  ["ConvTranspose", (value, inputs, layout) => inputGradient(value, inputs, layout)],
  ["BatchNormalization", normalization],
  ["ConvWeightGradient", weightGradient],
];

function convolution(value: Value, [x, w, bias]: readonly Value[], layout: Layout): Value | undefined {
  const { strides, pads, dilations, groups } = value.attributes as Window;
  const [outputs, inputs] = w.shape;
  if (w.shape.length !== 4 || groups !== 1 || outputs < layout.block) return undefined;
  const { block } = layout;
  if (worthMatrices(w.shape, value.shape.slice(2), value.attributes as Window, block))
    return matrixConvolution(value, [x, w, ...(bias ? [bias] : [])], layout);
  const plain = inputs < block;
  const weights = plain ? reorderForPlainInput(w, block) : reorderWeights(w, block);
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
  if (worthMatrices(w.shape, dy.shape.slice(2), value.attributes as Window, block)) return matrixInputGradient(value, [dy, w], layout);
  const cells = cellInputGradient(value, [dy, w], layout);
  if (cells) return cells;
  if (strides.some((s) => s !== 1)) return stridedInputGradient(value, [dy, w], layout);
  const complement = kernel.flatMap((extent, axis) => dilations[axis] * (extent - 1) - pads[axis]);
  const ends = kernel.map((extent, axis) => dilations[axis] * (extent - 1) - pads[axis + kernel.length]);
  const fits = kernel.length === 2 && groups === 1 && [...complement, ...ends].every((n) => n >= 0);
  if (!fits || outputs < block || inputs < 3) return undefined;
  const blocked = blockedConv(layout.enter(dy), reorderForGradient(w, block), undefined, undefined, {
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
