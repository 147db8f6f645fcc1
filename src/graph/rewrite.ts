/** Rewriting: small passes from outputs to equal outputs with less work. Dead code needs no pass, since a graph is only what its outputs reach. */
import { sameShape, size, type Tensor, tensor } from "../tensor/index.ts";
import { broadcastTo } from "./broadcast.ts";
import { fold } from "./evaluate.ts";
import { reshape, transpose } from "./operators/shape.ts";
import { rebuild, topological } from "./traverse.ts";
import { apply, constant, constantTensor, isInput, lift, type Value } from "./value.ts";

/** Elements of a constant that is kept and looked at without a second thought. */
const smallConstant = 1 << 16;

export type Pass = (outputs: readonly Value[]) => Value[];

/** The standard passes: constants are computed, algebra simplifies and equal expressions become one, until nothing more goes away. */
export function simplify(outputs: readonly Value[]): Value[] {
  const once = [foldConstants, simplifyAlgebra, shareCommon].reduce<Value[]>((values, pass) => pass(values), [...outputs]);
  return topological(once).length < topological(outputs).length ? simplify(once) : once;
}

/** Computes what depends on no input and is small; large constants (weights) are left to the runtime, which is faster at them. */
export const foldConstants: Pass = (outputs) =>
  rebuild(outputs, (value, inputs) => {
    if (isInput(value) || inputs.length === 0 || !value.operator.reference) return undefined;
    if (!inputs.every(constantTensor)) return undefined;
    if ([value, ...inputs].some((x) => size(x.shape) > smallConstant)) return undefined;
    return constant(fold(apply(value.operator, inputs, value.attributes)));
  });

/** Values with the same operator, inputs and attributes become one. */
export const shareCommon: Pass = (outputs) => {
  const known = new Map<string, Value>();
  const numberOf = contentNumbers();
  const identify = (attribute: unknown) => {
    if (typeof attribute !== "object" || attribute === null || Array.isArray(attribute)) return attribute;
    const { data, shape, dtype } = attribute as Tensor;
    if (data.length <= 64) return [dtype, shape, Array.from(data as Float64Array, (v) => (Object.is(v, -0) ? "-0" : String(v)))];
    return ["tensor", numberOf(data), dtype, shape];
  };
  return rebuild(outputs, (value, inputs) => {
    if (isInput(value)) return undefined;
    const attributes = Object.entries(value.attributes).map(([name, attribute]) => [name, identify(attribute)]);
    const key = JSON.stringify([value.operator.name, inputs.map((x) => x.id), attributes], (_, v) =>
      typeof v === "number" && !Number.isFinite(v) ? String(v) : v,
    );
    const before = known.get(key);
    if (before) return before;
    const first = inputs.every((x, i) => x === value.inputs[i]) ? value : apply(value.operator, inputs, value.attributes);
    known.set(key, first);
    return first;
  });
};

/** Numbers for arrays, the same for equal contents: those with the same numbers at a few places are compared as a whole. */
function contentNumbers(): (data: Tensor["data"]) => number {
  const seen = new Map<string, { data: Tensor["data"]; number: number }[]>();
  let count = 0;
  return (data) => {
    const sample = Array.from({ length: 16 }, (_, i) => data[Math.floor((i * (data.length - 1)) / 15)]);
    const key = `${data.length} ${sample}`;
    const alike = seen.get(key) ?? [];
    seen.set(key, alike);
    const same = alike.find((other) => other.data === data || data.every((v: number | bigint, i: number) => Object.is(v, other.data[i])));
    if (same) return same.number;
    alike.push({ data, number: count });
    return count++;
  };
}

/**
 * Identities: x·1, x+0, x−0, x/1, x·0 (= 0, also where x is not finite), −(−x), reshapes, transposes and repetitions of themselves,
 * permutations of unit axes; numbers in products become one, at the smallest factor; factors and signs come out of sums, deviations from a mean sum to 0; and element-wise operators come before
 * repetition, since they commute with it.
 */
export const simplifyAlgebra: Pass = (outputs) =>
  rebuild(outputs, (value, inputs) => identity(value, inputs) ?? beforeRepetition(value, inputs));

function identity(value: Value, inputs: readonly Value[]): Value | undefined {
  const [a, b] = inputs;
  const as = (x: Value) => (sameShape(x.shape, value.shape) ? x : broadcastTo(x, value.shape));
  switch (value.operator.name) {
    case "Add":
      return holds(a, 0) ? as(b) : holds(b, 0) ? as(a) : undefined;
    case "Sub":
      return holds(b, 0) ? as(a) : undefined;
    case "Mul":
      if (holds(a, 0) || holds(b, 0)) return broadcastTo(lift(0, value), value.shape);
      return holds(a, 1) ? as(b) : holds(b, 1) ? as(a) : scaledProduct(value, a, b);
    case "Div":
      return holds(b, 1) ? as(a) : undefined;
    case "Neg":
      return a.operator.name === "Neg" ? a.inputs[0] : undefined;
    case "Reshape":
      return a.operator.name === "Reshape" || sameShape(a.shape, value.shape) ? reshape(beneath("Reshape", a), value.shape) : undefined;
    case "Expand":
      return a.operator.name === "Expand" || sameShape(a.shape, value.shape) ? as(beneath("Expand", a)) : undefined;
    case "Transpose":
      return simplifyTranspose(value, a);
    case "ReduceSum":
    case "ReduceMean":
      return simplifySum(value, a);
    default:
      return undefined;
  }
}

