/**
 * Augmentation: random changes of training images that keep their label. What happens to an example is a pure function of
 * (key, example index), whatever batch it travels in. Images are float32 [B, channels, height, width]; what comes in from outside is zero.
 */
import { type Key, ShapeError, type Tensor, uniform } from "../tensor/index.ts";

/** Changes a batch; `indices` are the examples' positions in their data set. */
export type Augmentation = (x: Tensor<"float32">, indices: ArrayLike<number>, key: Key) => Tensor<"float32">;

export interface AugmentationOptions {
  /** Pad by this many zero pixels on every side and crop back to the size at a random place: a shift by whole pixels. */
  crop?: number;
  /** Mirror left and right with probability ½. */
  flip?: boolean;
  /** Rotate about the centre by an angle uniform on ± this many degrees (bilinear). */
  rotate?: number;
  /** Shift by an amount uniform on ± this many pixels in each direction (bilinear). */
  shift?: number;
}

/** The chosen changes in one: rotate and shift, then flip, then crop. */
export function augmentation({ crop = 0, flip = false, rotate = 0, shift = 0 }: AugmentationOptions): Augmentation {
  if (!Number.isInteger(crop) || crop < 0) throw new RangeError(`crop pads by a whole number of pixels, not ${crop}`);
  if (!(rotate >= 0 && shift >= 0)) throw new RangeError(`rotate and shift are not negative, not ${rotate} and ${shift}`);
  return (x, indices, key) => {
    const draws = Array.from(indices, (index) => uniform(key.fold(index), [6]).data);
    let result = x;
    if (rotate > 0 || shift > 0) {
      const motions = draws.map((u) => ({ degrees: rotate * (2 * u[0] - 1), right: shift * (2 * u[1] - 1), down: shift * (2 * u[2] - 1) }));
      result = moveImages(result, motions);
    }
    if (flip)
      result = flipImages(
        result,
        draws.map((u) => u[3] < 0.5),
      );
    const offset = (u: number) => Math.floor(u * (2 * crop + 1)) - crop;
    if (crop > 0)
      result = moveImages(
        result,
        draws.map((u) => ({ right: offset(u[4]), down: offset(u[5]) })),
      );
    return result;
  };
}

/** Mirrors the images marked `true` left to right. */
export function flipImages(x: Tensor<"float32">, marked: readonly boolean[]): Tensor<"float32"> {
  const { height, width, channels } = imageShape(x);
  const data = x.data.slice();
  for (let row = 0; row < data.length; row += width) {
    if (marked[Math.floor(row / (channels * height * width))]) data.subarray(row, row + width).reverse();
  }
  return { dtype: "float32", shape: x.shape, data };
}

/** How one image moves: turned clockwise about its centre, then shifted. */
export interface Motion {
  degrees?: number;
  right?: number;
  down?: number;
}

/** Moves each image by bilinear interpolation; exact for shifts by whole pixels. */
export function moveImages(x: Tensor<"float32">, motions: readonly Motion[]): Tensor<"float32"> {
  const { height, width, channels } = imageShape(x);
  const area = height * width;
  const data = new Float32Array(x.data.length);
  const [middleX, middleY] = [(width - 1) / 2, (height - 1) / 2];
  motions.forEach(({ degrees = 0, right = 0, down = 0 }, image) => {
    const [cos, sin] = [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)];
    for (let row = 0; row < height; row++) {
      for (let column = 0; column < width; column++) {
        const [u, v] = [column - right - middleX, row - down - middleY];
        const [fromX, fromY] = [middleX + cos * u + sin * v, middleY - sin * u + cos * v];
        for (let channel = 0; channel < channels; channel++) {
          const start = (image * channels + channel) * area;
          data[start + row * width + column] = bilinear(x.data, start, width, height, fromX, fromY);
        }
      }
    }
  });
  return { dtype: "float32", shape: x.shape, data };
}

function bilinear(data: Float32Array, start: number, width: number, height: number, x: number, y: number): number {
  const [left, top] = [Math.floor(x), Math.floor(y)];
  const [a, b] = [x - left, y - top];
  let sum = 0;
  for (let dy = 0; dy <= 1; dy++) {
    for (let dx = 0; dx <= 1; dx++) {
      const [column, row] = [left + dx, top + dy];
      const weight = (dx ? a : 1 - a) * (dy ? b : 1 - b);
      if (weight > 0 && column >= 0 && column < width && row >= 0 && row < height) sum += weight * data[start + row * width + column];
    }
  }
  return sum;
}

function imageShape(x: Tensor): { channels: number; height: number; width: number } {
  if (x.shape.length !== 4)
    throw new ShapeError(`augmentation takes images [B, channels, height, width], not a tensor of shape [${x.shape}]`);
  const [, channels, height, width] = x.shape;
  return { channels, height, width };
}
