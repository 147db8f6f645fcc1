/** Resizing along axes: copies for "nearest", a matrix of interpolation weights per axis for "linear" and "cubic". */
import { constant, expand, gather, matMul, reshape, transpose, type Value } from "../../graph/index.ts";
import { cast, tensor } from "../../tensor/index.ts";
import type { NodeReader } from "../reader.ts";
import type { ImportRules } from "./rule.ts";

export const resizing: ImportRules = {
  Resize: resize,
  Upsample: (node) => {
    const factors = node.knownOptional(1) ?? node.floats("scales") ?? node.fail("lacks its scales");
    const style = { coordinates: "asymmetric", mode: node.text("mode", "nearest"), rounding: "floor", cubic: -0.75, excludeOutside: false };
    return factors.reduce((x, factor, axis) => resizeAxis(node, x, axis, Math.floor(x.shape[axis] * factor), factor, style), node.input(0));
  },
};

interface Style {
  mode: string;
  coordinates: string;
  rounding: string;
  /** The coefficient a of cubic convolution (Keys 1981). */
  cubic: number;
  excludeOutside: boolean;
}

function resize(node: NodeReader): Value {
  const x = node.input(0);
  const early = node.opset < 11;
  const style = {
    mode: node.text("mode", "nearest"),
    coordinates: early ? "asymmetric" : node.text("coordinate_transformation_mode", "half_pixel"),
    rounding: early ? "floor" : node.text("nearest_mode", "round_prefer_floor"),
    cubic: node.float("cubic_coeff_a", -0.75),
    excludeOutside: node.flag("exclude_outside"),
  };
  if (node.flag("antialias")) node.fail("smooths while it shrinks (antialias), which is not supported");
  const policy = node.text("keep_aspect_ratio_policy", "stretch");
  if (policy !== "stretch") node.fail(`keeps the aspect ratio ("${policy}"), which is not supported`);
  const axes = (node.integers("axes") ?? x.shape.map((_, axis) => axis)).map((axis) => (axis < 0 ? axis + x.shape.length : axis));
  const given = node.knownOptional(early ? 1 : 2);
  const sizes = node.knownOptional(3);
  if (!given?.length && !sizes?.length) node.fail("has neither scales nor sizes");
  return axes.reduce((value, axis, i) => {
    const extent = sizes?.length ? sizes[i] : Math.floor(x.shape[axis] * (given as number[])[i]);
    const factor = sizes?.length ? extent / x.shape[axis] : (given as number[])[i];
    return resizeAxis(node, value, axis, extent, factor, style);
  }, x);
}

function resizeAxis(node: NodeReader, x: Value, axis: number, extent: number, factor: number, style: Style): Value {
  const n = x.shape[axis];
  if (!(extent > 0 && factor > 0)) node.fail(`resizes axis ${axis} of [${x.shape}] to ${extent}`);
  if (extent === n && factor === 1) return x;
  const at = Array.from({ length: node.bounded(extent) }, (_, i) => coordinate(node, style.coordinates, i, n, extent, factor));
  if (style.mode === "nearest") {
    const round = roundings[style.rounding] ?? node.fail(`rounds in the unknown way "${style.rounding}"`);
    return copies(
      x,
      axis,
      at.map((place) => Math.min(Math.max(round(place), 0), n - 1)),
    );
  }
  const taps = style.mode === "linear" ? linearTaps : style.mode === "cubic" ? cubicTaps(style.cubic) : undefined;
  if (!taps) return node.fail(`interpolates in the unknown mode "${style.mode}"`);
  const weights = new Float64Array(node.bounded(extent * n));
  for (const [i, place] of at.entries()) {
    const used = taps(place).filter(({ index }) => !style.excludeOutside || (index >= 0 && index < n));
    const total = style.excludeOutside ? used.reduce((sum, { weight }) => sum + weight, 0) : 1;
    for (const { index, weight } of used) weights[i * n + Math.min(Math.max(index, 0), n - 1)] += weight / total;
  }
  return mixed(x, axis, weights, extent);
}

/** The place in the input, in pixels, that place `i` of the output shows. */
function coordinate(node: NodeReader, mode: string, i: number, n: number, extent: number, factor: number): number {
  switch (mode) {
    case "half_pixel":
      return (i + 0.5) / factor - 0.5;
    case "pytorch_half_pixel":
      return extent > 1 ? (i + 0.5) / factor - 0.5 : 0;
    case "half_pixel_symmetric":
      return (n / 2) * (1 - extent / (n * factor)) + (i + 0.5) / factor - 0.5;
    case "align_corners":
      return extent > 1 ? (i * (n - 1)) / (extent - 1) : 0;
    case "asymmetric":
      return i / factor;
    case "tf_half_pixel_for_nn":
      return (i + 0.5) / factor;
    default:
      return node.fail(`uses the coordinates "${mode}", which are not supported`);
  }
}

const roundings: Readonly<Record<string, (x: number) => number>> = {
  round_prefer_floor: (x) => Math.ceil(x - 0.5),
  round_prefer_ceil: (x) => Math.floor(x + 0.5),
  floor: Math.floor,
  ceil: Math.ceil,
};

type Taps = (place: number) => { index: number; weight: number }[];

const linearTaps: Taps = (place) => {
  const first = Math.floor(place);
  return [
    { index: first, weight: 1 - (place - first) },
    { index: first + 1, weight: place - first },
  ];
};

const cubicTaps =
  (a: number): Taps =>
  (place) => {
    const first = Math.floor(place);
    return [-1, 0, 1, 2].map((offset) => {
      const d = Math.abs(place - first - offset);
      const weight = d <= 1 ? ((a + 2) * d - (a + 3)) * d * d + 1 : ((a * d - 5 * a) * d + 8 * a) * d - 4 * a;
      return { index: first + offset, weight };
    });
  };

/** Whole multiples repeat each place; the rest is picked out. */
function copies(x: Value, axis: number, places: readonly number[]): Value {
  const n = x.shape[axis];
  const factor = places.length / n;
  if (!places.every((place, i) => place === Math.floor(i / factor))) {
    return gather(x, constant(tensor(places, [places.length], "int64")), axis);
  }
  const [before, after] = [x.shape.slice(0, axis), x.shape.slice(axis + 1)];
  if (!Number.isInteger(factor)) return gather(x, constant(tensor(places, [places.length], "int64")), axis);
  return reshape(expand(reshape(x, [...before, n, 1, ...after]), [...before, n, factor, ...after]), [...before, places.length, ...after]);
}

/** The axis as a vector, times a matrix [extent, n]. */
function mixed(x: Value, axis: number, weights: Float64Array, extent: number): Value {
  const n = x.shape[axis];
  const matrix = constant(cast(tensor(weights, [extent, n], "float64"), x.dtype));
  const rank = x.shape.length;
  if (axis === rank - 2) return matMul(matrix, x);
  const swap = Array.from({ length: rank }, (_, i) => (i === axis ? rank - 1 : i === rank - 1 ? axis : i));
  return transpose(matMul(transpose(x, swap), transpose(matrix)), swap);
}
