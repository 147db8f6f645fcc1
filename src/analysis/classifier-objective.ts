/** A classifier's loss around given inputs as an objective: how the instruments of this floor look at a user's model and data. */
import { type LossName, losses } from "../attacks/index.ts";
import { add, constant, input, reshape } from "../graph/index.ts";
import type { Model } from "../models/index.ts";
import type { CompileOptions } from "../runtime/index.ts";
import { cast, type FloatDType, ShapeError, size, type Tensor, takeRows } from "../tensor/index.ts";
import { compileObjective, type Objective } from "./objective.ts";

export interface ClassifierObjectiveOptions extends CompileOptions {
  /** Default "cross-entropy"; "margin" is a difference of logits, whose regularity says how linear the network itself is. */
  loss?: LossName;
  /** Points per example: row i·points + j perturbs example i. */
  points?: number;
  /** Default "float64", for networks with convolutions too; "float32" is faster, and tells maxima less exactly (see `ascentTolerances`). */
  dtype?: FloatDType;
}

/**
 * δ ↦ loss(x_i + δ, y_i) for every example of x [N, …] with labels [N] (also taken as the classes aimed at), in input units; the input box is not applied.
 * Examples do not influence each other (inference mode).
 */
export function classifierObjective(
  { network, weights }: Model,
  x: Tensor,
  labels: ArrayLike<number>,
  { loss = "cross-entropy", points = 1, dtype = "float64", ...runtime }: ClassifierObjectiveOptions = {},
): Objective {
  const [examples, ...shape] = x.shape;
  if (labels.length !== examples) throw new ShapeError(`${labels.length} labels do not fit ${examples} examples`);
  const batch = examples * points;
  const owner = Array.from({ length: batch }, (_, row) => Math.floor(row / points));
  const repeated = cast(takeRows(x, owner), dtype);
  const classes = constant({ dtype: "int32", shape: [batch], data: Int32Array.from(owner, (i) => labels[i]) });
  const center = input("center", repeated.shape, dtype);
  const placeholders = Object.fromEntries(Object.entries(weights).map(([name, weight]) => [name, input(name, weight.shape, dtype)]));
  const bind = compileObjective(
    (delta) => {
      const { logits } = network.apply(add(center, reshape(delta, [batch, ...shape])), placeholders);
      return losses[loss]({ logits, labels: classes, targets: classes });
    },
    { batch, dimension: size(shape), dtype, inputs: { center, ...placeholders }, ...runtime },
  );
  return bind({ center: repeated, ...Object.fromEntries(Object.entries(weights).map(([name, weight]) => [name, cast(weight, dtype)])) });
}
