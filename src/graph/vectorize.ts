/** A graph for one becomes a graph for a batch on a leading axis, by the operators' batch rules. */
import { batchFirst } from "./broadcast.ts";
import { reshape, sliceAxis, stack } from "./operators/shape.ts";
import { topological } from "./traverse.ts";
import { apply, type BatchArgument, type Value } from "./value.ts";

/** Outputs with each key of `batches` replaced by its batched value; outputs that do not depend on any are repeated. */
export function vectorize(outputs: readonly Value[], batches: ReadonlyMap<Value, Value>, batchSize: number): Value[] {
  const results = new Map<Value, BatchArgument>();
  for (const value of topological(outputs)) {
    const batch = batches.get(value);
    const inputs = value.inputs.map((x) => results.get(x) as BatchArgument);
    if (batch) results.set(value, { value: batch, batched: true });
    else if (!inputs.some((x) => x.batched)) results.set(value, { value, batched: false });
    else results.set(value, { value: overLeadingAxis(value, inputs, batchSize), batched: true });
  }
  return outputs.map((output) => batchFirst(results.get(output) as BatchArgument, batchSize));
}

/** One operator for the whole batch: by its batch rule, or member by member where it has none. */
export function overLeadingAxis({ operator, attributes }: Value, inputs: readonly BatchArgument[], batchSize: number): Value {
  const member = (i: number) =>
    apply(
      operator,
      inputs.map((x) => (x.batched ? reshape(sliceAxis(x.value, 0, i, i + 1), x.value.shape.slice(1)) : x.value)),
      attributes,
    );
  return operator.batch?.(inputs, attributes, batchSize) ?? stack(Array.from({ length: batchSize }, (_, i) => member(i)));
}
