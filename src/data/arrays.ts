/**
 * Data sets out of named arrays, as .npz files and folders of .npy files hold them: `x_train`, `y_train`, `x_test`, `y_test`, or plainly
 * `x` and `y` (`images` and `labels`) when there is only one split.
 */
import { cast, type Tensor, tensor } from "../tensor/index.ts";
import { type Dataset, dataset } from "./dataset.ts";
import { DataError } from "./errors.ts";

export type Split = "train" | "test";

/** Names under which the inputs and labels of a split are looked for, in this order. */
export function arrayNames(split: Split): readonly (readonly [inputs: string, labels: string])[] {
  return [
    [`x_${split}`, `y_${split}`],
    [`${split}_images`, `${split}_labels`],
    ["x", "y"],
    ["images", "labels"],
  ];
}

/**
 * One split of the arrays as a data set. Inputs: uint8 (0..255) or floats in `bounds`; [N, features], [N, height, width], [N, channels, height, width] or
 * [N, height, width, channels] with 1 or 3 channels. Labels: integers [N]. `bounds`, or an array of that name with two numbers, set another input domain
 * than [0, 1].
 * @throws DataError when an array is missing or its shape or type does not fit.
 */
export function fromArrays(
  arrays: Readonly<Record<string, Tensor>>,
  { split, name, bounds }: { split: Split; name: string; bounds?: readonly number[] },
): Dataset {
  const pair = arrayNames(split).find(([inputs, labels]) => arrays[inputs] && arrays[labels]);
  if (!pair) {
    throw new DataError(
      name,
      `no arrays for the split "${split}": found ${Object.keys(arrays).join(", ") || "none"}`,
      `Name them x_${split} and y_${split}, or x and y when there is one split only`,
    );
  }
  const single = !pair[0].includes(split);
  const [low, high] = bounds ?? (arrays.bounds ? Array.from(cast(arrays.bounds, "float64").data) : [0, 1]);
  if (!(low < high)) throw new DataError(name, `bounds are [${low}, ${high}]`, "Give the smallest and the largest value of an input");
  return dataset({
    name,
    note: single ? "one split only: train and test are the same examples" : undefined,
    inputs: toInputs(arrays[pair[0]], `${name}: ${pair[0]}`),
    labels: toLabels(arrays[pair[1]], `${name}: ${pair[1]}`),
    bounds: [low, high],
  });
}

function toInputs(array: Tensor, where: string): Dataset["inputs"] {
  return array.dtype === "uint8" ? layOut(array as Tensor<"uint8">, where) : layOut(float32(array, where), where);
}

/** Images get the layout [N, channels, height, width]; tables stay as they are. */
function layOut<D extends "uint8" | "float32">(numbers: Tensor<D>, where: string): Tensor<D> {
  const { dtype, shape, data } = numbers;
  if (shape.length === 2) return numbers;
  if (shape.length === 3) return { dtype, shape: [shape[0], 1, shape[1], shape[2]], data };
  const colours = (extent: number) => extent === 1 || extent === 3;
  if (shape.length === 4 && colours(shape[1])) return numbers;
  if (shape.length === 4 && colours(shape[3])) return channelsFirst(numbers);
  throw new DataError(
    where,
    `inputs have the shape [${shape}]`,
    "Give [N, features], [N, height, width], [N, channels, height, width] or [N, height, width, channels] with 1 or 3 channels",
  );
}

function float32(array: Tensor, where: string): Tensor<"float32"> {
  if (array.dtype === "float32" || array.dtype === "float64") return cast(array, "float32");
  throw new DataError(where, `inputs are ${array.dtype}`, "Give bytes (uint8, 0 to 255) or floats in the input domain");
}

function toLabels(array: Tensor, where: string): ArrayLike<number | bigint> {
  const integers = array.dtype === "int32" || array.dtype === "int64" || array.dtype === "uint8";
  const column = array.shape.length === 2 && array.shape[1] === 1;
  if (!integers || !(array.shape.length === 1 || column)) {
    throw new DataError(
      where,
      `labels are ${array.dtype} of shape [${array.shape}]`,
      "Give one integer per example: shape [N], int32, int64 or uint8",
    );
  }
  return array.data;
}

/** [N, height, width, channels] to [N, channels, height, width]. */
export function channelsFirst<D extends "uint8" | "float32">(images: Tensor<D>): Tensor<D> {
  const [count, height, width, channels] = images.shape;
  const area = height * width;
  const data = images.data.slice();
  for (let i = 0; i < data.length; i++) {
    const [image, inside] = [Math.floor(i / (area * channels)), i % (area * channels)];
    data[i] = images.data[image * area * channels + (inside % area) * channels + Math.floor(inside / area)];
  }
  return tensor(data, [count, channels, height, width], images.dtype);
}
