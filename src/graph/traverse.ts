/** Walking a graph, and building a new one from it with some values replaced. */
import { apply, isInput, type Value } from "./value.ts";

/** Every value that the outputs reach, inputs before what is computed from them. */
export function topological(outputs: readonly Value[]): Value[] {
  const seen = new Set<Value>();
  const pending = [...outputs];
  while (pending.length > 0) {
    const value = pending.pop() as Value;
    if (seen.has(value)) continue;
    seen.add(value);
    pending.push(...value.inputs);
  }
  return [...seen].sort((a, b) => a.id - b.id);
}

/** The placeholders that the outputs depend on, in order of creation. */
export function inputsOf(outputs: readonly Value[]): Value[] {
  return topological(outputs).filter(isInput);
}

/** The subset of values that depend on any of `sources` (the sources included), given values in topological order. */
export function dependents(order: readonly Value[], sources: Iterable<Value>): Set<Value> {
  const found = new Set(sources);
  for (const value of order) {
    if (value.inputs.some((x) => found.has(x))) found.add(value);
  }
  return found;
}

/**
 * Rebuilds the graph of the outputs bottom-up. `replace` sees each value with its rebuilt inputs and gives what takes its place;
 * undefined keeps the value (applied anew only when an input has changed).
 */
export function rebuild(outputs: readonly Value[], replace: (value: Value, inputs: readonly Value[]) => Value | undefined): Value[] {
  const built = new Map<Value, Value>();
  for (const value of topological(outputs)) {
    const inputs = value.inputs.map((x) => built.get(x) as Value);
    built.set(value, replace(value, inputs) ?? sameOrApplied(value, inputs));
  }
  return outputs.map((output) => built.get(output) as Value);
}

/** The outputs with given values put in place of others; shapes and dtypes follow from the new ones. */
export function substitute(outputs: readonly Value[], replacements: ReadonlyMap<Value, Value>): Value[] {
  return rebuild(outputs, (value) => replacements.get(value));
}

function sameOrApplied(value: Value, inputs: readonly Value[]): Value {
  return inputs.every((x, i) => x === value.inputs[i]) ? value : apply(value.operator, inputs, value.attributes);
}
