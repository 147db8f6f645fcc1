/** Factors per channel go into the weights of a convolution next to them, where the weights are fewer than the pixels, or settled. */
import { add, apply, div, inputsOf, mul, rebuild, reshape, sqrt, sub, topological, type Value } from "../../graph/index.ts";
import { sameShape, size } from "../../tensor/index.ts";
import { isSettled, type LoweringPass } from "./index.ts";
import { usesOf } from "./uses.ts";

/** About as often as settled inputs stay while the others change. */
const manyRuns = 10;

/**
 * BatchNormalization(Conv(x, w)) is Conv with scaled weights and another bias, and factors before or behind a convolution's input gradient
 * scale its weights; each where nothing else uses what disappears.
 */
export const foldScales: LoweringPass = (outputs, target) => {
  const uses = usesOf(outputs);
  const fewWeights = ({ inputs: [x, w], shape }: Value) =>
    isSettled(w, target)
      ? inputsOf([w]).length === 0 || size(w.shape) <= manyRuns * Math.min(size(x.shape), size(shape))
      : size(w.shape) <= size(shape);
  // Factors before an input gradient go there and not behind the one before it: those of a batch normalization scale the same weights forwards.
  const before = new Set(
    topological(outputs).flatMap((value) =>
      value.operator.name === "ConvTranspose" && uses.get(value.inputs[0]) === 1 && fewWeights(value) ? [value.inputs[0]] : [],
    ),
  );
  return rebuild(outputs, (value, inputs) => {
    const single = (i: number) => uses.get(value.inputs[i]) === 1;
    switch (value.operator.name) {
      case "BatchNormalization":
        return inputs[0].operator.name === "Conv" && single(0) && fewWeights(inputs[0]) ? normalizedConv(value, inputs) : undefined;
      case "ConvTranspose":
        return before.has(value.inputs[0]) ? scaledBefore(value, inputs) : undefined;
      case "Mul":
        return before.has(value) ? undefined : scaledBehind(value, inputs, { single: (x) => uses.get(x) === 1, fewWeights });
      default:
        return undefined;
    }
  });
};

/** Slope γ/√(σ² + ε) and offset β − μ·slope of a batch normalization, each [C]. */
export function slopeAndOffset(value: Value, [, scale, bias, mean, variance]: readonly Value[]): { slope: Value; offset: Value } {
  const { epsilon } = value.attributes as { epsilon: number };
  const slope = div(scale, sqrt(add(variance, epsilon)));
  return { slope, offset: sub(bias, mul(mean, slope)) };
}

function normalizedConv(value: Value, inputs: readonly Value[]): Value {
  const [x, w, bias] = inputs[0].inputs;
  const { slope, offset } = slopeAndOffset(value, inputs);
  return apply(inputs[0].operator, [x, scaledWeights(w, slope), bias ? add(mul(bias, slope), offset) : offset], inputs[0].attributes);
}

/** ConvTranspose(dy·c, w) = ConvTranspose(dy, c·w). */
function scaledBefore(value: Value, [dy, w]: readonly Value[]): Value | undefined {
  const [factor, rest] = splitScale(dy);
  return factor && apply(value.operator, [rest, scaledWeights(w, factor)], value.attributes);
}

/** c·w with a factor for each of the first axis. */
function scaledWeights(w: Value, factor: Value): Value {
  const plain = factor.operator.name === "Reshape" ? factor.inputs[0] : factor;
  return mul(w, reshape(plain, [-1, ...w.shape.slice(1).map(() => 1)]));
}

/** ConvTranspose(dy, w)·c = ConvTranspose(dy, w·c), also with a mask in between. */
function scaledBehind(
  value: Value,
  inputs: readonly Value[],
  { single, fewWeights }: Record<"single" | "fewWeights", (x: Value) => boolean>,
): Value | undefined {
  const [factor, scaled] = splitScale(apply(value.operator, inputs));
  const original = value.inputs[scaled === inputs[0] ? 0 : 1];
  if (!factor || !single(original)) return undefined;
  const fold = (gradient: Value): Value | undefined => {
    if (gradient.operator.name !== "ConvTranspose" || gradient.attributes.groups !== 1 || !fewWeights(gradient)) return undefined;
    const [dy, w] = gradient.inputs;
    return apply(gradient.operator, [dy, mul(w, reshape(factor, [1, -1, ...w.shape.slice(2).map(() => 1)]))], gradient.attributes);
  };
  if (scaled.operator.name !== "Mul") return fold(scaled);
  const [a, b] = scaled.inputs;
  const folded = single(original.inputs[0]) ? fold(a) : undefined;
  return folded && sameShape(folded.shape, b.shape) ? mul(folded, b) : undefined;
}

/** A product with one factor per channel, taken apart. */
function splitScale(product: Value): [factor: Value, rest: Value] | [undefined, Value] {
  if (product.operator.name === "Mul" && product.shape.length >= 3) {
    const [a, b] = product.inputs;
    const perChannel = [product.shape[1], ...product.shape.slice(2).map(() => 1)];
    if (sameShape(b.shape, perChannel)) return [b, a];
    if (sameShape(a.shape, perChannel)) return [a, b];
  }
  return [undefined, product];
}
