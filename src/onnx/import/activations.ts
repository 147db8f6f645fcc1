/** Activation functions, most of them in terms of others. */
import {
  abs,
  add,
  argMax,
  cast,
  clip,
  div,
  elu,
  gelu,
  greater,
  hardSigmoid,
  hardSwish,
  leakyRelu,
  less,
  logSoftmax,
  mul,
  neg,
  oneHot,
  relu,
  reshape,
  sigmoid,
  softmax,
  softplus,
  sub,
  tanh,
  transpose,
  type Value,
  where,
} from "../../graph/index.ts";
import { size } from "../../tensor/index.ts";
import type { NodeReader } from "../reader.ts";
import type { ImportRules } from "./rule.ts";

export const activations: ImportRules = {
  Relu: (node) => relu(node.input(0)),
  LeakyRelu: (node) => leakyRelu(node.input(0), { alpha: node.float("alpha", 0.01) }),
  Elu: (node) => elu(node.input(0), { alpha: node.float("alpha", 1) }),
  Selu: (node) => mul(elu(node.input(0), { alpha: node.float("alpha", 1.6732632423543772) }), node.float("gamma", 1.0507009873554805)),
  /** α·ELU(x/α) */
  Celu: (node) => {
    const alpha = node.float("alpha", 1);
    return mul(elu(div(node.input(0), alpha), { alpha: 1 }), alpha);
  },
  /** x where x > 0, slope·x below; the slope has a value per channel. */
  PRelu: (node) => where(greater(node.input(0), 0), node.input(0), mul(node.input(0), node.input(1))),
  ThresholdedRelu: (node) => where(greater(node.input(0), node.float("alpha", 1)), node.input(0), 0),
  Sigmoid: (node) => sigmoid(node.input(0)),
  HardSigmoid: (node) => hardSigmoid(node.input(0), { alpha: node.float("alpha", 0.2), beta: node.float("beta", 0.5) }),
  HardSwish: (node) => hardSwish(node.input(0)),
  Tanh: (node) => tanh(node.input(0)),
  Softplus: (node) => softplus(node.input(0)),
  /** x/(1 + |x|) */
  Softsign: (node) => div(node.input(0), add(abs(node.input(0)), 1)),
  /** x·tanh(log(1 + eˣ)) */
  Mish: (node) => mul(node.input(0), tanh(softplus(node.input(0)))),
  Gelu: (node) => gelu(node.input(0), { approximate: node.text("approximate", "none") === "tanh" }),
  /** x ∓ bias outside ±λ, 0 inside. */
  Shrink: (node) => {
    const x = node.input(0);
    const [lambda, bias] = [node.float("lambd", 0.5), node.float("bias", 0)];
    return where(greater(x, lambda), sub(x, bias), where(less(x, -lambda), add(x, bias), mul(x, 0)));
  },
  Softmax: (node) => alongAxis(node, softmax),
  LogSoftmax: (node) => alongAxis(node, logSoftmax),
  /** 1 at the first maximum, 0 elsewhere. */
  Hardmax: (node) =>
    alongAxis(node, (x, axis) => {
      const rank = x.shape.length;
      const last = axis < 0 ? axis + rank : axis;
      const hot = cast(oneHot(argMax(x, last), x.shape[last]), x.dtype);
      const order = Array.from({ length: rank - 1 }, (_, i) => i);
      return transpose(hot, [...order.slice(0, last), rank - 1, ...order.slice(last)]);
    }),
  /** Inference: the input itself, and a mask of ones. */
  Dropout: (node) => {
    const training = node.optional(2);
    if (training && node.scalar(2) !== 0 && !(node.optional(1) && node.scalar(1) === 0))
      node.fail("is in training mode, where it draws random numbers; export the model in inference mode");
    const x = node.input(0);
    return [x, node.node.outputs.length > 1 ? ones(x) : undefined];
  },
};

/** Up to opset 12 everything from the axis on counts as one axis. */
function alongAxis(node: NodeReader, f: (x: Value, axis: number) => Value): Value {
  const x = node.input(0);
  const axis = node.integer("axis", node.opset < 13 ? 1 : -1);
  if (node.opset >= 13) return f(x, axis);
  const positive = axis < 0 ? axis + x.shape.length : axis;
  if (positive === x.shape.length - 1) return f(x, positive);
  return reshape(f(reshape(x, [size(x.shape.slice(0, positive)), size(x.shape.slice(positive))]), 1), x.shape);
}

function ones(x: Value): Value {
  return cast(add(clip(neg(abs(x)), { low: 0, high: 0 }), 1), "bool");
}
