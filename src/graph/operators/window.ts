/** Windows sliding over spatial axes: what convolution and pooling share. Layout is [N, C, …spatial], with any number of spatial axes. */
import { size } from "../../tensor/index.ts";
import { GraphError } from "../value.ts";

/** Strides and dilations per spatial axis; `pads` are the beginnings of all axes, then their ends, as in ONNX. */
export type WindowAttributes = { strides: readonly number[]; pads: readonly number[]; dilations: readonly number[] };

export interface WindowOptions {
  /** Steps between neighbouring windows: one number for all axes, or one per axis. */
  strides?: number | readonly number[];
  /** Places added around the input: one number for every side, or the beginnings of all axes and then their ends. */
  pads?: number | readonly number[];
  /** Distance between neighbouring places of a window: one number for all axes, or one per axis. */
  dilations?: number | readonly number[];
}

/** Options with one number per axis. @throws GraphError for a wrong number of them, or numbers that make no window. */
export function windowAttributes(rank: number, { strides = 1, pads = 0, dilations = 1 }: WindowOptions): WindowAttributes {
  return {
    strides: perAxis("strides", strides, rank, 1),
    pads: perAxis("pads", pads, 2 * rank, 0),
    dilations: perAxis("dilations", dilations, rank, 1),
  };
}

/** `length` integers from one number or a list. @throws GraphError when there are more or fewer, or one is below `least`. */
export function perAxis(name: string, given: number | readonly number[], length: number, least: number): readonly number[] {
  const list = typeof given === "number" ? new Array<number>(length).fill(given) : [...given];
  if (list.length !== length) throw new GraphError(`${name} [${list}] must be ${length} numbers`);
  if (list.some((n) => !Number.isInteger(n) || n < least)) throw new GraphError(`${name} [${list}] must be integers not below ${least}`);
  return list;
}

/**
 * How many windows fit along each axis: ⌊(extent + pads − dilation·(kernel − 1) − 1) / stride⌋ + 1. With `ceil` a last window may
 * stick out behind, as long as it begins in the input or in the padding before it.
 * @throws GraphError when none fits.
 */
export function windowCounts(
  spatial: readonly number[],
  kernel: readonly number[],
  { strides, pads, dilations }: WindowAttributes,
  ceil = false,
): number[] {
  return spatial.map((extent, axis) => {
    const room = extent + pads[axis] + pads[axis + spatial.length] - dilations[axis] * (kernel[axis] - 1) - 1;
    if (!(room >= 0))
      throw new GraphError(`a window of [${kernel}] with dilations [${dilations}] is larger than [${spatial}] padded by [${pads}]`);
    const windows = (ceil ? Math.ceil(room / strides[axis]) : Math.floor(room / strides[axis])) + 1;
    return ceil && (windows - 1) * strides[axis] >= extent + pads[axis] ? windows - 1 : windows;
  });
}

/**
 * For each place k of the window and each window p (row k, column p), the flat spatial index of the input under it; −1 in the padding, −2
 * beyond it.
 */
export function windowPlaces(
  spatial: readonly number[],
  kernel: readonly number[],
  windows: readonly number[],
  { strides, pads, dilations }: WindowAttributes,
): Int32Array[] {
  const origins = coordinates(windows);
  return coordinates(kernel).map((offset) => {
    const places = new Int32Array(origins.length);
    for (const [p, origin] of origins.entries()) {
      let place = 0;
      for (let axis = 0; axis < spatial.length; axis++) {
        const i = origin[axis] * strides[axis] + offset[axis] * dilations[axis] - pads[axis];
        if (i >= spatial[axis] + pads[axis + spatial.length]) place = -2;
        else if (i < 0 || i >= spatial[axis]) place = Math.min(place, -1);
        else if (place >= 0) place = place * spatial[axis] + i;
      }
      places[p] = place;
    }
    return places;
  });
}

/** Every multi-index of a shape, row-major. */
function coordinates(shape: readonly number[]): number[][] {
  return Array.from({ length: size(shape) }, (_, flat) => {
    const index = new Array<number>(shape.length);
    for (let axis = shape.length - 1, rest = flat; axis >= 0; axis--) {
      index[axis] = rest % shape[axis];
      rest = Math.floor(rest / shape[axis]);
    }
    return index;
  });
}
