/** How canonical operators are written as ONNX nodes where name, attributes or inputs differ. */
import type { Attributes, Value } from "../graph/index.ts";
import { type DType, scalar, type Tensor, tensor } from "../tensor/index.ts";
import { dataTypes, type NodeAttribute } from "./protos.ts";

/** What a rule writes with. */
export interface Emitter {
  /** Name of a value that was written before (or of one of the further results of its node). */
  nameOf(value: Value, output?: number): string;
  /** Name of an initializer with these numbers. */
  constant(value: Tensor): string;
  /** Writes a node and gives the names of its results. An empty operand name leaves an optional input out. */
  node(
    type: string,
    operands: readonly string[],
    attributes?: Readonly<Record<string, NodeAttribute | undefined>>,
    options?: { domain?: string; outputs?: number },
  ): readonly string[];
}

/** Writes a value's nodes, given that its inputs are written, and gives the names of the results. */
export type Rule = (value: Value, emit: Emitter) => readonly string[];

/** Same name, same attributes: numbers are integers but for those known as floats. */
export const plainRule: Rule = (value, emit) => emit.node(value.operator.name, operands(value, emit), plainAttributes(value.attributes));

/** Names of a value's inputs. */
export function operands(value: Value, emit: Emitter): string[] {
  return value.inputs.map((x) => emit.nameOf(x));
}

/** An int64 initializer: how ONNX takes shapes, axes and bounds. */
export function integers(values: readonly number[], emit: Emitter, shape: readonly number[] = [values.length]): string {
  return emit.constant(tensor(values, shape, "int64"));
}

const floatAttributes = new Set(["alpha", "beta", "gamma", "epsilon", "momentum"]);

function plainAttributes(attributes: Attributes): Record<string, NodeAttribute> {
  return Object.fromEntries(
    Object.entries(attributes).map(([name, value]) => [
      name,
      floatAttributes.has(name) ? { float: value as number } : (value as NodeAttribute),
    ]),
  );
}

/** A rule that has attributes typed by its operator. */
function rule<A extends Attributes>(
  write: (value: Value & { attributes: A }, operands: string[], emit: Emitter) => readonly string[],
): Rule {
  return (value, emit) => write(value as Value & { attributes: A }, operands(value, emit), emit);
}

const constantRule = rule<{ value: Tensor }>(({ attributes }, _, emit) => [emit.constant(attributes.value)]);

const castRule = rule<{ to: DType }>(({ attributes: { to } }, [x], emit) => emit.node("Cast", [x], { to: dataTypes[to] }));

const reshapeRule = rule<{ shape: readonly number[] }>(({ attributes: { shape }, operator }, [x], emit) =>
  emit.node(operator.name, [x, integers(shape, emit)], operator.name === "Reshape" && shape.includes(0) ? { allowzero: 1 } : {}),
);

const transposeRule = rule<{ permutation: readonly number[] }>(({ attributes }, [x], emit) =>
  emit.node("Transpose", [x], { perm: attributes.permutation }),
);

const reduceRule = rule<{ axes: readonly number[]; keepDimensions: boolean }>(({ operator, attributes }, [x], emit) =>
  attributes.axes.length === 0
    ? emit.node("Identity", [x])
    : emit.node(operator.name, [x, integers(attributes.axes, emit)], { keepdims: attributes.keepDimensions }),
);

const positionRule = rule<{ axis: number; keepDimensions: boolean }>(({ operator, attributes: { axis, keepDimensions } }, [x], emit) =>
  emit.node(operator.name, [x], { axis, keepdims: keepDimensions }),
);

/** The second of TopK's results; the first is not read. */
const topRule = rule<{ axis: number; k: number; smallest: boolean }>(({ attributes: { axis, k, smallest } }, [x], emit) => {
  const [, positions] = emit.node("TopK", [x, integers([k], emit)], { axis, largest: !smallest }, { outputs: 2 });
  return [positions];
});

const cumSumRule = rule<{ axis: number; exclusive: boolean; reverse: boolean }>(({ attributes: { axis, exclusive, reverse } }, [x], emit) =>
  emit.node("CumSum", [x, integers([axis], emit, [])], { exclusive, reverse }),
);

