/**
 * The same graph for many at once: a function of single values becomes one graph for a batch of them. Per-example gradients, ensembles of
 * weight sets and empirical kernels are this one transformation.
 */
import { grad } from "./differentiate.ts";
import { vectorizeInnermost } from "./innermost.ts";
import { reshape } from "./operators/shape.ts";
import { moveRankOneFactors } from "./rank-one.ts";
import { describe, GraphError, input, type Value } from "./value.ts";
import { vectorize } from "./vectorize.ts";

/**
 * `f` applied to each member of a batch. `inputs[i]` is [B, …] where `batched[i]` (default: all), else the same for every member; `f` is
 * called once, with placeholders of the members' shapes. Results are [B, …]. With `innermost` the batch is the last axis of everything between:
 * faster where members are small and many.
 */
export function vmap(
  f: (...members: Value[]) => readonly Value[],
  inputs: readonly Value[],
  { batched = inputs.map(() => true), innermost = false }: { batched?: readonly boolean[]; innermost?: boolean } = {},
): Value[] {
  const batchSize = inputs.find((_, i) => batched[i])?.shape[0];
  if (batchSize === undefined) throw new GraphError("vmap needs at least one batched input, with a leading axis");
  const members = inputs.map((x, i) => {
    if (!batched[i]) return x;
    if (x.shape[0] !== batchSize) throw new GraphError(`${describe(x)} does not have the batch's leading extent ${batchSize}`);
    return input(`member ${i}`, x.shape.slice(1), x.dtype as "float32");
  });
  const batches = new Map(members.flatMap((member, i) => (batched[i] ? [[member, inputs[i]] as const] : [])));
  const outputs = f(...members);
  return innermost ? vectorizeInnermost(moveRankOneFactors(outputs), batches, batchSize) : vectorize(outputs, batches, batchSize);
}

/**
 * Gradients of a scalar function per example: for each parameter, [B, …shape of the parameter]. `loss(…examples)` is called with examples of
 * leading extent 1 ([1, …]), as models take them; the batched values are [B, …].
 */
export function perExample(loss: (...example: Value[]) => Value, parameters: readonly Value[], examples: readonly Value[]): Value[] {
  return vmap((...members) => grad(loss(...members.map((x) => reshape(x, [1, ...x.shape]))), parameters), examples);
}
