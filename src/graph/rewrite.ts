/** Rewriting: small passes from outputs to equal outputs with less work. Dead code needs no pass, since a graph is only what its outputs reach. */
import { full, sameShape, size, type Tensor } from "../tensor/index.ts";
import { broadcastTo } from "./broadcast.ts";
import { fold } from "./evaluate.ts";
import { reshape, transpose } from "./operators/shape.ts";
import { rebuild } from "./traverse.ts";
import { apply, constant, constantTensor, isInput, type Value } from "./value.ts";

/** Elements of a constant that is kept and looked at without a second thought. */
const smallConstant = 1 << 16;

export type Pass = (outputs: readonly Value[]) => Value[];

/** The standard passes, in order: constants are computed, algebra simplifies, equal expressions become one. */
export function simplify(outputs: readonly Value[]): Value[] {
  return [foldConstants, simplifyAlgebra, shareCommon].reduce<Value[]>((values, pass) => pass(values), [...outputs]);
}

/** Computes what depends on no input, as long as the result is not larger than `smallConstant` or than its inputs together. */
export const foldConstants: Pass = (outputs) =>
  rebuild(outputs, (value, inputs) => {
    if (isInput(value) || inputs.length === 0 || !value.operator.reference) return undefined;
    if (!inputs.every(constantTensor)) return undefined;
    const given = inputs.reduce((total, x) => total + size(x.shape), 0);
    if (size(value.shape) > Math.max(smallConstant, given)) return undefined;
    return constant(fold(apply(value.operator, inputs, value.attributes)));
  });

/** Values with the same operator, inputs and attributes become one. */
export const shareCommon: Pass = (outputs) => {
  const known = new Map<string, Value>();
  const tensors = new Map<unknown, number>();
  const identify = (attribute: unknown) => {
    if (typeof attribute !== "object" || attribute === null || Array.isArray(attribute)) return attribute;
    const { data, shape, dtype } = attribute as Tensor;
    if (data.length <= 64) return [dtype, shape, Array.from(data as Float64Array, (v) => (Object.is(v, -0) ? "-0" : String(v)))];
    if (!tensors.has(data)) tensors.set(data, tensors.size);
    return ["tensor", tensors.get(data), dtype, shape];
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

/** Identities: x·1, x+0, x−0, x/1, x·0, −(−x), reshapes and transposes of themselves, permutations of unit axes. */
export const simplifyAlgebra: Pass = (outputs) =>
  rebuild(outputs, (value, inputs) => {
    const [a, b] = inputs;
    const as = (x: Value) => (sameShape(x.shape, value.shape) ? x : broadcastTo(x, value.shape));
    switch (value.operator.name) {
      case "Add":
        return holds(a, 0) ? as(b) : holds(b, 0) ? as(a) : undefined;
      case "Sub":
        return holds(b, 0) ? as(a) : undefined;
      case "Mul":
        if (holds(a, 0) || holds(b, 0)) return zerosLike(value);
        return holds(a, 1) ? as(b) : holds(b, 1) ? as(a) : undefined;
      case "Div":
        return holds(b, 1) ? as(a) : undefined;
      case "Neg":
        return a.operator.name === "Neg" ? a.inputs[0] : undefined;
      case "Reshape":
        return a.operator.name === "Reshape" || sameShape(a.shape, value.shape) ? reshape(base(a), value.shape) : undefined;
      case "Transpose":
        return simplifyTranspose(value, a);
      case "StopGradient":
        return a;
      default:
        return undefined;
    }
  });

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
  return moved.every((axis, i) => i === 0 || axis > moved[i - 1]) ? reshape(x, value.shape) : undefined;
}

function zerosLike(value: Value): Value {
  return broadcastTo(constant(full([], 0, value.dtype)), value.shape);
}

function base(x: Value): Value {
  return x.operator.name === "Reshape" ? x.inputs[0] : x;
}

/** Whether a value is the constant `number` everywhere (also repeated to a shape). */
function holds(x: Value, number: number): boolean {
  if (x.operator.name === "Expand") return holds(x.inputs[0], number);
  const data = constantTensor(x)?.data;
  return data !== undefined && data.length > 0 && data.length <= smallConstant && (data as Float64Array).every((v) => Number(v) === number);
}
