/** Element-wise operators: arithmetic with broadcasting, comparisons, selection, and functions of one variable. */
import type { DType } from "../../tensor/index.ts";
import { alignBatch, broadcastShapes, mapBroadcast, sumTo } from "../broadcast.ts";
import { type Attributes, apply, GraphError, lift, type Operand, type Operator, operator, type Value } from "../value.ts";
import { erfOf } from "./special.ts";

/* ---- arithmetic of two operands ---- */

export const add = binary("Add", { f: (a, b) => a + b, gradient: (_a, _b, dy) => [dy, dy] });
export const sub = binary("Sub", { f: (a, b) => a - b, gradient: (_a, _b, dy) => [dy, neg(dy)] });
export const mul = binary("Mul", {
  f: (a, b) => a * b,
  gradient: (a, b, dy) => (a === b ? [mul(mul(dy, 2), a), null] : [mul(dy, b), mul(dy, a)]),
});
export const div = binary("Div", {
  f: (a, b) => a / b,
  gradient: (_a, b, dy, result) => [div(dy, b), neg(mul(dy, div(result, b)))],
  integer: Math.trunc,
});
/** aᵇ. The derivative in b is only taken where a > 0. */
export const pow = binary("Pow", {
  f: (a, b) => a ** b,
  gradient: (a, b, dy, result) => {
    const safe = where(greater(a, 0), a, 1);
    const lower = where(equal(b, 0), 1, sub(b, 1)); // any exponent ≥ 0 will do for b = 0, lest 0 · 0⁻¹ be NaN
    return [mul(dy, mul(b, pow(a, lower))), mul(dy, where(greater(a, 0), mul(result, log(safe)), 0))];
  },
});
/** The larger of two; at a tie each gets half of the derivative, as in PyTorch. */
export const max = binary("Max", { f: Math.max, gradient: (a, b, dy) => share(a, b, dy) });
/** The smaller of two; at a tie each gets half of the derivative, as in PyTorch. */
export const min = binary("Min", { f: Math.min, gradient: (a, b, dy) => share(b, a, dy) });
/** a − b·⌊a/b⌋, with the sign of b (ONNX Mod of integers). The derivative in b is −⌊a/b⌋. */
export const mod = binary("Mod", {
  f: (a, b) => a - b * Math.floor(a / b),
  gradient: (a, b, dy) => [dy, neg(mul(dy, floor(div(a, b))))],
});

/* ---- comparisons and logic ---- */

export const equal = comparison("Equal", (a, b) => a === b);
export const less = comparison("Less", (a, b) => a < b);
export const lessOrEqual = comparison("LessOrEqual", (a, b) => a <= b);
export const greater = comparison("Greater", (a, b) => a > b);
export const greaterOrEqual = comparison("GreaterOrEqual", (a, b) => a >= b);
export const and = comparison("And", (a, b) => a !== 0 && b !== 0);
export const or = comparison("Or", (a, b) => a !== 0 || b !== 0);
export const xor = comparison("Xor", (a, b) => (a !== 0) !== (b !== 0));

const notOperator = operator("Not", {
  elementwise: true,
  shape: ([x]) => x.shape,
  dtype: () => "bool",
  gradient: "zero",
  reference: ([x]) => x.data.map((v) => (v === 0 ? 1 : 0)),
  batch: ([x]) => not(x.value),
});
export const not = (x: Value): Value => apply(notOperator, [x]);

const whereOperator: Operator = operator("Where", {
  elementwise: true,
  shape: (inputs) => broadcastShapes(...inputs.map((x) => x.shape)),
  dtype: ([condition, a, b]) => {
    if (condition.dtype !== "bool") throw new GraphError(`Where chooses by a bool, not by ${condition.dtype}`);
    return sameDType("Where", a, b);
  },
  gradient: ([condition, a, b], dy) => [null, sumTo(where(condition, dy, 0), a.shape), sumTo(where(condition, 0, dy), b.shape)],
  reference: (inputs, _, { shape }) => mapBroadcast(inputs, shape, (condition, a, b) => (condition !== 0 ? a : b)),
  batch: (inputs) => apply(whereOperator, alignBatch(inputs)),
});
/** `a` where the condition holds, else `b`. At least one of the two must be a value. */
export function where(condition: Value, a: Operand, b: Operand): Value {
  const like = typeof a === "number" ? (b as Value) : a;
  return apply(whereOperator, [condition, lift(a, like), lift(b, like)]);
}

/* ---- functions of one variable ---- */

