/** The k largest or smallest along an axis. */
import { apply, GraphError, normalizeAxis, type Operator, operator, type Value } from "../value.ts";
import { gatherElements } from "./gather.ts";
import { lanes } from "./reduce.ts";

const topPositionsOperator: Operator<{ axis: number; k: number; smallest: boolean }> = operator("TopPositions", {
  shape: ([x], { axis, k }) => x.shape.map((extent, i) => (i === axis ? k : extent)),
  dtype: () => "int64",
  gradient: "zero",
  reference: ([x], { axis, k, smallest }, { shape }) => {
    const result = new Float64Array(x.shape[axis] === 0 ? 0 : (x.data.length / x.shape[axis]) * k);
    const [from, to] = [lanes(x, axis), lanes({ shape }, axis)];
    for (const [lane, start] of from.starts.entries()) {
      const at = (position: number) => (smallest ? -1 : 1) * x.data[start + position * from.step];
      const order = Array.from({ length: from.extent }, (_, i) => i).sort((i, j) => at(j) - at(i) || i - j);
      for (let place = 0; place < k; place++) result[to.starts[lane] + place * to.step] = order[place];
    }
    return result;
  },
  batch: ([x], { axis, k, smallest }) => apply(topPositionsOperator, [x.value], { axis: axis + 1, k, smallest }),
});

/**
 * The k largest (or smallest) along an axis in descending (ascending) order, and their positions (int64); the first of equal ones comes first. The
 * gradient goes to the values at these positions; the positions have none. ONNX's TopK gives both.
 */
export function topK(x: Value, k: number, { axis = -1, smallest = false } = {}): [values: Value, positions: Value] {
  const along = normalizeAxis(axis, x.shape.length);
  if (!(Number.isInteger(k) && k >= 0 && k <= x.shape[along])) throw new GraphError(`the ${k} largest of ${x.shape[along]} do not exist`);
  const positions = apply(topPositionsOperator, [x], { axis: along, k, smallest });
  return [gatherElements(x, positions, along), positions];
}
