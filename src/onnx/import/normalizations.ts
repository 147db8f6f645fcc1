/** Normalization: by stored statistics, by those of the example, and across neighbouring channels. */
import {
  abs,
  add,
  averagePool,
  batchNormalization,
  batchNormalizationTraining,
  div,
  expand,
  groupNormalization,
  instanceNormalization,
  layerNormalization,
  mul,
  pow,
  reduceMean,
  reduceSum,
  reshape,
  sqrt,
  square,
  sub,
  unsqueeze,
  type Value,
} from "../../graph/index.ts";
import type { NodeReader } from "../reader.ts";
import type { ImportRules } from "./rule.ts";

export const normalizations: ImportRules = {
  BatchNormalization: (node) => {
    const [x, scale, bias] = [node.input(0), node.input(1), node.input(2)];
    const epsilon = node.float("epsilon", 1e-5);
    if (!node.flag("training_mode")) {
      return [batchNormalization(x, scale, bias, { mean: node.input(3), variance: node.input(4) }, { epsilon })];
    }
    const { normalized, mean, variance } = batchNormalizationTraining(x, scale, bias, { epsilon });
    const kept = node.float("momentum", 0.9);
    return [normalized, running(node.input(3), mean, kept), running(node.input(4), variance, kept)];
  },
  InstanceNormalization: (node) =>
    instanceNormalization(node.input(0), { scale: node.input(1), bias: node.input(2), epsilon: node.float("epsilon", 1e-5) }),
  /** Scale and bias belong to groups up to opset 20, to channels from 21. */
  GroupNormalization: (node) => {
    const x = node.input(0);
    const groups = node.integer("num_groups", 1);
    const perChannel = (value: Value) => {
      if (node.opset >= 21) return value;
      const width = x.shape[1] / groups;
      return reshape(expand(unsqueeze(value, [1]), [groups, width]), [-1]);
    };
    return groupNormalization(x, groups, {
      scale: perChannel(node.input(1)),
      bias: perChannel(node.input(2)),
      epsilon: node.float("epsilon", 1e-5),
    });
  },
  LayerNormalization: layerNorm,
  /** x / (bias + α/size · Σ x²)^β over `size` neighbouring channels. */
  LRN: (node) => {
    const x = node.input(0);
    const extent = node.integer("size", 1);
    const before = Math.floor((extent - 1) / 2);
    const lanes = reshape(square(x), [x.shape[0], 1, x.shape[1], -1]);
    const pads = [before, 0, extent - 1 - before, 0];
    const means = reshape(averagePool(lanes, [extent, 1], { strides: 1, pads, countIncludePad: true }), x.shape);
    return div(x, pow(add(mul(means, node.float("alpha", 1e-4)), node.float("bias", 1)), node.float("beta", 0.75)));
  },
  LpNormalization: (node) => {
    const [x, axes] = [node.input(0), [node.integer("axis", -1)]];
    return node.integer("p", 2) === 1
      ? div(x, reduceSum(abs(x), axes, { keepDimensions: true }))
      : div(x, sqrt(reduceSum(square(x), axes, { keepDimensions: true })));
  },
  MeanVarianceNormalization: (node) => {
    const [x, axes] = [node.input(0), node.integers("axes") ?? [0, 2, 3]];
    const centred = sub(x, reduceMean(x, axes, { keepDimensions: true }));
    return div(centred, add(sqrt(reduceMean(square(centred), axes, { keepDimensions: true })), 1e-9));
  },
};

/** Also gives the mean and the inverse deviation, when they are asked for. */
function layerNorm(node: NodeReader): readonly Value[] {
  const x = node.input(0);
  const axis = node.integer("axis", -1);
  const epsilon = node.float("epsilon", 1e-5);
  const y = layerNormalization(x, { axis, scale: node.input(1), bias: node.optional(2), epsilon });
  if (node.node.outputs.length === 1) return [y];
  const first = axis < 0 ? axis + x.shape.length : axis;
  const axes = x.shape.flatMap((_, i) => (i >= first ? [i] : []));
  const mean = reduceMean(x, axes, { keepDimensions: true });
  const variance = reduceMean(square(sub(x, mean)), axes, { keepDimensions: true });
  return [y, mean, div(1, sqrt(add(variance, epsilon)))];
}

function running(before: Value, now: Value, kept: number): Value {
  return add(mul(before, kept), mul(now, 1 - kept));
}
