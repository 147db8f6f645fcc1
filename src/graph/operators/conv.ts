/**
 * Convolution in any number of spatial axes. Its three operators are the derivatives of one trilinear form, ⟨y, Conv(x, w)⟩ with
 * x [N, C, …], w [O, C/groups, …], y [N, O, …], in y, x and w; so the gradient of each consists of the two others.
 */
import { type Shape, sameShape, size } from "../../tensor/index.ts";
import { mergeBatch, splitBatch } from "../broadcast.ts";
import { apply, type BatchArgument, describe, GraphError, type Operator, operator, type Value } from "../value.ts";
import { add } from "./elementwise.ts";
import { reduceSum } from "./reduce.ts";
import { reshape } from "./shape.ts";
import { perAxis, type WindowAttributes, type WindowOptions, windowAttributes, windowCounts, windowPlaces } from "./window.ts";

export interface ConvOptions extends WindowOptions {
  /** Channels fall into this many groups that do not see each other. */
  groups?: number;
}
type ConvAttributes = WindowAttributes & { groups: number };

/**
 * Cross-correlation y[n,o,p] = b[o] + Σ w[o,i,k] x[n,i, stride·p + dilation·k − pad] (ONNX Conv): x [N, C, …], w [O, C/groups, …], bias [O].
 * @throws GraphError when channels, groups or extents do not fit.
 */
export function conv(x: Value, w: Value, bias?: Value, options: ConvOptions = {}): Value {
  return apply(convOperator, bias ? [x, w, bias] : [x, w], convAttributes(x, options));
}

/**
 * The derivative of ⟨dy, Conv(x, w)⟩ in x, an input with the spatial extents `spatial` (ONNX ConvTranspose): dy [N, O, …], w [O, C/groups, …] →
 * [N, C, …spatial].
 */
export function convInputGradient(dy: Value, w: Value, { spatial, ...options }: ConvOptions & { spatial: Shape }): Value {
  return apply(inputGradientOperator, [dy, w], {
    ...convAttributes(dy, options),
    spatial: perAxis("spatial", spatial, dy.shape.length - 2, 1),
  });
}

/** The derivative of ⟨dy, Conv(x, w)⟩ in w, with the spatial extents `kernel`: x [N, C, …], dy [N, O, …] → [O, C/groups, …kernel]. */
export function convWeightGradient(x: Value, dy: Value, { kernel, ...options }: ConvOptions & { kernel: Shape }): Value {
  return apply(weightGradientOperator, [x, dy], {
    ...convAttributes(x, options),
    kernel: perAxis("kernel", kernel, x.shape.length - 2, 1),
  });
}

const convOperator: Operator<ConvAttributes> = operator<ConvAttributes>("Conv", {
  shape: ([x, w, bias], attributes) => {
    sameDTypes([x, w, ...(bias ? [bias] : [])]);
    if (bias && !sameShape(bias.shape, w.shape.slice(0, 1)))
      throw new GraphError(`${describe(bias)} is no bias for weights ${describe(w)}`);
    return convShape(x.shape, w.shape, attributes);
  },
  gradient: ([x, w, bias], dy, _y, attributes) => {
    const dx = convInputGradient(dy, w, { ...attributes, spatial: x.shape.slice(2) });
    const dw = convWeightGradient(x, dy, { ...attributes, kernel: w.shape.slice(2) });
    return bias ? [dx, dw, reduceSum(dy, allButChannels(dy))] : [dx, dw];
  },
  reference: ([x, w, bias], attributes, { shape }) => {
    const result = new Float64Array(size(shape));
    const plane = size(shape.slice(2));
    if (bias) for (let i = 0; i < result.length; i++) result[i] = bias.data[Math.floor(i / plane) % shape[1]];
    forEachTap({ x: x.shape, w: w.shape, y: shape }, attributes, (xAt, wAt, yAt, places) => {
      const scale = w.data[wAt];
      for (let p = 0; p < plane; p++) if (places[p] >= 0) result[yAt + p] += scale * x.data[xAt + places[p]];
    });
    return result;
  },
  batch: ([x, w, bias], attributes, batchSize) => {
    const fused = bias && !bias.batched && !w.batched ? [bias.value] : [];
    const convolve: Build = (a, b, groups) => apply(convOperator, [a, b, ...fused], { ...attributes, groups });
    const y =
      x.batched || w.batched
        ? batchOfForm("x", x, "w", w, "y", convolve, attributes.groups, batchSize)
        : conv(x.value, w.value, undefined, attributes);
    if (!bias || fused.length > 0) return y;
    const ones = x.value.shape.slice(x.batched ? 3 : 2).map(() => 1);
    return add(y, reshape(bias.value, bias.batched ? [batchSize, 1, -1, ...ones] : [-1, ...ones]));
  },
});

