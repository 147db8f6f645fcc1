/** The second opinion: a graph evaluated in float64 by the operators' reference rules, in plain TypeScript. */
import { cast, sameShape, type Tensor, tensor, toFloat64 } from "../tensor/index.ts";
import { isFloat } from "./operators/elementwise.ts";
import { topological } from "./traverse.ts";
import { describe, GraphError, inputName, isInput, type Numbers, type Value } from "./value.ts";

/** Data for a graph's inputs: by the placeholder itself or by its name. */
export type Feeds = ReadonlyMap<Value, Tensor> | Readonly<Record<string, Tensor>>;

/**
 * The outputs in float64. Float32 inputs are taken exactly and nothing is rounded on the way, whatever the dtypes in the graph.
 * @throws GraphError when an input is missing or has another shape, or an operator has no reference rule.
 */
export function evaluate(outputs: readonly Value[], feeds: Feeds = {}): Tensor<"float64">[] {
  const numbers = new Map<Value, Numbers>();
  for (const value of topological(outputs)) {
    numbers.set(
      value,
      isInput(value)
        ? fed(value, feeds)
        : computed(
            value,
            value.inputs.map((x) => numbers.get(x) as Numbers),
          ),
    );
  }
  return outputs.map((output) => tensor((numbers.get(output) as Numbers).data, output.shape, "float64"));
}

/** The tensor that a value without placeholders stands for, in its own dtype. */
export function fold(value: Value): Tensor {
  const [result] = evaluate([value]);
  return cast(isFloat(value.dtype) ? result : within(result, integerRanges[value.dtype]), value.dtype);
}

/** Ends of the integer dtypes, as float64 numbers that lie within. */
const integerRanges = { int32: [-(2 ** 31), 2 ** 31 - 1], int64: [-(2 ** 63), 2 ** 63 - 1024], uint8: [0, 255], bool: [0, 1] };

/** Numbers outside the range at its nearer end, and what is no number at 0, so that they fit an integer dtype. */
function within({ data, shape }: Tensor<"float64">, [low, high]: readonly number[]): Tensor<"float64"> {
  return tensor(
    data.map((v) => Math.min(Math.max(Math.trunc(v) || 0, low), high)),
    shape,
    "float64",
  );
}

function fed(placeholder: Value, feeds: Feeds): Numbers {
  const name = inputName(placeholder);
  const data = feeds instanceof Map ? (feeds.get(placeholder) as Tensor | undefined) : (feeds as Record<string, Tensor>)[name];
  if (!data) throw new GraphError(`input "${name}" was given no data`);
  if (!sameShape(data.shape, placeholder.shape))
    throw new GraphError(`input "${name}" wants the shape [${placeholder.shape}], not [${data.shape}]`);
  return { shape: data.shape, data: toFloat64(data) };
}

function computed(value: Value, inputs: readonly Numbers[]): Numbers {
  if (!value.operator.reference) throw new GraphError(`${describe(value)} has no reference rule`);
  return { shape: value.shape, data: value.operator.reference(inputs, value.attributes, value) };
}
