/** Operators that only lowering makes, and how they are written: matrix products with transposes, unpooling, and those of the blocked layout. */
import { type Attributes, apply, type Operator, type Value } from "../../graph/index.ts";
import { integers, operands, type Rule } from "../../onnx/rules.ts";
import type { Shape } from "../../tensor/index.ts";

/** Versions of the operator sets beyond the standard one. */
export const formDomains: Readonly<Record<string, number>> = { "com.microsoft": 1, "com.microsoft.nchwc": 1 };

const rules = new Map<string, Rule>();
/** How forms are written. */
export const formRules: ReadonlyMap<string, Rule> = rules;

function form<A extends Attributes>(name: string, shape: Operator<A>["shape"], rule: Rule): Operator<A> {
  rules.set(name, rule);
  return { name, shape };
}

/* ---- matrix products ---- */

type GemmAttributes = { transA: boolean; transB: boolean };
const gemmForm = form<GemmAttributes>(
  "Gemm",
  ([a, b], { transA, transB }) => [a.shape[transA ? 1 : 0], b.shape[transB ? 0 : 1]],
  (value, emit) => emit.node("Gemm", operands(value, emit), value.attributes as GemmAttributes),
);
/** aᵀ?·bᵀ? + c of matrices; c broadcasts. */
export const gemm = (a: Value, b: Value, c: Value | undefined, attributes: GemmAttributes): Value =>
  apply(gemmForm, c ? [a, b, c] : [a, b], attributes);

/* ---- pooling ---- */

type UnpoolAttributes = { kernel: readonly number[]; strides: readonly number[]; pads: readonly number[]; shape: Shape };
const unpoolForm = form<UnpoolAttributes>(
  "MaxUnpool",
  (_, { shape }) => shape,
  (value, emit) => {
    const { kernel, strides, pads, shape } = value.attributes as UnpoolAttributes;
    return emit.node("MaxUnpool", [...operands(value, emit), integers(shape, emit)], { kernel_shape: kernel, strides, pads });
  },
);
/** Zeros with dy at the given flat positions, of which no two are equal. */
export const unpool = (dy: Value, positions: Value, attributes: UnpoolAttributes): Value => apply(unpoolForm, [dy, positions], attributes);

/* ---- the blocked layout: [N, C, H, W] in memory as [N, C/b, H, W, b] ---- */

const nchwc = { domain: "com.microsoft.nchwc" };

const reorderInputForm = form<{ block: number }>(
  "ReorderInput",
  ([{ shape }], { block }) => [shape[0], Math.ceil(shape[1] / block) * block, ...shape.slice(2)],
  (value, emit) => emit.node("ReorderInput", operands(value, emit), {}, nchwc),
);
/** Into the blocked layout; channels are filled up with zeros. */
export const reorderInput = (x: Value, block: number): Value => apply(reorderInputForm, [x], { block });

const reorderOutputForm = form<{ channels: number }>(
  "ReorderOutput",
  ([{ shape }], { channels }) => [shape[0], channels, ...shape.slice(2)],
  (value, emit) => emit.node("ReorderOutput", operands(value, emit), value.attributes as { channels: number }, nchwc),
);
/** Out of the blocked layout, without the channels that filled it up. */
export const reorderOutput = (x: Value, channels: number): Value => apply(reorderOutputForm, [x], { channels });

export type BlockedConvAttributes = {
  kernel: readonly number[];
  strides: readonly number[];
  pads: readonly number[];
  dilations: readonly number[];
  groups: number;
  activation: string | undefined;
  shape: Shape;
  /** Which of bias and addend come after the input and the weights. */
  hasBias: boolean;
  hasSum: boolean;
};
const blockedConvForm = form<BlockedConvAttributes>(
  "BlockedConv",
  (_, { shape }) => shape,
  (value, emit) => {
    const { kernel, strides, pads, dilations, groups, activation, hasBias } = value.attributes as BlockedConvAttributes;
    const [x, w, ...rest] = operands(value, emit);
    const given = hasBias || rest.length === 0 ? rest : ["", ...rest];
    return emit.node("Conv", [x, w, ...given], { kernel_shape: kernel, strides, pads, dilations, group: groups, activation }, nchwc);
  },
);
/** Conv with reordered weights, to which bias and `sum` are added before the activation. */
export function blockedConv(
  x: Value,
  w: Value,
  bias: Value | undefined,
  sum: Value | undefined,
  attributes: Omit<BlockedConvAttributes, "hasBias" | "hasSum">,
): Value {
  const inputs = [x, w, ...(bias ? [bias] : []), ...(sum ? [sum] : [])];
  return apply(blockedConvForm, inputs, { ...attributes, hasBias: bias !== undefined, hasSum: sum !== undefined });
}