const inputGradientOperator: Operator<ConvAttributes & { spatial: Shape }> = operator<ConvAttributes & { spatial: Shape }>(
  "ConvTranspose",
  {
    shape: ([dy, w], attributes) => {
      const shape = [dy.shape[0], w.shape[1] * attributes.groups, ...attributes.spatial];
      fits([dy, w], dy, convShape(shape, w.shape, attributes));
      return shape;
    },
    gradient: ([dy, w], u, _y, { spatial: _, ...attributes }) => [
      conv(u, w, undefined, attributes),
      convWeightGradient(u, dy, { ...attributes, kernel: w.shape.slice(2) }),
    ],
    reference: ([dy, w], attributes, { shape }) => {
      const result = new Float64Array(size(shape));
      forEachTap({ x: shape, w: w.shape, y: dy.shape }, attributes, (xAt, wAt, yAt, places) => {
        const scale = w.data[wAt];
        for (let p = 0; p < places.length; p++) if (places[p] >= 0) result[xAt + places[p]] += scale * dy.data[yAt + p];
      });
      return result;
    },
    batch: ([dy, w], attributes, batchSize) => {
      const build: Build = (a, b, groups) => apply(inputGradientOperator, [a, b], { ...attributes, groups });
      return batchOfForm("y", dy, "w", w, "x", build, attributes.groups, batchSize);
    },
  },
);

const weightGradientOperator: Operator<ConvAttributes & { kernel: Shape }> = operator<ConvAttributes & { kernel: Shape }>(
  "ConvWeightGradient",
  {
    shape: ([x, dy], attributes) => {
      const shape = [dy.shape[1], x.shape[1] / attributes.groups, ...attributes.kernel];
      fits([x, dy], dy, convShape(x.shape, shape, attributes));
      return shape;
    },
    gradient: ([x, dy], v, _w, { kernel: _, ...attributes }) => [
      convInputGradient(dy, v, { ...attributes, spatial: x.shape.slice(2) }),
      conv(x, v, undefined, attributes),
    ],
    reference: ([x, dy], attributes, { shape }) => {
      const result = new Float64Array(size(shape));
      forEachTap({ x: x.shape, w: shape, y: dy.shape }, attributes, (xAt, wAt, yAt, places) => {
        let total = 0;
        for (let p = 0; p < places.length; p++) if (places[p] >= 0) total += dy.data[yAt + p] * x.data[xAt + places[p]];
        result[wAt] += total;
      });
      return result;
    },
    batch: ([x, dy], attributes, batchSize) => {
      const build: Build = (a, b, groups) => apply(weightGradientOperator, [a, b], { ...attributes, groups });
      return batchOfForm("x", x, "y", dy, "w", build, attributes.groups, batchSize);
    },
  },
);

type Role = "x" | "w" | "y";
type Build = (first: Value, second: Value, groups: number) => Value;

/**
 * The axis that the batch joins in each part of the form, by which parts carry a batch; a star says that it goes between the groups and the
 * channels of each group.
 */
