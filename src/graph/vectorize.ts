/**
 * The same graph for many at once: a function of single values becomes one graph with a leading batch axis, by the operators' batch rules.
 * Per-example gradients, ensembles of weight sets and empirical kernels are this one transformation.
 */
import { batchFirst } from "./broadcast.ts";
import { grad } from "./differentiate.ts";
import { reshape, sliceAxis, stack } from "./operators/shape.ts";
import { topological } from "./traverse.ts";
import { apply, describe, GraphError, input, type Value } from "./value.ts";

/**
 * `f` applied to each member of a batch. `inputs[i]` is [B, …] where `batched[i]` (default: all), else the same for every member; `f` is
 * called once, with placeholders of the members' shapes. Results are [B, …].
 */
export function vmap(
  f: (...members: Value[]) => readonly Value[],
  inputs: readonly Value[],
  { batched = inputs.map(() => true) }: { batched?: readonly boolean[] } = {},
): Value[] {
  const batchSize = inputs.find((_, i) => batched[i])?.shape[0];
  if (batchSize === undefined) throw new GraphError("vmap needs at least one batched input, with a leading axis");
  const members = inputs.map((x, i) => {
    if (!batched[i]) return x;
    if (x.shape[0] !== batchSize) throw new GraphError(`${describe(x)} does not have the batch's leading extent ${batchSize}`);
    return input(`member ${i}`, x.shape.slice(1), x.dtype as "float32");
  });
  return vectorize(f(...members), new Map(members.flatMap((member, i) => (batched[i] ? [[member, inputs[i]] as const] : []))), batchSize);
}

/**
 * Gradients of a scalar function per example: for each parameter, [B, …shape of the parameter]. `loss(…examples)` is called with examples of
 * leading extent 1 ([1, …]), as models take them; the batched values are [B, …].
 */
export function perExample(loss: (...example: Value[]) => Value, parameters: readonly Value[], examples: readonly Value[]): Value[] {
  return vmap((...members) => grad(loss(...members.map((x) => reshape(x, [1, ...x.shape]))), parameters), examples);
}

/** Outputs with each key of `batches` replaced by its batched value; outputs that do not depend on any are repeated. */
export function vectorize(outputs: readonly Value[], batches: ReadonlyMap<Value, Value>, batchSize: number): Value[] {
  const results = new Map<Value, { value: Value; batched: boolean }>();
  for (const value of topological(outputs)) {
    const batch = batches.get(value);
    const inputs = value.inputs.map((x) => results.get(x) as { value: Value; batched: boolean });
    if (batch) results.set(value, { value: batch, batched: true });
    else if (!inputs.some((x) => x.batched)) results.set(value, { value, batched: false });
    else {
      const fast = value.operator.batch?.(inputs, value.attributes, batchSize);
      results.set(value, { value: fast ?? oneByOne(value, inputs, batchSize), batched: true });
    }
  }
  return outputs.map((output) => batchFirst(results.get(output) as { value: Value; batched: boolean }, batchSize));
}

function oneByOne(value: Value, inputs: readonly { value: Value; batched: boolean }[], batchSize: number): Value {
  const member = (i: number) =>
    apply(
      value.operator,
      inputs.map((x) => (x.batched ? reshape(sliceAxis(x.value, 0, i, i + 1), x.value.shape.slice(1)) : x.value)),
      value.attributes,
    );
  return stack(Array.from({ length: batchSize }, (_, i) => member(i)));
}
