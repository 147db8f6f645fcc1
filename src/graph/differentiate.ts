/**
 * Differentiation as functions from values to values. Gradient rules are written in canonical operators and are linear in the
 * cotangent, so gradients can be differentiated again, and a JVP is the VJP of the VJP.
 */
import { sameShape, zeros } from "../tensor/index.ts";
import { add, isFloat } from "./operators/elementwise.ts";
import { expand } from "./operators/shape.ts";
import { dependents, topological } from "./traverse.ts";
import { constant, count, describe, GraphError, input, lift, type Value } from "./value.ts";

/** An operator without a gradient rule stands between what is differentiated and a variable. */
export class DifferentiationError extends GraphError {
  override name = "DifferentiationError";
}

/** ∂y/∂x for each x, with y a scalar; each has the shape of its x (zeros where y does not depend on it). */
export function grad(y: Value, xs: readonly Value[]): Value[];
export function grad(y: Value, x: Value): Value;
export function grad(y: Value, xs: Value | readonly Value[]): Value | Value[] {
  if (count(y) !== 1) throw new DifferentiationError(`the gradient is of a scalar, not of ${describe(y)}: sum it, or use vjp`);
  const result = vjp([y], isList(xs) ? xs : [xs], [expand(lift(1, y), y.shape)]);
  return isList(xs) ? result : result[0];
}

/** Vector–Jacobian products: for each x, Σ over outputs of (∂y/∂x)ᵀ·cotangent. */
export function vjp(ys: readonly Value[], xs: readonly Value[], cotangents: readonly Value[]): Value[] {
  ys.forEach((y, i) => {
    if (!sameShape(y.shape, cotangents[i].shape))
      throw new DifferentiationError(`cotangent ${describe(cotangents[i])} does not fit ${describe(y)}`);
  });
  const order = topological(ys);
  const active = dependents(order, xs);
  const total = new Map<Value, Value>();
  const accumulate = (value: Value, cotangent: Value) => {
    const before = total.get(value);
    total.set(value, before ? add(before, cotangent) : cotangent);
  };
  ys.forEach((y, i) => {
    if (active.has(y)) accumulate(y, cotangents[i]);
  });
  for (const value of order.reverse()) {
    const dy = total.get(value);
    if (!dy || !value.inputs.some((x) => active.has(x))) continue;
    const cotangentsOfInputs = pullBack(value, dy);
    value.inputs.forEach((x, i) => {
      const dx = cotangentsOfInputs[i];
      if (dx && active.has(x)) accumulate(x, dx);
    });
  }
  return xs.map((x) => total.get(x) ?? constantZeros(x));
}

/** Jacobian–vector products: for each y, Σ over variables of (∂y/∂x)·tangent. */
export function jvp(ys: readonly Value[], xs: readonly Value[], tangents: readonly Value[]): Value[] {
  const dummies = ys.map((y, i) => input(`cotangent ${i} of a forward derivative`, y.shape, y.dtype as "float32"));
  return vjp(vjp(ys, xs, dummies), dummies, tangents);
}

/** Hessian–vector products of a scalar y: for each x, Σⱼ (∂²y/∂x∂xⱼ)·vⱼ. */
export function hvp(y: Value, xs: readonly Value[], vectors: readonly Value[]): Value[] {
  const gradients = grad(y, xs);
  const order = topological(gradients);
  const active = dependents(order, xs);
  const varying = gradients.flatMap((g, i) => (active.has(g) ? [i] : []));
  return vjp(
    varying.map((i) => gradients[i]),
    xs,
    varying.map((i) => vectors[i]),
  );
}

function pullBack(value: Value, dy: Value): readonly (Value | null)[] {
  const { gradient, name } = value.operator;
  if (gradient === "zero" || !isFloat(value.dtype)) return [];
  if (!gradient) throw new DifferentiationError(`operator "${name}" has no derivative here (${describe(value)})`);
  return gradient(value.inputs, dy, value, value.attributes);
}

function constantZeros(x: Value): Value {
  return expand(constant(zeros([], x.dtype)), x.shape);
}

function isList(xs: Value | readonly Value[]): xs is readonly Value[] {
  return Array.isArray(xs);
}
