/**
 * A batch of scalar functions on vectors, F_b: ℝⁿ → ℝ, with their gradients, Hessian–vector products and ascent steps, compiled from a symbolic
 * function: what the instruments of this floor look at. A loss as a function of the perturbation is one; so is a margin or one logit.
 */
import { ascentStep, ballProjection, type Direction } from "../attacks/ascent.ts";
import { constant, GraphError, grad, hvp, input, sum, type Value } from "../graph/index.ts";
import { type CompileOptions, compile, type Executable } from "../runtime/index.ts";
import { type FloatDType, sameShape, type Tensor, tensor, toFloat64, zeros } from "../tensor/index.ts";

/** F_b for b < batch, each at a point of its own: points δ are rows of [batch, dimension] in float64. */
export interface Objective {
  readonly batch: number;
  readonly dimension: number;
  /** The precision in which F is computed, which says how exactly a point can be stationary; "float64" where it is not given. */
  readonly dtype?: FloatDType;
  /** F_b(δ_b), [batch] */
  value(delta: Float64Array): Promise<Float64Array>;
  /** F_b(δ_b), [batch], and ∇F_b(δ_b), [batch, dimension] */
  gradient(delta: Float64Array): Promise<{ value: Float64Array; gradient: Float64Array }>;
  /** ∇²F_b(δ_b)·v_b, [batch, dimension] */
  curvature(delta: Float64Array, v: Float64Array): Promise<Float64Array>;
  /** F_b(δ_b), and the next point Π(δ_b + s_b·direction(∇F_b)) of an ascent in the ball |δ|₂ ≤ ε_b; s and ε are [batch]. */
  ascend(delta: Float64Array, step: AscentStep): Promise<{ value: Float64Array; next: Float64Array }>;
}

export interface AscentStep {
  stepSize: Float64Array;
  radius: Float64Array;
  direction: Direction;
}

export interface ObjectiveOptions extends CompileOptions {
  batch: number;
  dimension: number;
  /** Default "float64". */
  dtype?: FloatDType;
  /** Placeholders that the function uses beside δ (data, weights), by name. */
  inputs?: Readonly<Record<string, Value>>;
}

/**
 * Builds the batch of functions from δ [batch, dimension] ↦ values [batch], where value b may depend on row b only. The result binds data to the
 * further placeholders; what it compiles is shared by all bindings, and compiled when first asked for.
 */
export function compileObjective(
  build: (delta: Value) => Value,
  { batch, dimension, dtype = "float64", inputs = {}, ...runtime }: ObjectiveOptions,
): (feeds?: Readonly<Record<string, Tensor>>) => Objective {
  const shape = [batch, dimension];
  const [delta, v] = [input("delta", shape, dtype), input("v", shape, dtype)];
  const [stepSize, radius] = [input("stepSize", [batch, 1], dtype), input("radius", [batch, 1], dtype)];
  const value = build(delta);
  if (!sameShape(value.shape, [batch]))
    throw new GraphError(`an objective has the shape [${batch}], one value per row, not [${value.shape}]`);

  const slope = once(() => grad(sum(value), delta));
  const values = once(() => compile({ delta, ...inputs }, { value }, runtime));
  const gradients = once(() => compile({ delta, ...inputs }, { value, gradient: slope() }, runtime));
  const curvatures = once(() => compile({ delta, v, ...inputs }, { product: hvp(sum(value), [delta], [v])[0] }, runtime));
  const stepped = (direction: Direction) =>
    compile(
      { delta, stepSize, radius, ...inputs },
      {
        value,
        next: ascentStep(delta, slope(), { direction, stepSize, projection: ballProjection(constant(zeros([], dtype)), "l2", radius) }),
      },
      runtime,
    );
  const steps = new Map<Direction, Promise<Executable<"value" | "next">>>();

  const rows = (data: Float64Array) => tensor(data.slice(), shape, dtype);
  const column = (data: Float64Array) => tensor(data, [batch, 1], dtype);
  return (feeds = {}) => ({
    batch,
    dimension,
    dtype,
    value: async (at) => toFloat64((await (await values()).run({ ...feeds, delta: rows(at) })).value),
    async gradient(at) {
      const found = await (await gradients()).run({ ...feeds, delta: rows(at) });
      return { value: toFloat64(found.value), gradient: toFloat64(found.gradient) };
    },
    curvature: async (at, along) => toFloat64((await (await curvatures()).run({ ...feeds, delta: rows(at), v: rows(along) })).product),
    async ascend(at, step) {
      const { direction } = step;
      if (!steps.has(direction)) steps.set(direction, stepped(direction));
      const executable = await (steps.get(direction) as Promise<Executable<"value" | "next">>);
      const found = await executable.run({ ...feeds, delta: rows(at), stepSize: column(step.stepSize), radius: column(step.radius) });
      return { value: toFloat64(found.value), next: toFloat64(found.next) };
    },
  });
}

function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}
