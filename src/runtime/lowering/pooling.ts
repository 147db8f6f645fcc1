/** The gradient of max pooling: the pooling itself keeps the positions, and where windows are disjoint nothing needs to be summed. */
import { rebuild, topological, type Value } from "../../graph/index.ts";
import { maxPoolGatherOf, maxPoolGradOf, maxPoolWithPositions, type PoolAttributes, positionsOf } from "../../onnx/pooling.ts";
import { unpool } from "./forms.ts";
import type { LoweringPass } from "./index.ts";

/** MaxPool, MaxPoolGrad and MaxPoolGather of the same x by one node. */
export const shareMaxima: LoweringPass = (outputs) => {
  const needed = new Set(
    topological(outputs).flatMap((value) => (value.operator.name.startsWith("MaxPoolG") ? [windowKey(value.inputs[0], value)] : [])),
  );
  const pools = new Map<string, Value>();
  const pooling = (x: Value, { attributes }: Value) => {
    const key = windowKey(x, { attributes });
    const pooled = pools.get(key) ?? maxPoolWithPositions(x, attributes as PoolAttributes);
    pools.set(key, pooled);
    return pooled;
  };
  return rebuild(outputs, (value, [x, dy]) => {
    switch (value.operator.name) {
      case "MaxPool":
        return needed.has(windowKey(value.inputs[0], value)) ? pooling(x, value) : undefined;
      case "MaxPoolGrad":
        return scatter(x, dy, pooling(x, value));
      case "MaxPoolGather":
        return maxPoolGatherOf(dy, positionsOf(pooling(x, value), x));
      default:
        return undefined;
    }
  });
};

function scatter(x: Value, dy: Value, pooled: Value): Value {
  const { kernel, strides, pads, dilations, ceil } = pooled.attributes as PoolAttributes;
  const disjoint = kernel.every((extent, axis) => strides[axis] >= extent && dilations[axis] === 1) && !ceil && x.dtype === "float32";
  const positions = positionsOf(pooled, x);
  return disjoint ? unpool(dy, positions, { kernel, strides, pads, shape: x.shape }) : maxPoolGradOf(x, dy, positions);
}

function windowKey(x: Value, { attributes }: Pick<Value, "attributes">): string {
  return `${x.id} ${JSON.stringify(attributes)}`;
}
