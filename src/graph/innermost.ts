/**
 * Batching with the batch on the last axis: for many small members, whose own axes are too short for fast loops. Every operator then runs along
 * rows of the batch's length, and the small matrix products of the members are sums of such rows.
 */
import { type Shape, sameShape } from "../tensor/index.ts";
import { batchFirst } from "./broadcast.ts";
import { add, mul } from "./operators/elementwise.ts";
import { matMul } from "./operators/matmul.ts";
import { reduceSum } from "./operators/reduce.ts";
import { expand, moveAxis, reshape, sliceAxis } from "./operators/shape.ts";
import { topological } from "./traverse.ts";
import { apply, type BatchArgument, type Value } from "./value.ts";
import { overLeadingAxis } from "./vectorize.ts";

/** Multiplications of one member's product above which it is left to the matrix product. */
const smallProduct = 4096;
/** Terms up to which a product is written as their sum. */
const fewTerms = 4;

/** What a member computes as `value`, for all of them from inputs [member …, B], or [member …] where they are the same for all. */
type Rule = (value: Value, inputs: readonly BatchArgument[], batchSize: number) => Value | undefined;

/** Outputs with each key of `batches` replaced by its batched value [B, …], as `vectorize` makes them; in between the batch is the last axis. */
export function vectorizeInnermost(outputs: readonly Value[], batches: ReadonlyMap<Value, Value>, batchSize: number): Value[] {
  const results = new Map<Value, BatchArgument>();
  for (const value of topological(outputs)) {
    const batch = batches.get(value);
    const inputs = value.inputs.map((x) => results.get(x) as BatchArgument);
    if (batch) results.set(value, { value: batchLast(batch), batched: true });
    else if (!inputs.some((x) => x.batched)) results.set(value, { value, batched: false });
    else {
      const rule = value.operator.elementwise ? elementwise : rules[value.operator.name];
      const found = rule?.(value, inputs, batchSize) ?? batchLast(overLeadingAxis(value, inputs.map(leading), batchSize));
      results.set(value, { value: found, batched: true });
    }
  }
  return outputs.map((output) => batchFirst(leading(results.get(output) as BatchArgument), batchSize));
}

const batchLast = (value: Value): Value => moveAxis(value, 0, value.shape.length - 1);

const leading = ({ value, batched }: BatchArgument): BatchArgument => ({
  value: batched ? moveAxis(value, value.shape.length - 1, 0) : value,
  batched,
});

/** With unit axes in front up to the rank, and a unit axis for the batch where there is none. */
const aligned = ({ value, batched }: BatchArgument, rank: number): Value => {
  const shape = batched ? value.shape : [...value.shape, 1];
  return reshape(value, [...new Array<number>(rank + 1 - shape.length).fill(1), ...shape]);
};

const elementwise: Rule = ({ operator, attributes, shape }, inputs) =>
  apply(
    operator,
    inputs.map((x) => aligned(x, shape.length)),
    attributes,
  );

const rules: Readonly<Record<string, Rule>> = {
  Reshape: ({ shape }, [x], batchSize) => reshape(x.value, [...shape, batchSize]),
  Transpose: ({ operator, attributes, shape }, [x]) =>
    apply(operator, [x.value], { permutation: [...(attributes.permutation as readonly number[]), shape.length] }),
  Slice: ({ operator, attributes }, [x], batchSize) =>
    apply(operator, [x.value], {
      starts: [...(attributes.starts as readonly number[]), 0],
      steps: [...(attributes.steps as readonly number[]), 1],
      extents: [...(attributes.extents as readonly number[]), batchSize],
    }),
  Concat: ({ operator, attributes }, inputs) =>
    inputs.every((x) => x.batched) ? apply(operator, valuesOf(inputs), attributes) : undefined,
  Expand: ({ shape }, [x], batchSize) => expand(aligned(x, shape.length), [...shape, batchSize]),
  ReduceSum: ({ operator, attributes }, inputs) => apply(operator, valuesOf(inputs), attributes),
  ReduceMean: ({ operator, attributes }, inputs) => apply(operator, valuesOf(inputs), attributes),
  MatMul: product,
};

const valuesOf = (inputs: readonly BatchArgument[]) => inputs.map(({ value }) => value);

/** Σₖ aₙₖ bₖₘ, of rows of the batch; one large product where a is the same for all. */
function product(value: Value, [a, b]: readonly BatchArgument[], batchSize: number): Value | undefined {
  const [n, m] = value.shape.slice(-2);
  const k = value.inputs[0].shape[value.inputs[0].shape.length - 1];
  if (value.shape.length !== 2 || k === 0 || n * k * m > smallProduct) return undefined;
  if (!a.batched) return reshape(matMul(a.value, reshape(b.value, [k, m * batchSize])), [n, m, batchSize]);
  const right = (shape: Shape) => reshape(b.value, [...shape, b.batched ? batchSize : 1]);
  const columns = untransposed(a.value);
  if (columns) return reduceSum(mul(reshape(columns, [k, n, 1, batchSize]), right([k, 1, m])), [0]);
  const factors = [reshape(a.value, [n, k, 1, batchSize]), right([1, k, m])];
  if (k > fewTerms) return reduceSum(mul(factors[0], factors[1]), [1]);
  const terms = Array.from({ length: k }, (_, i) => {
    const [left, right] = factors.map((factor) => sliceAxis(factor, 1, i, i + 1));
    return mul(left, right);
  });
  return reshape(terms.reduce(add), [n, m, batchSize]);
}

/** What a transposed matrix was made from. */
function untransposed({ operator, attributes, inputs }: Value): Value | undefined {
  return operator.name === "Transpose" && sameShape(attributes.permutation as readonly number[], [1, 0, 2]) ? inputs[0] : undefined;
}