const batchAxes: Readonly<Record<string, Partial<Record<Role, "0" | "0*" | "1" | "1*">>>> = {
  xy: { x: "0", y: "0" }, // the same weights for all: more examples
  wy: { w: "0*", y: "1*" }, // the same input for all: more output channels
  xw: { x: "1*", w: "1" }, // the same output for all: more input channels
  xwy: { x: "1", w: "0", y: "1" }, // all different: a group for each
};

/** Two parts of the form, at least one of them batched, to the third: still one convolution. */
function batchOfForm(
  firstRole: Role,
  first: BatchArgument,
  secondRole: Role,
  second: BatchArgument,
  result: Role,
  build: Build,
  groups: number,
  batchSize: number,
): Value {
  const carriers = [first.batched ? firstRole : "", second.batched ? secondRole : "", result];
  const axes = batchAxes[["x", "w", "y"].filter((role) => carriers.includes(role)).join("")];
  const place = (role: Role): [number, number] => {
    const [axis, starred] = axes[role] ?? "0";
    return [Number(axis), starred ? groups : 1];
  };
  const merged = (role: Role, { value, batched }: BatchArgument) => (batched ? mergeBatch(value, ...place(role)) : value);
  const y = build(merged(firstRole, first), merged(secondRole, second), first.batched && second.batched ? groups * batchSize : groups);
  return splitBatch(y, batchSize, ...place(result));
}

function convAttributes(x: Value, { groups = 1, ...options }: ConvOptions): ConvAttributes {
  if (x.shape.length < 3) throw new GraphError(`a convolution needs [N, C, …spatial], not ${describe(x)}`);
  return { ...windowAttributes(x.shape.length - 2, options), groups };
}

function convShape(x: Shape, w: Shape, attributes: ConvAttributes): number[] {
  const { groups } = attributes;
  if (w.length !== x.length || !Number.isInteger(groups) || groups < 1 || x[1] !== w[1] * groups || w[0] % groups !== 0)
    throw new GraphError(`weights [${w}] in ${groups} group(s) do not fit an input [${x}]`);
  return [x[0], w[0], ...windowCounts(x.slice(2), w.slice(2), attributes)];
}

function fits(inputs: readonly Value[], dy: Value, shape: Shape): void {
  sameDTypes(inputs);
  if (!sameShape(dy.shape, shape)) throw new GraphError(`the convolution's result is [${shape}]; ${describe(dy)} does not fit it`);
}

function sameDTypes(inputs: readonly Value[]): void {
  if (inputs.some((x) => x.dtype !== inputs[0].dtype))
    throw new GraphError(`a convolution of ${inputs.map(describe).join(", ")}: cast them to one dtype`);
}

function allButChannels(y: Value): number[] {
  return y.shape.flatMap((_, axis) => (axis === 1 ? [] : [axis]));
}

/** Visits the form's products plane by plane: where the planes of x and y begin, which weight joins them, and the x under each y. */
function forEachTap(
  { x, w, y }: Readonly<Record<Role, Shape>>,
  attributes: ConvAttributes,
  visit: (xAt: number, wAt: number, yAt: number, places: Int32Array) => void,
): void {
  const table = windowPlaces(x.slice(2), w.slice(2), y.slice(2), attributes);
  const [planeX, planeY] = [size(x.slice(2)), size(y.slice(2))];
  const [perGroup, inputs] = [w[0] / attributes.groups, w[1]];
  for (let n = 0; n < x[0]; n++) {
    for (let o = 0; o < w[0]; o++) {
      const firstInput = Math.floor(o / perGroup) * inputs;
      for (let i = 0; i < inputs; i++) {
        for (const [k, places] of table.entries()) {
          visit((n * x[1] + firstInput + i) * planeX, (o * inputs + i) * table.length + k, (n * w[0] + o) * planeY, places);
        }
      }
    }
  }
}
