/** Losses that adversaries ascend, per example, as symbolic functions of logits [N, classes] and integer labels [N]. */
import { add, argMax, cast, crossEntropy, div, mul, oneHot, reduceMax, reduceSum, sub, type Value } from "../graph/index.ts";

export interface LossArguments {
  logits: Value;
  /** True classes, int32 [N]. */
  labels: Value;
  /** Classes aimed at, int32 [N]; used by targeted losses. */
  targets: Value;
}

/** Every loss is to be made large. */
export const losses = {
  /** −log softmax(z)_y */
  "cross-entropy": ({ logits, labels }: LossArguments) => crossEntropy(logits, labels),
  /** log softmax(z)_t */
  "targeted-cross-entropy": ({ logits, targets }: LossArguments) => mul(crossEntropy(logits, targets), -1),
  /** max_{j≠y} z_j − z_y (Carlini & Wagner 2017, without their margin κ) */
  margin: ({ logits, labels }: LossArguments) => sub(otherMaximum(logits, labels), chosen(logits, labels)),
  /** z_t − max_{j≠t} z_j */
  "targeted-margin": ({ logits, targets }: LossArguments) => sub(chosen(logits, targets), otherMaximum(logits, targets)),
  /**
   * The difference of logits ratio −(z_y − max_{j≠y} z_j)/(z_π1 − z_π3), unchanged when logits are shifted or scaled; π sorts them, largest first
   * (Croce & Hein 2020, eq. 6). Needs 3 classes.
   */
  dlr: ({ logits, labels }: LossArguments) => {
    const [first, , third] = largest(logits, 3);
    return ratio(sub(otherMaximum(logits, labels), chosen(logits, labels)), sub(first, third));
  },
  /** −(z_y − z_t)/(z_π1 − (z_π3 + z_π4)/2) (eq. 7). Needs 4 classes. */
  "targeted-dlr": ({ logits, labels, targets }: LossArguments) => {
    const [first, , third, fourth] = largest(logits, 4);
    return ratio(sub(chosen(logits, targets), chosen(logits, labels)), sub(first, mul(add(third, fourth), 0.5)));
  },
  /** z_t − z_y */
  difference: ({ logits, labels, targets }: LossArguments) => sub(chosen(logits, targets), chosen(logits, labels)),
} as const;
export type LossName = keyof typeof losses;

/** What a loss becomes when a class is aimed at. */
export const targetedForm: Readonly<Partial<Record<LossName, LossName>>> = {
  "cross-entropy": "targeted-cross-entropy",
  margin: "targeted-margin",
  dlr: "targeted-dlr",
};

/** Fewest classes with which a loss means something. */
export const fewestClasses: Readonly<Partial<Record<LossName, number>>> = { dlr: 3, "targeted-dlr": 4 };

/** z at the given class, [N]. */
function chosen(logits: Value, classes: Value): Value {
  return reduceSum(mul(logits, oneHot(classes, logits.shape[1], logits.dtype as "float32")), [1]);
}

/** The largest logit among the other classes, [N]. */
function otherMaximum(logits: Value, classes: Value): Value {
  const own = oneHot(cast(classes, "int32"), logits.shape[1], logits.dtype as "float32");
  return reduceMax(sub(logits, mul(own, 1e9)), [1]);
}

/** The `count` largest logits, each [N]; among equals the first comes first. */
function largest(logits: Value, count: number): Value[] {
  let rest = logits;
  return Array.from({ length: count }, () => {
    const place = oneHot(cast(argMax(rest, 1), "int32"), logits.shape[1], logits.dtype as "float32");
    rest = sub(rest, mul(place, 1e30));
    return reduceSum(mul(logits, place), [1]);
  });
}

/** a/b, with the 10⁻¹² of the authors' code in the denominator. */
function ratio(a: Value, b: Value): Value {
  return div(a, add(b, 1e-12));
}
