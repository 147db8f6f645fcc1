/** Einstein summation as transposes, one batched matrix product per operand, and sums. */
import {
  broadcastShapes,
  broadcastTo,
  constant,
  expand,
  GraphError,
  gather,
  matMul,
  reduceSum,
  reshape,
  transpose,
  type Value,
} from "../../graph/index.ts";
import { size, tensor } from "../../tensor/index.ts";

/** An operand with a letter for each of its axes. */
interface Labelled {
  readonly value: Value;
  readonly labels: readonly string[];
}

/** The sum over all indices that the output does not name, of the product of the operands (NumPy's rules, with "..." and repeated letters). */
export function einsum(equation: string, operands: readonly Value[]): Value {
  const [left, right] = equation.replaceAll(" ", "").split("->");
  const terms = left.split(",");
  if (terms.length !== operands.length) throw new GraphError(`"${equation}" wants ${terms.length} operands, not ${operands.length}`);
  const wide = Math.max(...terms.map((term, i) => (term.includes("...") ? operands[i].shape.length - term.replace("...", "").length : 0)));
  const parts = terms.map((term, i) => diagonal(operands[i], letters(term, operands[i].shape.length, wide), equation));
  const seen = parts.flatMap(({ labels }) => labels);
  const outputs = right === undefined ? implicit(seen, terms.join("")) : letters(right, right.replace("...", "").length + wide, wide);
  const result = parts.slice(1).reduce((a, b, i) => {
    const later = parts.slice(i + 2).flatMap(({ labels }) => labels);
    return contract(a, b, new Set([...outputs, ...later]));
  }, parts[0]);
  const summed = sumOut(result, new Set(outputs));
  return transpose(
    summed.value,
    outputs.map((label) => {
      const axis = summed.labels.indexOf(label);
      if (axis < 0) throw new GraphError(`the output of "${equation}" names "${label}", which no operand has`);
      return axis;
    }),
  );
}

/** Letters of a term, the axes of "..." (counted from behind) as "0", "1", …; a term without has none. */
function letters(term: string, rank: number, wide: number): string[] {
  const [before, after] = term.split("...");
  if (after === undefined) return [...before];
  const own = rank - before.length - after.length;
  return [...before, ...Array.from({ length: own }, (_, i) => String(wide - own + i)), ...after];
}

/** Without an output: the broadcast axes, then letters that appear once, in alphabetical order. */
function implicit(seen: readonly string[], written: string): string[] {
  const broadcast = [...new Set(seen.filter((label) => /\d/.test(label)))].sort();
  const once = [...new Set(seen)].filter((label) => /[a-zA-Z]/.test(label) && written.split(label).length === 2);
  return [...broadcast, ...once.sort()];
}

/** Repeated letters of one operand select a diagonal. */
function diagonal(value: Value, labels: readonly string[], equation: string): Labelled {
  if (labels.length !== value.shape.length) throw new GraphError(`"${equation}" does not fit an operand of shape [${value.shape}]`);
  const second = labels.findIndex((label, axis) => labels.indexOf(label) < axis);
  if (second < 0) return { value, labels };
  const first = labels.indexOf(labels[second]);
  const n = value.shape[first];
  const rest = labels.map((_, axis) => axis).filter((axis) => axis !== first && axis !== second);
  const flat = reshape(transpose(value, [first, second, ...rest]), [n * n, ...rest.map((axis) => value.shape[axis])]);
  const places = constant(
    tensor(
      Array.from({ length: n }, (_, i) => i * (n + 1)),
      [n],
      "int64",
    ),
  );
  return diagonal(gather(flat, places), [labels[first], ...rest.map((axis) => labels[axis])], equation);
}

/** Sums over the labels that nobody needs any more. */
function sumOut({ value, labels }: Labelled, kept: ReadonlySet<string>): Labelled {
  const axes = labels.flatMap((label, axis) => (kept.has(label) ? [] : [axis]));
  return { value: axes.length > 0 ? reduceSum(value, axes) : value, labels: labels.filter((label) => kept.has(label)) };
}

/** One product: shared labels that are kept are batch axes, shared ones that are not are contracted, the others stay beside each other. */
function contract(first: Labelled, second: Labelled, kept: ReadonlySet<string>): Labelled {
  const a = sumOut(first, new Set([...kept, ...second.labels]));
  const b = sumOut(second, new Set([...kept, ...first.labels]));
  const shared = a.labels.filter((label) => b.labels.includes(label));
  const batch = shared.filter((label) => kept.has(label));
  const inner = shared.filter((label) => !kept.has(label));
  const rows = a.labels.filter((label) => !shared.includes(label));
  const columns = b.labels.filter((label) => !shared.includes(label));
  const extentsOf = (x: Labelled, names: readonly string[]) => names.map((label) => x.value.shape[x.labels.indexOf(label)]);
  const both = (names: readonly string[]) => broadcastShapes(extentsOf(a, names), extentsOf(b, names));
  const ordered = (x: Labelled, names: readonly string[]) =>
    transpose(
      x.value,
      names.map((label) => x.labels.indexOf(label)),
    );
  const [batchShape, innerShape] = [both(batch), both(inner)];
  const [rowShape, columnShape] = [extentsOf(a, rows), extentsOf(b, columns)];
  const left = broadcastTo(ordered(a, [...batch, ...rows, ...inner]), [...batchShape, ...rowShape, ...innerShape]);
  const right = expand(ordered(b, [...batch, ...inner, ...columns]), [...batchShape, ...innerShape, ...columnShape]);
  const product = matMul(
    reshape(left, [...batchShape, size(rowShape), size(innerShape)]),
    reshape(right, [...batchShape, size(innerShape), size(columnShape)]),
  );
  return { value: reshape(product, [...batchShape, ...rowShape, ...columnShape]), labels: [...batch, ...rows, ...columns] };
}
