/**
 * A data set is a record: inputs kept compactly, labels, the names of the classes and the domain the inputs live in.
 * Functions make smaller data sets of it and hand out float32 batches.
 */
import { type Key, permutation, type Shape, ShapeError, sameShape, size, type Tensor, takeRows, tensor, zeros } from "../tensor/index.ts";
import { DataError } from "./errors.ts";

export interface Dataset {
  readonly name: string;
  /** What a reader of results on these data must know ("partial: …", "JPEG q75"). */
  readonly note?: string;
  /** [N, …shape]. A byte v stands for v/255; float32 numbers are handed out as they are. */
  readonly inputs: Tensor<"uint8" | "float32">;
  /** [N], each the index of a class. */
  readonly labels: Int32Array;
  readonly classes: readonly string[];
  /** Shape of one example: [channels, height, width] for images, [features] for tables. */
  readonly shape: Shape;
  /** The smallest and the largest value an input may have, as `batch` hands it out: [0, 1] for images. */
  readonly bounds: readonly [number, number];
}

/** Examples as a model takes them. */
export interface Batch {
  /** [B, …shape] */
  readonly x: Tensor<"float32">;
  /** [B] */
  readonly y: Tensor<"int32">;
  /** [B], the position of each example in the data set. */
  readonly indices: Int32Array;
}

/**
 * A data set from its parts, checked: as many labels as inputs, labels that name a class, finite inputs within the bounds.
 * Class names default to "0", "1", … up to the largest label.
 * @throws DataError, naming the first example that is wrong.
 */
export function dataset(
  parts: Pick<Dataset, "name" | "inputs"> & Partial<Pick<Dataset, "note" | "classes" | "bounds">> & { labels: ArrayLike<number | bigint> },
): Dataset {
  const { name, note, inputs, bounds = [0, 1] } = parts;
  const [examples, ...shape] = inputs.shape;
  if (inputs.shape.length < 2) {
    throw new DataError(
      name,
      `inputs have the shape [${inputs.shape}]`,
      "Give one row per example: [N, channels, height, width] or [N, features]",
    );
  }
  if (examples === 0 || size(shape) === 0)
    throw new DataError(name, `no examples: inputs have the shape [${inputs.shape}]`, "Give at least one");
  if (parts.labels.length !== examples) {
    throw new DataError(name, `${examples} inputs but ${parts.labels.length} labels`, "Give one label per input, in the same order");
  }
  if (inputs.dtype === "uint8" && !sameShape(bounds, [0, 1])) {
    throw new DataError(
      name,
      `inputs are bytes, which stand for [0, 1], but the bounds are [${bounds}]`,
      "Give floats, or leave the bounds out",
    );
  }
  if (inputs.dtype === "float32") checkValues(name, inputs as Tensor<"float32">, bounds);
  const labels = checkLabels(name, parts.labels, parts.classes?.length);
  const classes = parts.classes ?? Array.from({ length: labels.reduce((a, b) => Math.max(a, b), 1) + 1 }, (_, label) => String(label));
  return { name, note, inputs, labels, classes, shape, bounds };
}

/** Number of examples. */
export function count(data: Dataset): number {
  return data.labels.length;
}

/** The examples at `indices`, in that order, as float32: bytes become v/255. Inputs go to `into` where it is given. @throws ShapeError for an index outside. */
export function batch(data: Dataset, indices: ArrayLike<number>, into?: Tensor<"float32">): Batch {
  const chosen = Int32Array.from(indices);
  const x = into ?? zeros([chosen.length, ...data.shape]);
  if (!sameShape(x.shape, [chosen.length, ...data.shape]))
    throw new ShapeError(`${chosen.length} examples of shape [${data.shape}] do not go to memory of shape [${x.shape}]`);
  const width = size(data.shape);
  for (const [i, index] of chosen.entries()) {
    if (!(index >= 0 && index < count(data))) throw new ShapeError(`${data.name} has no example ${index}: it holds ${count(data)}`);
    const source = data.inputs.data.subarray(index * width, (index + 1) * width);
    const target = x.data.subarray(i * width, (i + 1) * width);
    if (source instanceof Uint8Array) writeBrightness(source, target);
    else target.set(source);
  }
  const y = chosen.map((index) => data.labels[index]);
  return { x, y: tensor(y, [chosen.length], "int32"), indices: chosen };
}

