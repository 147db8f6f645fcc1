/** Canonical operators that ONNX does not have, written in ones that it has. */
import {
  add,
  cast,
  div,
  expand,
  floor,
  greater,
  isFloat,
  less,
  lift,
  mul,
  rebuild,
  reshape,
  scatterElements,
  sub,
  type Value,
  where,
} from "../graph/index.ts";
import { size } from "../tensor/index.ts";

/** What takes the place of a value whose operator is not in ONNX, in terms of its inputs; by operator. */
export const compositions: Readonly<Record<string, (value: Value, inputs: readonly Value[]) => Value | undefined>> = {
  Step: (value, [x]) => cast(greater(x, 0), value.dtype),
  /** ONNX's floating Mod has the sign of the dividend, ours that of the divisor. */
  Mod: (value, [a, b]) => (isFloat(value.dtype) ? sub(a, mul(b, floor(div(a, b)))) : undefined),
  ScatterRows: (value, [x, indices]) => scatterRowsOf(value, x, indices),
};

/** The outputs in operators that ONNX has. */
export function inOnnxTerms(outputs: readonly Value[]): Value[] {
  return rebuild(outputs, (value, inputs) => compositions[value.operator.name]?.(value, inputs));
}

function scatterRowsOf(value: Value, x: Value, indices: Value): Value {
  const { axis, extent } = value.attributes as { axis: number; extent: number };
  const [outer, inner, count] = [size(value.shape.slice(0, axis)), size(value.shape.slice(axis + 1)), size(indices.shape)];
  const wide = cast(indices, "int64");
  const positive = where(less(wide, 0), add(wide, extent), wide);
  const places = expand(reshape(positive, [1, count, 1]), [outer, count, inner]);
  const sums = scatterElements(expand(lift(0, x), [outer, extent, inner]), places, reshape(x, [outer, count, inner]), 1);
  return reshape(sums, value.shape);
}
