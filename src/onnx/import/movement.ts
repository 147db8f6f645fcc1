/** Operators that move numbers: transposing, joining, cutting, repeating, padding, masking. */
import { concat, constant, gather, pad, reshape, slice, sliceAxis, tile, transpose, type Value, where } from "../../graph/index.ts";
import { tensor } from "../../tensor/index.ts";
import type { NodeReader } from "../reader.ts";
import type { ImportRules } from "./rule.ts";

export const movement: ImportRules = {
  Transpose: (node) => transpose(node.input(0), node.integers("perm")),
  Concat: (node) => concat(node.all(), node.integer("axis", 0)),
  Split: split,
  Slice: sliced,
  Tile: (node) => tile(node.input(0), node.known(1)),
  Pad: padded,
  /** [N, C·b², H, W] → [N, C, H·b, W·b] */
  DepthToSpace: (node) => {
    const [n, c, h, w] = node.input(0).shape;
    const b = node.integer("blocksize", 1);
    const columnFirst = node.text("mode", "DCR") === "CRD";
    const split = reshape(node.input(0), columnFirst ? [n, c / b ** 2, b, b, h, w] : [n, b, b, c / b ** 2, h, w]);
    return reshape(transpose(split, columnFirst ? [0, 1, 4, 2, 5, 3] : [0, 3, 4, 1, 5, 2]), [n, c / b ** 2, h * b, w * b]);
  },
  /** [N, C, H·b, W·b] → [N, C·b², H, W] */
  SpaceToDepth: (node) => {
    const [n, c, h, w] = node.input(0).shape;
    const b = node.integer("blocksize", 1);
    const split = reshape(node.input(0), [n, c, h / b, b, w / b, b]);
    return reshape(transpose(split, [0, 3, 5, 1, 2, 4]), [n, c * b ** 2, h / b, w / b]);
  },
  /** The upper or lower triangle of the last two axes, zeros elsewhere. */
  Trilu: (node) => {
    const x = node.input(0);
    const [rows, columns] = x.shape.slice(-2);
    const offset = node.scalar(1, 0);
    const upper = node.flag("upper", true);
    const kept = Array.from({ length: node.bounded(rows * columns) }, (_, i) => {
      const diagonal = (i % columns) - Math.floor(i / columns);
      return Number(upper ? diagonal >= offset : diagonal <= offset);
    });
    return rows * columns === 0 ? x : where(constant(tensor(kept, [rows, columns], "bool")), x, 0);
  },
};

/** Extents are an attribute (up to opset 12), an input, or equal parts with a smaller last one. */
function split(node: NodeReader): Value[] {
  const x = node.input(0);
  const written = node.integer("axis", 0);
  const axis = written < 0 ? written + x.shape.length : written;
  const parts = node.integer("num_outputs", node.node.outputs.length);
  const width = Math.ceil(x.shape[axis] / parts);
  const extents =
    node.knownEither("split", 1) ?? Array.from({ length: parts }, (_, i) => Math.max(Math.min(width, x.shape[axis] - i * width), 0));
  if (extents.reduce((a, b) => a + b, 0) !== x.shape[axis])
    node.fail(`splits an axis of extent ${x.shape[axis]} into parts of [${extents}]`);
  let start = 0;
  return extents.map((extent) => sliceAxis(x, axis, start, (start += extent)));
}

/** Bounds count from the end when negative and are cut to the axis, as in NumPy. */
function sliced(node: NodeReader): Value {
  const x = node.input(0);
  const from = node.knownEither("starts", 1) ?? node.fail("lacks its starts");
  const to = node.knownEither("ends", 2) ?? node.fail("lacks its ends");
  const axes = (node.knownEither("axes", 3) ?? from.map((_, i) => i)).map((axis) => (axis < 0 ? axis + x.shape.length : axis));
  const by = node.knownOptional(4) ?? from.map(() => 1);
  const starts = x.shape.map(() => 0);
  const steps = x.shape.map(() => 1);
  const extents = [...x.shape];
  for (const [i, axis] of axes.entries()) {
    const extent = x.shape[axis];
    const step = by[i];
    if (extent === undefined || !step) node.fail(`slices axis ${axis} of [${x.shape}] in steps of ${step}`);
    const bound = (position: number) => {
      const positive = position < 0 ? position + extent : position;
      return step > 0 ? Math.min(Math.max(positive, 0), extent) : Math.min(Math.max(positive, -1), extent - 1);
    };
    const [start, end] = [bound(from[i]), bound(to[i])];
    starts[axis] = start;
    steps[axis] = step;
    extents[axis] = Math.max(Math.ceil((end - start) / step), 0);
  }
  return slice(x, { starts, steps, extents });
}

/** Negative pads cut. Beside a constant the new places may repeat the edge, or mirror or continue the input. */
function padded(node: NodeReader): Value {
  const x = node.input(0);
  const mode = node.text("mode", "constant");
  const written = node.knownEither("pads", 1) ?? node.fail("lacks its pads");
  const axes = (node.knownOptional(3) ?? x.shape.map((_, axis) => axis)).map((axis) => (axis < 0 ? axis + x.shape.length : axis));
  if (written.length !== 2 * axes.length) node.fail(`has ${written.length} pads for ${axes.length} axes`);
  const side = (offset: number) => x.shape.map((_, axis) => (axes.includes(axis) ? written[axes.indexOf(axis) + offset] : 0));
  const [before, after] = [side(0), side(axes.length)];
  if (mode !== "constant") return x.shape.reduce((value, _, axis) => padByCopies(node, value, axis, before[axis], after[axis], mode), x);
  const cut = slice(x, {
    starts: before.map((n) => Math.max(-n, 0)),
    steps: before.map(() => 1),
    extents: x.shape.map((extent, axis) => extent + Math.min(before[axis], 0) + Math.min(after[axis], 0)),
  });
  const value = node.optional(2) ? node.scalar(2) : node.float("value", 0);
  return pad(cut, { before: before.map((n) => Math.max(n, 0)), after: after.map((n) => Math.max(n, 0)), value });
}

function padByCopies(node: NodeReader, x: Value, axis: number, before: number, after: number, mode: string): Value {
  if (before === 0 && after === 0) return x;
  const n = x.shape[axis];
  const source: Readonly<Record<string, (i: number) => number>> = {
    edge: (i) => Math.min(Math.max(i, 0), n - 1),
    reflect: (i) => (n === 1 ? 0 : n - 1 - Math.abs(n - 1 - modulo(i, 2 * n - 2))),
    wrap: (i) => modulo(i, n),
  };
  const place = source[mode] ?? node.fail(`pads in the unknown mode "${mode}"`);
  const places = Array.from({ length: node.bounded(before + n + after) }, (_, i) => place(i - before));
  return gather(x, constant(tensor(places, [places.length], "int64")), axis);
}

const modulo = (a: number, b: number) => ((a % b) + b) % b;
