/** Galleries: grey or RGB pictures side by side with their labels. */
import { encode } from "fast-png";
import type { Gallery } from "../papers/figure.ts";
import { pngUri } from "./heatmap.ts";
import { type Drawing, escaped, round, text, textWidth } from "./svg.ts";
import { colour } from "./theme.ts";

const WIDTH = 880;
const GAP = 12;
const LABEL = 11;

/** Draws a gallery, as many pictures in a row as fit. */
export function drawGallery({ images }: Gallery): Drawing {
  const cell = images.length > 20 ? 68 : 100;
  const columns = Math.max(1, Math.min(images.length, Math.floor((WIDTH + GAP) / (cell + GAP))));
  const rowHeight = cell + 1.5 * LABEL + GAP;
  const content = images.map(({ label, shape, pixels }, i) => {
    const [left, top] = [(i % columns) * (cell + GAP), Math.floor(i / columns) * rowHeight];
    const largest = Math.max(shape[1], shape[2]);
    const [height, width] = [(shape[1] * cell) / largest, (shape[2] * cell) / largest];
    const frame = `x="${round(left)}" y="${round(top)}" width="${round(width)}" height="${round(height)}"`;
    return (
      `<g><title>${escaped(label)}</title><image ${frame} preserveAspectRatio="none" href="${pngUri(encodePicture(shape, pixels, Math.ceil(200 / largest)))}"/>` +
      `<rect ${frame} fill="none" stroke="${colour("line")}"/>${text(left + cell / 2, top + cell + 1.2 * LABEL, shorten(label, cell + GAP - 2), `font-size="${LABEL}"`)}</g>`
    );
  });
  return {
    width: Math.max(WIDTH, columns * (cell + GAP)),
    height: Math.ceil(images.length / columns) * rowHeight,
    content: content.join(""),
  };
}

/** The PNG of a picture [channels, height, width] in 0..1 (values outside are clipped), every pixel `zoom` × `zoom`, so that no viewer smooths it. */
export function encodePicture(
  [channels, height, width]: readonly [number, number, number],
  pixels: readonly number[],
  zoom = 1,
): Uint8Array {
  if (pixels.length !== channels * height * width || (channels !== 1 && channels !== 3))
    throw new RangeError(
      `a picture of shape [${channels}, ${height}, ${width}] is grey or RGB and has ${channels * height * width} values, not ${pixels.length}`,
    );
  const data = new Uint8Array(channels * height * zoom * width * zoom);
  let at = 0;
  for (let y = 0; y < height * zoom; y++)
    for (let x = 0; x < width * zoom; x++)
      for (let channel = 0; channel < channels; channel++) {
        const value = pixels[(channel * height + Math.floor(y / zoom)) * width + Math.floor(x / zoom)];
        data[at++] = Math.round(255 * Math.min(1, Math.max(0, value)));
      }
  return encode({ width: width * zoom, height: height * zoom, data, channels });
}

function shorten(label: string, width: number): string {
  if (textWidth(label, LABEL) <= width) return label;
  return `${label.slice(0, Math.max(1, Math.floor(width / textWidth("x", LABEL) - 1)))}…`;
}
