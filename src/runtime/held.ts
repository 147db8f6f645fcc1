/** What depends on inputs that change seldom alone (weights while inputs are attacked: their reordering, scaling, transposition) is computed apart. */
import { input, isInput, substitute, topological, type Value } from "../graph/index.ts";

export interface Split {
  /** Values computed from the held inputs alone that something else needs. */
  readonly prepared: readonly Value[];
  /** The placeholders that stand for them in `outputs`. */
  readonly places: readonly Value[];
  readonly outputs: readonly Value[];
}

/** Divides the graph of lowered outputs at the last values that depend on nothing but held inputs and constants. */
export function splitHeld(outputs: readonly Value[], held: readonly Value[]): Split {
  const order = topological(outputs);
  const free = new Set<Value>();
  const early = new Set<Value>(held);
  for (const value of order) {
    if (isInput(value) || early.has(value)) continue;
    if (value.inputs.every((x) => free.has(x))) free.add(value);
    else if (value.inputs.every((x) => free.has(x) || early.has(x))) early.add(value);
  }
  const needed = new Set<Value>();
  // A reshape costs nothing but at the end of a program, where it copies: it is left to those who need it.
  const need = (x: Value): unknown => (early.has(x) && x.operator.name === "Reshape" ? need(x.inputs[0]) : needed.add(x));
  for (const x of [...outputs, ...order.filter((value) => !early.has(value)).flatMap(({ inputs }) => inputs)]) need(x);
  const prepared = order.filter((value) => early.has(value) && !isInput(value) && needed.has(value));
  const places = prepared.map(({ shape, dtype }, i) => input(`prepared ${i}`, shape, dtype));
  return { prepared, places, outputs: substitute(outputs, new Map(prepared.map((value, i) => [value, places[i]]))) };
}
