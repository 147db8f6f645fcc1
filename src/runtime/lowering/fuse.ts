/** Blocked convolutions take the activation and the addition that follow them along. */
import { rebuild } from "../../graph/index.ts";
import { type BlockedConvAttributes, blockedConv } from "./forms.ts";
import type { LoweringPass } from "./index.ts";
import { usesOf } from "./uses.ts";

/** Add(conv, v) and Relu(conv), where nothing else uses the convolution. */
export const fuseIntoConvolutions: LoweringPass = (outputs) => {
  const uses = usesOf(outputs);
  return rebuild(outputs, (value, inputs) => {
    const name = value.operator.name;
    if (name !== "Add" && name !== "Relu") return undefined;
    for (const [i, convolution] of inputs.entries()) {
      if (convolution.operator.name !== "BlockedConv" || uses.get(value.inputs[i]) !== 1) continue;
      const attributes = convolution.attributes as BlockedConvAttributes;
      if (attributes.activation !== undefined) continue;
      const [x, w, ...rest] = convolution.inputs;
      const bias = attributes.hasBias ? rest[0] : undefined;
      const sum = attributes.hasSum ? rest[rest.length - 1] : undefined;
      if (name === "Relu") return blockedConv(x, w, bias, sum, { ...attributes, activation: "Relu" });
      const other = inputs[1 - i];
      if (!sum && other.shape.length === 4 && other.shape.every((extent, axis) => extent === convolution.shape[axis]))
        return blockedConv(x, w, bias, other, attributes);
    }
    return undefined;
  });
};