/** ONNX wants ends; before the first element (a negative step that takes it) is written as far below zero. */
const sliceRule = rule<{ starts: readonly number[]; steps: readonly number[]; extents: readonly number[] }>(
  ({ attributes: { starts, steps, extents }, inputs: [{ shape }] }, [x], emit) => {
    const axes = shape.flatMap((extent, axis) => (extents[axis] === extent && steps[axis] === 1 ? [] : [axis]));
    if (axes.length === 0) return emit.node("Identity", [x]);
    const end = (axis: number) => {
      if (extents[axis] === 0) return starts[axis];
      const beyond = starts[axis] + (extents[axis] - 1) * steps[axis] + Math.sign(steps[axis]);
      return beyond < 0 ? -(2 ** 31) : beyond;
    };
    const lists = [axes.map((axis) => starts[axis]), axes.map(end), axes, axes.map((axis) => steps[axis])];
    return emit.node("Slice", [x, ...lists.map((list) => integers(list, emit))]);
  },
);

const padRule = rule<{ before: readonly number[]; after: readonly number[]; value?: number }>(
  ({ attributes: { before, after, value = 0 }, dtype }, [x], emit) =>
    emit.node("Pad", [x, integers([...before, ...after], emit), emit.constant(scalar(value, dtype))]),
);

const clipRule = rule<{ low: number; high: number }>(({ attributes: { low, high }, dtype }, [x], emit) =>
  emit.node("Clip", [x, emit.constant(scalar(low, dtype)), emit.constant(scalar(high, dtype))]),
);

const scatterElementsRule = rule<{ axis: number }>(({ attributes: { axis } }, inputs, emit) =>
  emit.node("ScatterElements", inputs, { axis, reduction: "add" }),
);

const oneHotRule = rule<{ depth: number; to: "float32" | "float64" }>(({ attributes: { depth, to }, inputs: [indices] }, [x], emit) =>
  emit.node("OneHot", [x, emit.constant(scalar(depth, indices.dtype)), emit.constant(tensor([0, 1], [2], to))]),
);

type Window = { strides: readonly number[]; pads: readonly number[]; dilations: readonly number[] };

const convRule = rule<Window & { groups: number }>(({ attributes: { strides, pads, dilations, groups } }, inputs, emit) =>
  emit.node("Conv", inputs, { strides, pads, dilations, group: groups }),
);

/** ONNX derives the extents of the result and adds `output_padding`: the places behind the last window of the forward convolution. */
const convTransposeRule = rule<Window & { groups: number; spatial: readonly number[] }>(
  ({ attributes: { strides, pads, dilations, groups, spatial }, inputs: [dy, w] }, inputs, emit) => {
    const covered = spatial.map((_, axis) => {
      const window = dilations[axis] * (w.shape[axis + 2] - 1) + 1;
      return (dy.shape[axis + 2] - 1) * strides[axis] + window - pads[axis] - pads[axis + spatial.length];
    });
    const rest = spatial.map((extent, axis) => extent - covered[axis]);
    return emit.node("ConvTranspose", inputs, { strides, pads, dilations, group: groups, output_padding: rest });
  },
);

/** Attributes of ONNX's pooling nodes. */
export function poolAttributes({ attributes }: Value): Record<string, NodeAttribute | undefined> {
  const { kernel, strides, pads, dilations, ceil, countIncludePad } = attributes as unknown as Window & {
    kernel: readonly number[];
    ceil: boolean;
    countIncludePad?: boolean;
  };
  return {
    kernel_shape: kernel,
    strides,
    pads,
    dilations: countIncludePad === undefined ? dilations : undefined,
    ceil_mode: ceil,
    count_include_pad: countIncludePad,
  };
}

const poolRule: Rule = (value, emit) => emit.node(value.operator.name, operands(value, emit), poolAttributes(value));

export const rules: ReadonlyMap<string, Rule> = new Map<string, Rule>([
  ["Constant", constantRule],
  ["Cast", castRule],
  ["Reshape", reshapeRule],
  ["Expand", reshapeRule],
  ["Transpose", transposeRule],
  ...["ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd"].map((name): [string, Rule] => [name, reduceRule]),
  ["ArgMax", positionRule],
  ["ArgMin", positionRule],
  ["TopPositions", topRule],
  ["CumSum", cumSumRule],
  ["Slice", sliceRule],
  ["Pad", padRule],
  ["Clip", clipRule],
  ["ScatterElements", scatterElementsRule],
  ["OneHot", oneHotRule],
  ["Conv", convRule],
  ["ConvTranspose", convTransposeRule],
  ["MaxPool", poolRule],
  ["AveragePool", poolRule],
  ["StopGradient", rule((_, [x], emit) => emit.node("Identity", [x]))],
]);