/** (xy)c = (xc)y for a number c, where x is smaller than xy. Two numbers become one, unless that cannot be represented. */
function scaledProduct(value: Value, a: Value, b: Value): Value | undefined {
  const [product, c] = uniformNumber(a) ? [b, a] : [a, b];
  if (product.operator.name !== "Mul" || c.shape.length > 0 || !uniformNumber(c)) return undefined;
  const [x, y] = size(product.inputs[0].shape) < size(product.inputs[1].shape) ? product.inputs : [product.inputs[1], product.inputs[0]];
  if (size(x.shape) === size(product.shape)) return undefined;
  const scaled = apply(value.operator, [x, c]);
  if (x.shape.length > 0 || !constantTensor(x)) return apply(value.operator, [identity(scaled, [x, c]) ?? scaled, y]);
  const both = fold(scaled);
  return Number(both.data[0]) !== 0 && Number.isFinite(Number(both.data[0])) ? apply(value.operator, [constant(both), y]) : undefined;
}

/** f(repeated x, …) = repeated f(x, …), unless nothing is repeated. */
function beforeRepetition(value: Value, inputs: readonly Value[]): Value | undefined {
  if (!value.operator.elementwise) return undefined;
  const sources = inputs.map(unrepeated);
  if (sources.every((x, i) => x === inputs[i])) return undefined;
  const result = apply(value.operator, sources, value.attributes);
  return broadcastTo(identity(result, sources) ?? result, value.shape);
}

/** What a value repeats: beneath Expand, or the one number of a constant that is the same everywhere. */
function unrepeated(x: Value): Value {
  const beneathExpand = beneath("Expand", x);
  const uniform = uniformNumber(beneathExpand);
  return uniform === undefined || beneathExpand.shape.length === 0 ? beneathExpand : constant(uniform);
}

function simplifyTranspose(value: Value, x: Value): Value | undefined {
  const permutation = value.attributes.permutation as readonly number[];
  if (x.operator.name === "Transpose") {
    const first = x.attributes.permutation as readonly number[];
    return transpose(
      x.inputs[0],
      permutation.map((axis) => first[axis]),
    );
  }
  const moved = permutation.filter((axis) => x.shape[axis] !== 1);
  return moved.every((axis, i) => i === 0 || axis > moved[i - 1]) ? reshape(beneath("Reshape", x), value.shape) : undefined;
}

/** Σ −a = −Σ a; Σ ab = b Σ a for a b that is the same all along the sum; Σ (a − mean a) = 0. */
function simplifySum(value: Value, x: Value): Value | undefined {
  const { axes } = value.attributes as { axes: readonly number[] };
  const [a, b] = x.inputs;
  const sumOf = (part: Value) => {
    const total = apply(value.operator, [part], { axes, keepDimensions: true });
    return identity(total, [part]) ?? total;
  };
  const isFactor = (part: Value) => axes.every((axis) => (part.shape[axis - x.shape.length + part.shape.length] ?? 1) === 1);
  const isWhole = (part: Value) => sameShape(part.shape, x.shape) && axes.some((axis) => x.shape[axis] > 1);
  switch (x.operator.name) {
    case "Neg":
      return reshape(apply(x.operator, [sumOf(a)]), value.shape);
    case "Mul":
      if (isFactor(b) && isWhole(a)) return reshape(apply(x.operator, [sumOf(a), b]), value.shape);
      return isFactor(a) && isWhole(b) ? reshape(apply(x.operator, [sumOf(b), a]), value.shape) : undefined;
    case "Sub":
      return isFactor(b) && isMean(beneath("Reshape", b), a, axes) ? broadcastTo(lift(0, value), value.shape) : undefined;
    default:
      return undefined;
  }
}

function isMean(mean: Value, of: Value, axes: readonly number[]): boolean {
  return mean.operator.name === "ReduceMean" && mean.inputs[0] === of && sameShape(mean.attributes.axes as readonly number[], axes);
}

/** The input of an operator that does nothing more than the one above it. */
function beneath(name: "Reshape" | "Expand", x: Value): Value {
  return x.operator.name === name ? x.inputs[0] : x;
}

/** Whether a value is the constant `number` everywhere (also repeated to a shape). */
function holds(x: Value, number: number): boolean {
  const uniform = uniformNumber(beneath("Expand", x));
  return uniform !== undefined && Number(uniform.data[0]) === number;
}

/** The one number of a constant that is the same everywhere, as a tensor of rank 0. */
function uniformNumber(x: Value): Tensor | undefined {
  const value = constantTensor(x);
  const data = value?.data as Float64Array | undefined;
  if (!value || !data || data.length === 0 || data.length > smallConstant) return undefined;
  return data.every((v) => Object.is(v, data[0])) ? tensor(data.slice(0, 1), [], value.dtype) : undefined;
}
