/** Pooling in the blocked layout: windows of [N·C/b, 1, H, W, b] that do not reach across the block. */
import { reshape, type Value } from "../../graph/index.ts";
import type { PoolAttributes } from "../../onnx/pooling.ts";
import { type BlockedRule, type Layout, reapply } from "./blocked.ts";

export const poolingRules: readonly (readonly [string, BlockedRule])[] = ["MaxPool", "MaxPoolGrad", "MaxPoolGather"].map((name) => [
  name,
  pooling,
]);

/** All results and operands but the pooled x go with it into the layout. */
function pooling(value: Value, inputs: readonly Value[], layout: Layout): Value | undefined {
  if (!layout.known(inputs[0]) || value.shape.length !== 4) return undefined;
  const [n, channels, height, width] = value.shape;
  const { block } = layout;
  const planes = (x: Value) => {
    const blocked = layout.enter(x);
    return reshape(blocked, [(blocked.shape[0] * blocked.shape[1]) / block, 1, ...blocked.shape.slice(2), block]);
  };
  const { kernel, strides, pads, dilations, ceil } = value.attributes as PoolAttributes;
  const attributes: PoolAttributes = {
    kernel: [...kernel, 1],
    strides: [...strides, 1],
    pads: [pads[0], pads[1], 0, pads[2], pads[3], 0],
    dilations: [...dilations, 1],
    ceil,
  };
  const pooled = reapply({ ...value, attributes }, inputs.map(planes));
  return layout.leave(reshape(pooled, [n, Math.ceil(channels / block) * block, height, width]), channels);
}