export const neg = unary("Neg", { f: (x) => -x, gradient: (_x, dy) => neg(dy) });
export const exp = unary("Exp", { f: Math.exp, gradient: (_x, dy, y) => mul(dy, y) });
export const log = unary("Log", { f: Math.log, gradient: (x, dy) => div(dy, x) });
export const sqrt = unary("Sqrt", { f: Math.sqrt, gradient: (_x, dy, y) => div(mul(dy, 0.5), y) });
export const reciprocal = unary("Reciprocal", { f: (x) => 1 / x, gradient: (_x, dy, y) => neg(mul(dy, mul(y, y))) });
export const abs = unary("Abs", { f: Math.abs, gradient: (x, dy) => mul(dy, sign(x)) });
export const sin = unary("Sin", { f: Math.sin, gradient: (x, dy) => mul(dy, cos(x)) });
export const cos = unary("Cos", { f: Math.cos, gradient: (x, dy) => neg(mul(dy, sin(x))) });
export const tanh = unary("Tanh", { f: Math.tanh, gradient: (_x, dy, y) => mul(dy, sub(1, mul(y, y))) });
export const sigmoid = unary("Sigmoid", { f: (x) => 1 / (1 + Math.exp(-x)), gradient: (_x, dy, y) => mul(dy, mul(y, sub(1, y))) });
/** log(1 + eˣ) */
export const softplus = unary("Softplus", {
  f: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
  gradient: (x, dy) => mul(dy, sigmoid(x)),
});
/** The error function 2/√π ∫₀ˣ e^(−t²) dt. */
export const erf = unary("Erf", { f: erfOf, gradient: (x, dy) => mul(dy, mul(exp(neg(mul(x, x))), 2 / Math.sqrt(Math.PI))) });

/** max(x, 0); the derivative at 0 is 0. */
export const relu = unary("Relu", { f: (x) => Math.max(x, 0), gradient: (x, dy) => mul(dy, step(x)) });
/** 1 where x > 0, else 0: the derivative of ReLU. Not in ONNX; its own derivative is zero. */
export const step = unary("Step", { f: (x) => (x > 0 ? 1 : 0), gradient: "zero" });
export const sign = unary("Sign", { f: Math.sign, gradient: "zero" });
export const floor = unary("Floor", { f: Math.floor, gradient: "zero" });
export const ceil = unary("Ceil", { f: Math.ceil, gradient: "zero" });
/** To the nearest integer, halves to even. */
export const round = unary("Round", { f: roundHalfToEven, gradient: "zero" });

/** x for x ≥ 0, αx below. */
export const leakyRelu = unaryWith("LeakyRelu", {
  f: (x, { alpha }: { alpha: number }) => (x >= 0 ? x : alpha * x),
  gradient: (x, dy, _y, { alpha }) => mul(dy, add(mul(step(x), 1 - alpha), alpha)),
});
/** x for x ≥ 0, α(eˣ − 1) below. */
export const elu = unaryWith("Elu", {
  f: (x, { alpha }: { alpha: number }) => (x >= 0 ? x : alpha * Math.expm1(x)),
  gradient: (x, dy, y, { alpha }) => mul(dy, where(greater(x, 0), 1, add(y, alpha))),
});
/** max(0, min(1, αx + β)) */
export const hardSigmoid = unaryWith("HardSigmoid", {
  f: (x, { alpha, beta }: { alpha: number; beta: number }) => Math.max(0, Math.min(1, alpha * x + beta)),
  gradient: (x, dy, _y, { alpha, beta }) => {
    const z = add(mul(x, alpha), beta);
    return mul(dy, mul(mul(step(z), step(sub(1, z))), alpha));
  },
});

/** x clipped to [low, high]; the derivative is 1 inside and on the bounds, as in PyTorch. */
export const clip = unaryWith("Clip", {
  f: (x, { low, high }: { low: number; high: number }) => Math.min(Math.max(x, low), high),
  gradient: (x, dy, _y, { low, high }) => where(and(greaterOrEqual(x, low), lessOrEqual(x, high)), dy, 0),
});

const castOperator = operator<{ to: DType }>("Cast", {
  elementwise: true,
  shape: ([x]) => x.shape,
  dtype: (_, { to }) => to,
  gradient: ([x], dy) => [isFloat(x.dtype) ? cast(dy, x.dtype) : null],
  reference: ([x], { to }) => {
    if (to === "bool") return x.data.map((v) => (v !== 0 ? 1 : 0));
    if (to === "float32") return x.data.map(Math.fround);
    return isFloat(to) ? x.data : x.data.map(Math.trunc);
  },
  batch: ([x], { to }) => cast(x.value, to),
});
export const cast = (x: Value, to: DType): Value => (x.dtype === to ? x : apply(castOperator, [x], { to }));

const stopOperator = operator("StopGradient", {
  elementwise: true,
  shape: ([x]) => x.shape,
  gradient: "zero",
  reference: ([x]) => x.data,
  batch: ([x]) => stopGradient(x.value),
});
/** The value itself, through which nothing is differentiated. */
export const stopGradient = (x: Value): Value => apply(stopOperator, [x]);