function writeBrightness(bytes: Uint8Array, into: Float32Array): void {
  for (let i = 0; i < into.length; i++) into[i] = bytes[i] / 255;
}

/** All examples of a data set as one float32 batch. */
export function whole(data: Dataset): Batch {
  return batch(data, range(count(data)));
}

/** The data set of the examples at `indices`, in that order. @throws ShapeError for an index outside. */
export function subset(data: Dataset, indices: ArrayLike<number>): Dataset {
  const inputs = takeRows(data.inputs, indices);
  return { ...data, inputs, labels: Int32Array.from(indices, (index) => data.labels[index]) };
}

/** The first `wanted` examples (all of them when there are fewer). */
export function take(data: Dataset, wanted: number): Dataset {
  return wanted >= count(data) ? data : subset(data, range(wanted));
}

/**
 * Two disjoint parts: what stays, and `held` examples drawn at random. Stratified, every class gives its share
 * (rounded by largest remainder) of the held part. Both parts keep the order of the data set.
 * @throws DataError when `held` is not an integer between 1 and N − 1.
 */
export function split(
  data: Dataset,
  held: number,
  { key, stratified = true }: { key: Key; stratified?: boolean },
): [rest: Dataset, held: Dataset] {
  const total = count(data);
  if (!Number.isInteger(held) || held < 1 || held >= total) {
    throw new DataError(data.name, `cannot hold ${held} of ${total} examples back`, `Ask for 1 to ${total - 1}`);
  }
  const order = [...permutation(key, total)];
  const groups = stratified ? data.classes.map((_, label) => order.filter((index) => data.labels[index] === label)) : [order];
  const quotas = largestRemainder(
    groups.map((group) => (held * group.length) / total),
    held,
  );
  const chosen = new Set(groups.flatMap((group, g) => group.slice(0, quotas[g])));
  const all = range(total);
  return [
    subset(
      data,
      all.filter((i) => !chosen.has(i)),
    ),
    subset(
      data,
      all.filter((i) => chosen.has(i)),
    ),
  ];
}

/** Whole numbers nearest to `shares` that add up to `total`: the floors, and one more for the largest remainders. */
function largestRemainder(shares: readonly number[], total: number): number[] {
  const quotas = shares.map(Math.floor);
  const missing = total - quotas.reduce((a, b) => a + b, 0);
  const byRemainder = shares
    .map((share, g) => ({ g, remainder: share - quotas[g] }))
    .sort((a, b) => b.remainder - a.remainder || a.g - b.g);
  for (const { g } of byRemainder.slice(0, missing)) quotas[g]++;
  return quotas;
}

function checkValues(name: string, inputs: Tensor<"float32">, [low, high]: readonly [number, number]): void {
  const width = inputs.data.length / inputs.shape[0];
  const wrong = inputs.data.findIndex((value) => !(value >= low && value <= high));
  if (wrong < 0) return;
  const value = inputs.data[wrong];
  throw new DataError(
    name,
    `example ${Math.floor(wrong / width)} holds ${value}, outside the input domain [${low}, ${high}]`,
    Number.isFinite(value)
      ? "Scale the inputs to the domain, or give the bounds of their numbers (--bounds 0,255, or `bounds` beside the arrays)"
      : "Clean the inputs: every number must be finite",
  );
}

function checkLabels(name: string, labels: ArrayLike<number | bigint>, classes = 2 ** 20): Int32Array {
  for (let i = 0; i < labels.length; i++) {
    const label = Number(labels[i]);
    if (!Number.isInteger(label) || label < 0 || label >= classes) {
      throw new DataError(name, `example ${i} has the label ${labels[i]}`, `Labels are integers from 0 to ${classes - 1}`);
    }
  }
  return Int32Array.from(labels, Number);
}

function range(end: number): Int32Array {
  return Int32Array.from({ length: end }, (_, i) => i);
}
