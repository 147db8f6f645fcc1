/** Pictures of pictures: many images on one PNG sheet, or an image as text. Images are [N, channels, height, width] with 1 or 3 channels, values in [0, 1]. */
import { encode } from "fast-png";
import { ShapeError, size, type Tensor } from "../tensor/index.ts";

export interface SheetOptions {
  /** Images in a row. Default: a square sheet. */
  columns?: number;
  /** Each pixel becomes scale × scale. */
  scale?: number;
  /** Pixels of mid-grey between the images. */
  gap?: number;
}

/** The bytes of a PNG with all images in rows. Values outside [0, 1] are clipped. @throws ShapeError when the tensor holds no images. */
export function sheet(images: Tensor<"float32">, options: SheetOptions = {}): Uint8Array {
  const { count, channels, height, width } = checked(images);
  const { columns = Math.ceil(Math.sqrt(count)), scale = 2, gap = 2 } = options;
  const [cellWidth, cellHeight] = [width * scale + gap, height * scale + gap];
  const sheetWidth = columns * cellWidth + gap;
  const sheetHeight = Math.ceil(count / columns) * cellHeight + gap;
  const data = new Uint8Array(sheetWidth * sheetHeight * channels).fill(128);
  for (let image = 0; image < count; image++) {
    const [left, top] = [gap + (image % columns) * cellWidth, gap + Math.floor(image / columns) * cellHeight];
    for (let y = 0; y < height * scale; y++) {
      for (let x = 0; x < width * scale; x++) {
        const pixel = Math.floor(y / scale) * width + Math.floor(x / scale);
        for (let channel = 0; channel < channels; channel++) {
          const value = images.data[(image * channels + channel) * height * width + pixel];
          data[((top + y) * sheetWidth + left + x) * channels + channel] = Math.round(255 * Math.min(Math.max(value, 0), 1));
        }
      }
    }
  }
  return encode({ width: sheetWidth, height: sheetHeight, data, channels });
}

const ramp = " .:-=+*#%@";

/** Images as text, side by side: brightness as characters, two rows of pixels to a line (characters are twice as high as wide). */
export function ascii(images: Tensor<"float32">): string {
  const { count, channels, height, width } = checked(images);
  const area = height * width;
  const brightness = (image: number, y: number, x: number) => {
    let sum = 0;
    for (let channel = 0; channel < channels; channel++)
      sum += images.data[(image * channels + channel) * area + Math.min(y, height - 1) * width + x];
    return sum / channels;
  };
  const character = (image: number, y: number, x: number) => {
    const value = (brightness(image, y, x) + brightness(image, y + 1, x)) / 2;
    return ramp[Math.round(Math.min(Math.max(value, 0), 1) * (ramp.length - 1))];
  };
  const line = (image: number, y: number) => Array.from({ length: width }, (_, x) => character(image, y, x)).join("");
  const lines = Array.from({ length: Math.ceil(height / 2) }, (_, row) =>
    Array.from({ length: count }, (_, image) => line(image, 2 * row)).join(" "),
  );
  return lines.join("\n");
}

function checked(images: Tensor): { count: number; channels: number; height: number; width: number } {
  const [count, channels, height, width] = images.shape;
  if (images.shape.length !== 4 || (channels !== 1 && channels !== 3) || size(images.shape) === 0) {
    throw new ShapeError(`a sheet shows images [N, 1 or 3, height, width], not a tensor of shape [${images.shape}]`);
  }
  return { count, channels, height, width };
}
