/** The gradient of max pooling with overlapping windows, in the blocked layout. */
import { add, concat, constant, hardSigmoid, mul, reshape, sub, type Value } from "../../graph/index.ts";
import type { PoolAttributes } from "../../onnx/pooling.ts";
import { full, size } from "../../tensor/index.ts";
import type { Layout } from "./blocked.ts";
import { mostReached, type Reach, reachOf } from "./reach.ts";
import { gatherRuns, overGrid } from "./runs.ts";

/**
 * Place by place of the window, what is left of dy goes to x where it equals the maximum, so that the first maximum takes it; then every pixel adds
 * up what it got. Places outside the image are taken from its border: the first place of the window with the border's pixel stands for it.
 */
export function overlappingGradient(value: Value, [x, dy]: readonly Value[], maximaOf: () => Value, layout: Layout): Value | undefined {
  const { kernel, strides, pads, dilations } = value.attributes as PoolAttributes;
  if (!layout.known(x) || kernel.length !== 2 || size(kernel) > 9 || dilations.some((d) => d !== 1)) return undefined;
  const { block } = layout;
  const blocked = layout.enter(x);
  const [n, filled, ...extents] = blocked.shape;
  const [images, pixels] = [(n * filled) / block, dy.shape.slice(2)];
  const placeOf = (axis: number) => (window: number, tap: number) =>
    Math.min(extents[axis] - 1, Math.max(0, window * strides[axis] + tap - pads[axis]));
  const [row, column] = [placeOf(0), placeOf(1)];
  const maxima = reshape(layout.enter(maximaOf()), [images * size(pixels), block]);
  let left = reshape(layout.enter(dy), maxima.shape);
  const parts = Array.from({ length: size(kernel) }, (_, k) => {
    if (k === size(kernel) - 1) return left;
    const [i, j] = [Math.floor(k / kernel[1]), k % kernel[1]];
    const places = overGrid([images, ...pixels], ([image, h, w]) => (image * extents[0] + row(h, i)) * extents[1] + column(w, j));
    const part = mul(hardSigmoid(sub(gatherRuns(blocked, block, places), maxima), { alpha: 1e38, beta: 1 }), left);
    left = sub(left, part);
    return part;
  });
  const firstOnly =
    (place: (window: number, tap: number) => number) =>
    ({ window, tap }: Reach) =>
      tap > 0 && place(window, tap - 1) === place(window, tap) ? -1 : place(window, tap);
  const vertical = reachOf(extents[0], pixels[0], kernel[0], firstOnly(row));
  const horizontal = reachOf(extents[1], pixels[1], kernel[1], firstOnly(column));
  // Pixels with the same position modulo the strides are reached by equally many windows.
  const [above, aside] = [byResidue(vertical, strides[0]), byResidue(horizontal, strides[1])];
  const all = concat([...parts, constant(full([1, block], 0))], 0);
  const classes = above.flatMap((rows) =>
    aside.map((columns) => {
      const [most, widest] = [mostReached(rows), mostReached(columns)];
      const terms = overGrid([most, widest], ([i, j]) => i * widest + j).map((term) => {
        const sources = overGrid([images, rows.length, columns.length], ([image, h, w]) => {
          const [up, across] = [rows[h][Math.floor(term / widest)], columns[w][term % widest]];
          if (!up || !across) return size(kernel) * images * size(pixels);
          return ((up.tap * kernel[1] + across.tap) * images + image) * size(pixels) + up.window * pixels[1] + across.window;
        });
        return gatherRuns(all, block, sources);
      });
      return terms.reduce((sum, term) => add(sum, term));
    }),
  );
  const starts = classes.map((_, c) => classes.slice(0, c).reduce((total, { shape }) => total + shape[0], 0));
  const places = overGrid([images, ...extents], ([image, h, w]) => {
    const [r, c] = [h % strides[0], w % strides[1]];
    const [height, width] = [above[r].length, aside[c].length];
    return starts[r * aside.length + c] + (image * height + Math.floor(h / strides[0])) * width + Math.floor(w / strides[1]);
  });
  return layout.leave(reshape(gatherRuns(concat(classes, 0), block, places), blocked.shape), value.shape[1]);
}

/** The places of an axis apart by their position modulo the stride. */
function byResidue<T>(places: readonly T[], stride: number): T[][] {
  return Array.from({ length: Math.min(stride, places.length) }, (_, r) => places.filter((_, at) => at % stride === r));
}
