/** Shapes as numbers, constants, and operators that change a shape without moving numbers. */
import { constant, expand, flatten, GraphError, reshape, squeeze, unsqueeze, type Value } from "../../graph/index.ts";
import { full, type Shape, scalar, size, type Tensor, tensor } from "../../tensor/index.ts";
import type { NodeReader } from "../reader.ts";
import type { ImportRules } from "./rule.ts";

const longestRange = 1 << 24;

export const shapes: ImportRules = {
  Constant: constantOf,
  ConstantOfShape: (node) => {
    const value = node.tensor("value") ?? scalar(0);
    return expand(constant({ ...value, shape: [] } as Tensor), node.known(0));
  },
  Shape: (node) => {
    const { shape } = node.input(0);
    return integers(shape.slice(node.integer("start", 0), node.has("end") ? node.integer("end", 0) : undefined));
  },
  Size: (node) => constant(scalar(size(node.input(0).shape), "int64")),
  /** start, start + delta, … up to the limit (exclusive). */
  Range: (node) => {
    const [start, limit, delta] = [node.scalar(0), node.scalar(1), node.scalar(2)];
    const count = Math.max(Math.ceil((limit - start) / delta), 0);
    if (!(count < longestRange)) node.fail(`counts from ${start} to ${limit} in steps of ${delta}, which is too far`);
    const values = Array.from({ length: count }, (_, i) => start + i * delta);
    return constant(tensor(values, [count], node.input(0).dtype));
  },
  EyeLike: (node) => {
    const { shape, dtype } = node.input(0);
    const offset = node.integer("k", 0);
    node.bounded(size(shape));
    const eye = full(shape, 0, "float64");
    for (let i = 0; i < shape[0]; i++) if (i + offset >= 0 && i + offset < shape[1]) eye.data[i * shape[1] + i + offset] = 1;
    return constant(tensor(eye.data, shape, node.dtype("dtype", dtype)));
  },

  Reshape: (node) => reshapeTo(node),
  /** Axes before `axis` in one, those from it on in another. */
  Flatten: (node) => {
    const x = node.input(0);
    const axis = node.integer("axis", 1);
    return flatten(x, axis < 0 ? axis + x.shape.length : axis);
  },
  Squeeze: (node) => squeeze(node.input(0), node.knownEither("axes", 1)),
  Unsqueeze: (node) => unsqueeze(node.input(0), node.knownEither("axes", 1) ?? node.fail("lacks its axes")),
  Expand: (node) => {
    const x = node.input(0);
    return expand(x, broadcast(x.shape, node.known(1)));
  },
};

function constantOf(node: NodeReader): Value {
  const value = node.tensor("value");
  if (value) return constant(value);
  if (node.has("value_float")) return constant(scalar(node.float("value_float", 0)));
  if (node.has("value_int")) return constant(scalar(node.integer("value_int", 0), "int64"));
  const [floats, ints] = [node.floats("value_floats"), node.integers("value_ints")];
  if (floats) return constant(tensor(floats, [floats.length]));
  if (ints) return integers(ints);
  return node.fail("holds no number: texts and sparse tensors are not supported");
}

/** In the target 0 keeps the extent of that axis (unless `allowzero`), and one −1 follows from the others. */
function reshapeTo(node: NodeReader): Value {
  const x = node.input(0);
  const asked = node.known(1);
  const target = asked.map((extent, axis) => (extent === 0 && !node.flag("allowzero") ? x.shape[axis] : extent));
  if (target.some((extent) => extent === undefined || extent < -1) || target.filter((extent) => extent === -1).length > 1)
    node.fail(`asks for the impossible shape [${asked}] of [${x.shape}]`);
  const known = size(target.filter((extent) => extent !== -1));
  if (target.includes(-1) ? known === 0 || size(x.shape) % known !== 0 : known !== size(x.shape))
    node.fail(`reshapes [${x.shape}] to [${asked}], which has another number of elements`);
  return reshape(x, target);
}

/** ONNX's Expand broadcasts both ways: an extent 1 of the target keeps that of the input. */
function broadcast(own: Shape, target: readonly number[]): number[] {
  const rank = Math.max(own.length, target.length);
  return Array.from({ length: rank }, (_, axis) => {
    const [a, b] = [own[axis - rank + own.length] ?? 1, target[axis - rank + target.length] ?? 1];
    if (b < 0 || (a !== 1 && b !== 1 && a !== b)) throw new GraphError(`[${own}] does not expand to [${target}]`);
    return a === 1 ? b : a;
  });
}

function integers(values: readonly number[]): Value {
  return constant(tensor(values, [values.length], "int64"));
}
