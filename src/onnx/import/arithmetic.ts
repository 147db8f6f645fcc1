/** Element-wise arithmetic, comparisons, logic and functions of one variable. */
import {
  abs,
  acos,
  acosh,
  add,
  and,
  asin,
  asinh,
  atan,
  atanh,
  cast,
  ceil,
  clip,
  cos,
  cosh,
  div,
  equal,
  erf,
  exp,
  floor,
  greater,
  greaterOrEqual,
  isFloat,
  less,
  lessOrEqual,
  log,
  max,
  min,
  mod,
  mul,
  neg,
  not,
  or,
  pow,
  reciprocal,
  round,
  sign,
  sin,
  sinh,
  sqrt,
  sub,
  tan,
  type Value,
  where,
  xor,
} from "../../graph/index.ts";
import type { NodeReader } from "../reader.ts";
import type { ImportRule, ImportRules } from "./rule.ts";

const unary =
  (f: (x: Value) => Value): ImportRule =>
  (node) =>
    f(node.input(0));
const binary =
  (f: (a: Value, b: Value) => Value): ImportRule =>
  (node) =>
    f(node.input(0), node.input(1));
const variadic =
  (f: (a: Value, b: Value) => Value): ImportRule =>
  (node) =>
    node.all().reduce(f);

export const arithmetic: ImportRules = {
  Add: binary(add),
  Sub: binary(sub),
  Mul: binary(mul),
  Div: binary(div),
  /** The exponent may have another type than the base. */
  Pow: binary((a, b) => (isFloat(b.dtype) && !isFloat(a.dtype) ? cast(pow(cast(a, b.dtype), b), a.dtype) : pow(a, cast(b, a.dtype)))),
  Mod: (node) => (node.flag("fmod") ? truncatedMod(node.input(0), node.input(1)) : mod(node.input(0), node.input(1))),
  Max: variadic(max),
  Min: variadic(min),
  Sum: variadic(add),
  Mean: (node) => mul(node.all().reduce(add), 1 / node.inputs.length),

  Equal: binary((a, b) => (a.dtype === "bool" ? not(xor(a, b)) : equal(a, b))),
  Less: binary(less),
  LessOrEqual: binary(lessOrEqual),
  Greater: binary(greater),
  GreaterOrEqual: binary(greaterOrEqual),
  And: binary(and),
  Or: binary(or),
  Xor: binary(xor),
  Not: unary(not),
  Where: (node) => where(node.input(0), node.input(1), node.input(2)),
  IsNaN: unary((x) => not(equal(x, x))),
  IsInf: (node) => {
    const [above, below] = [equal(node.input(0), Infinity), equal(node.input(0), -Infinity)];
    const [positive, negative] = [node.flag("detect_positive", true), node.flag("detect_negative", true)];
    return positive && negative ? or(above, below) : positive ? above : negative ? below : and(above, below);
  },

  Neg: unary(neg),
  Abs: unary(abs),
  Sign: unary(sign),
  Exp: unary(exp),
  Log: unary(log),
  Sqrt: unary(sqrt),
  Reciprocal: unary(reciprocal),
  Floor: unary(floor),
  Ceil: unary(ceil),
  Round: unary(round),
  Erf: unary(erf),
  Sin: unary(sin),
  Cos: unary(cos),
  Tan: unary(tan),
  Asin: unary(asin),
  Acos: unary(acos),
  Atan: unary(atan),
  Sinh: unary(sinh),
  Cosh: unary(cosh),
  Asinh: unary(asinh),
  Acosh: unary(acosh),
  Atanh: unary(atanh),

  Identity: unary((x) => x),
  Cast: (node) => cast(node.input(0), node.dtype("to", "float32")),
  CastLike: binary((x, like) => cast(x, like.dtype)),
  Clip: clipTo,
};

/** a − b·trunc(a/b): the remainder with the sign of the dividend. */
function truncatedMod(a: Value, b: Value): Value {
  if (!isFloat(a.dtype)) return sub(a, mul(b, div(a, b)));
  const quotient = div(a, b);
  return sub(a, mul(b, mul(sign(quotient), floor(abs(quotient)))));
}

/** Bounds are attributes up to opset 10, then inputs, which may be computed. */
function clipTo(node: NodeReader): Value {
  const x = node.input(0);
  if (node.opset < 11) return clip(x, { low: node.float("min", -3.4028234663852886e38), high: node.float("max", 3.4028234663852886e38) });
  const bound = (index: number, missing: number) => {
    const value = node.optional(index);
    return value ? (node.isKnown(index) ? node.scalar(index) : value) : missing;
  };
  const [low, high] = [bound(1, -Infinity), bound(2, Infinity)];
  if (isFloat(x.dtype) && typeof low === "number" && typeof high === "number") return clip(x, { low, high });
  const raised = low === -Infinity ? x : max(x, low);
  return high === Infinity ? raised : min(raised, high);
}
