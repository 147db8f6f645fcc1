/** Signs, and the mask of a ReLU: as few numbers as possible, in fast operators. */
import {
  apply,
  clip,
  hardSigmoid,
  mul,
  type Operator,
  operators,
  rebuild,
  relu,
  step,
  topological,
  type Value,
} from "../../graph/index.ts";
import type { LoweringPass } from "./index.ts";

/**
 * Step(x) = HardSigmoid(10³⁸·x) in float32, exact for all but subnormal x, which are flushed to zero. Where the ReLU of x is computed anyway,
 * the mask is taken from it, so that x itself is needed no longer.
 */
export const maskBySigmoid: LoweringPass = (outputs) => {
  const rectified = new Map<Value, Value>();
  for (const value of topological(outputs)) if (value.operator.name === "Relu") rectified.set(value.inputs[0], value);
  const built = new Map<Value, Value>();
  return rebuild(outputs, (value, [x]) => {
    if (value.operator.name === "Relu") built.set(value, rebuiltRelu(value, x));
    if (value.operator.name !== "Step" || value.dtype !== "float32") return built.get(value);
    const y = built.get(rectified.get(value.inputs[0]) as Value);
    return hardSigmoid(y ?? x, { alpha: 1e38, beta: 0 });
  });
};

function rebuiltRelu(value: Value, x: Value): Value {
  return x === value.inputs[0] ? value : relu(x);
}

/** Sign(x) = Clip(10³⁸·x, −1, 1) in float32, exact for all but subnormal x: the engine's own looks at one number after the other. */
export const signByClip: LoweringPass = (outputs) =>
  rebuild(outputs, (value, [x]) =>
    value.operator.name === "Sign" && value.dtype === "float32" ? clip(mul(x, 1e38), { low: -1, high: 1 }) : undefined,
  );

/** MaxPoolGrad(x, dy)·Step(x) = MaxPoolGrad(x, dy·Step(MaxPool(x))): the mask of a ReLU before a pooling is needed at its maxima only. */
export const maskBeforeUnpooling: LoweringPass = (outputs) =>
  rebuild(outputs, (value, inputs) => {
    if (value.operator.name !== "Mul") return undefined;
    for (const [i, gradient] of inputs.entries()) {
      const mask = inputs[1 - i];
      if (gradient.operator.name !== "MaxPoolGrad" || mask.operator.name !== "Step") continue;
      const [x, dy] = gradient.inputs;
      if (mask.inputs[0] !== x && !(x.operator.name === "Relu" && x.inputs[0] === mask.inputs[0])) continue;
      const pooled = apply(operators.get("MaxPool") as Operator, [x], gradient.attributes);
      return apply(gradient.operator, [x, mul(dy, step(pooled))], gradient.attributes);
    }
    return undefined;
  });