/* ---- compositions with names of their own ---- */

/** x·Φ(x) = x/2 (1 + erf(x/√2)), or with `approximate` the tanh form x/2 (1 + tanh(√(2/π)(x + 0.044715x³))). */
export function gelu(x: Value, { approximate = false } = {}): Value {
  const inner = approximate ? tanh(mul(add(x, mul(mul(mul(x, x), x), 0.044715)), Math.sqrt(2 / Math.PI))) : erf(mul(x, Math.SQRT1_2));
  return mul(mul(x, 0.5), add(inner, 1));
}

/** x·hardSigmoid(x; 1/6, 1/2) */
export const hardSwish = (x: Value): Value => mul(x, hardSigmoid(x, { alpha: 1 / 6, beta: 0.5 }));

/** x² */
export const square = (x: Value): Value => mul(x, x);

export function isFloat(dtype: DType): dtype is "float32" | "float64" {
  return dtype === "float32" || dtype === "float64";
}

/* ---- how the families are made ---- */

interface BinaryRules {
  f(a: number, b: number): number;
  gradient(a: Value, b: Value, dy: Value, result: Value): readonly [Value, Value | null];
  /** How integers are rounded after `f`. */
  integer?(x: number): number;
}

function binary(name: string, { f, gradient, integer }: BinaryRules): (a: Operand, b: Operand) => Value {
  const record: Operator = operator(name, {
    elementwise: true,
    shape: ([a, b]) => broadcastShapes(a.shape, b.shape),
    dtype: ([a, b]) => sameDType(name, a, b),
    gradient: ([a, b], dy, result) => {
      const [da, db] = gradient(a, b, dy, result);
      return [sumTo(da, a.shape), db && sumTo(db, b.shape)];
    },
    reference: (inputs, _, { shape, dtype }) => {
      const values = mapBroadcast(inputs, shape, f);
      return integer && !isFloat(dtype) ? values.map(integer) : values;
    },
    batch: (inputs) => apply(record, alignBatch(inputs)),
  });
  return (a, b) => apply(record, pair(name, a, b));
}

function comparison(name: string, f: (a: number, b: number) => boolean): (a: Operand, b: Operand) => Value {
  const record: Operator = operator(name, {
    elementwise: true,
    shape: ([a, b]) => broadcastShapes(a.shape, b.shape),
    dtype: ([a, b]) => {
      sameDType(name, a, b);
      return "bool";
    },
    gradient: "zero",
    reference: (inputs, _, { shape }) => mapBroadcast(inputs, shape, (a, b) => (f(a, b) ? 1 : 0)),
    batch: (inputs) => apply(record, alignBatch(inputs)),
  });
  return (a, b) => apply(record, pair(name, a, b));
}

interface UnaryRules<A> {
  f(x: number, attributes: A): number;
  gradient: "zero" | ((x: Value, dy: Value, y: Value, attributes: A) => Value);
}

function unaryWith<A extends Attributes>(name: string, { f, gradient }: UnaryRules<A>): (x: Value, attributes: A) => Value {
  const record: Operator<A> = operator<A>(name, {
    elementwise: true,
    shape: ([x]) => x.shape,
    gradient: gradient === "zero" ? "zero" : ([x], dy, y, attributes) => [gradient(x, dy, y, attributes)],
    reference: ([x], attributes) => x.data.map((v) => f(v, attributes)),
    batch: ([x], attributes) => apply(record, [x.value], attributes),
  });
  return (x, attributes) => apply(record, [x], attributes);
}

/** An operator of one variable without attributes. */
export function unary(name: string, rules: UnaryRules<Attributes>): (x: Value) => Value {
  const build = unaryWith(name, rules);
  return (x) => build(x, {});
}

function pair(name: string, a: Operand, b: Operand): [Value, Value] {
  if (typeof a !== "number") return [a, lift(b, a)];
  if (typeof b !== "number") return [lift(a, b), b];
  throw new GraphError(`${name} needs at least one operand that is a value`);
}

function sameDType(name: string, a: Value, b: Value): DType {
  if (a.dtype !== b.dtype) throw new GraphError(`${name} of ${a.dtype} and ${b.dtype}: cast one of them`);
  return a.dtype;
}

/** The cotangent to the larger of two, half to each at a tie. */
function share(larger: Value, smaller: Value, dy: Value): [Value, Value] {
  const first = mul(add(step(sub(larger, smaller)), sub(1, step(sub(smaller, larger)))), 0.5);
  const [toLarger, toSmaller] = [mul(dy, first), mul(dy, sub(1, first))];
  return [toLarger, toSmaller];
}

function roundHalfToEven(x: number): number {
  const rounded = Math.round(x);
  return Math.abs(x % 1) === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}
