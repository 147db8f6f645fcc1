/** How often each value is used: a value that is used once can disappear into its user. */
import { topological, type Value } from "../../graph/index.ts";

/** Number of operands that a value is, counting each output once. */
export function usesOf(outputs: readonly Value[]): ReadonlyMap<Value, number> {
  const uses = new Map<Value, number>();
  const count = (value: Value) => uses.set(value, (uses.get(value) ?? 0) + 1);
  for (const value of topological(outputs)) value.inputs.forEach(count);
  outputs.forEach(count);
  return uses;
}
