/** What the processor's engine has no kernel for, mostly in float64, in terms of what it has. */
import {
  abs,
  add,
  cast,
  clip,
  constant,
  div,
  equal,
  exp,
  less,
  log,
  max,
  mul,
  neg,
  rebuild,
  reshape,
  sqrt,
  sub,
  tanh,
  unsqueeze,
  type Value,
  where,
} from "../../graph/index.ts";
import { averagePoolGradOf, averagePoolOf } from "../../onnx/pooling.ts";
import { tensor } from "../../tensor/index.ts";
import { erfOf } from "./erf.ts";
import type { LoweringPass } from "./index.ts";
import { convOf, inputGradientOf, weightGradientOf } from "./patches.ts";

type Composition = (value: Value, inputs: readonly Value[], attributes: never) => Value | undefined;

/** Compositions for the operators that the processor lacks in a value's dtype. */
export const supplyMissing: LoweringPass = (outputs) =>
  // Twice, since what averages are made of is convolutions.
  [0, 1].reduce<Value[]>((values) => rebuild(values, compose), [...outputs]);

function compose(value: Value, inputs: readonly Value[]): Value | undefined {
  if (value.operator.name === "OneHot") return oneHotOf(value, inputs[0]);
  if (value.dtype !== "float64") return undefined;
  return inFloat64[value.operator.name]?.(value, inputs, value.attributes as never);
}

/** Operators without a float64 kernel, and those whose attributes ONNX keeps in float32 only. */
const inFloat64: Readonly<Record<string, Composition>> = {
  Conv: ({ shape }, [x, w, bias], attributes) => convOf(x, w, bias, attributes, shape.slice(2)),
  ConvTranspose: ({ shape }, [dy, w], attributes) => inputGradientOf(dy, w, attributes, shape),
  ConvWeightGradient: ({ shape }, [x, dy], attributes) => weightGradientOf(x, dy, attributes, shape),
  AveragePool: (value, [x]) => averagePoolOf(value, x),
  AveragePoolGrad: (value, [dy]) => averagePoolGradOf(value, dy),
  BatchNormalization: (_, [x, scale, bias, mean, variance], { epsilon }: { epsilon: number }) => {
    const channels = (v: Value) => reshape(v, [-1, ...x.shape.slice(2).map(() => 1)]);
    return add(mul(sub(x, channels(mean)), channels(div(scale, sqrt(add(variance, epsilon))))), channels(bias));
  },
  Erf: (_, [x]) => erfOf(x),
  Softplus: (_, [x]) => add(max(x, 0), logOnePlus(exp(neg(abs(x))))),
  Elu: (_, [x], { alpha }: { alpha: number }) => where(less(x, 0), mul(expMinusOne(x), alpha), x),
  LeakyRelu: (_, [x], { alpha }: { alpha: number }) => where(less(x, 0), mul(x, alpha), x),
  HardSigmoid: (_, [x], { alpha, beta }: { alpha: number; beta: number }) => clip(add(mul(x, alpha), beta), { low: 0, high: 1 }),
};

/** One-hot vectors exist for few pairs of dtypes; a comparison with the places exists for all. */
function oneHotOf(value: Value, indices: Value): Value {
  const { depth } = value.attributes as { depth: number };
  const wide = unsqueeze(cast(indices, "int64"), [indices.shape.length]);
  const places = constant(
    tensor(
      Array.from({ length: depth }, (_, i) => i),
      [depth],
      "int64",
    ),
  );
  return cast(equal(where(less(wide, 0), add(wide, depth), wide), places), value.dtype);
}

/** log(1 + u) for u ≥ 0 without losing the digits of a small u (Kahan). */
function logOnePlus(u: Value): Value {
  const w = add(u, 1);
  const lost = equal(w, 1);
  return where(lost, u, div(mul(u, log(w)), where(lost, 1, sub(w, 1))));
}

/** eˣ − 1 for x < 0 without losing the digits of a small x: 2 tanh(x/2) / (1 − tanh(x/2)). */
function expMinusOne(x: Value): Value {
  const t = tanh(mul(x, 0.5));
  return div(mul(t, 2), sub(1, t));
}
