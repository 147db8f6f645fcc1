/**
 * Symbolic values. A `Value` says how it is computed: an operator, its inputs, its attributes; shape and dtype are known at once.
 * Values are immutable, and a graph is whatever its outputs reach: there is no graph object to change.
 */
import { type DType, type Shape, scalar, size, type Tensor } from "../tensor/index.ts";

export type Attribute = number | string | boolean | Tensor | readonly number[] | readonly string[] | undefined;
export type Attributes = Readonly<Record<string, Attribute>>;

export interface Value {
  /** Grows with creation, so an input's id is always smaller than that of what is computed from it. */
  readonly id: number;
  readonly operator: Operator;
  readonly inputs: readonly Value[];
  readonly attributes: Attributes;
  readonly shape: Shape;
  readonly dtype: DType;
}

/** A value, or a number that is taken as a constant of the other operand's dtype. */
export type Operand = Value | number;

/** An argument of a batched operator: with `batched` its leading axis is the batch, else it is the same for all. */
export interface BatchArgument {
  readonly value: Value;
  readonly batched: boolean;
}

/** Numbers with a shape, always in float64 (booleans as 0 and 1): what reference rules compute on. */
export interface Numbers {
  readonly shape: Shape;
  readonly data: Float64Array;
}

/** Everything that is known about an operator, in one record. Adding an operator is adding a record. */
export interface Operator<A extends Attributes = Attributes> {
  readonly name: string;
  /** Shape of the result. @throws GraphError when the inputs do not fit. */
  shape(inputs: readonly Value[], attributes: A): Shape;
  /** Dtype of the result; without it, the first input's. */
  dtype?(inputs: readonly Value[], attributes: A): DType;
  /**
   * Cotangents of the inputs from the cotangent `dy` of the result, in canonical operators and linear in `dy`; null where the
   * derivative is zero. "zero" says that the derivative vanishes everywhere it exists. Without a rule, differentiating is an error.
   */
  gradient?: "zero" | ((inputs: readonly Value[], dy: Value, result: Value, attributes: A) => readonly (Value | null)[]);
  /** Whether each number of the result depends only on the numbers that broadcasting puts at its place. */
  readonly elementwise?: boolean;
  /** The result in float64, in plain TypeScript. */
  reference?(inputs: readonly Numbers[], attributes: A, result: Pick<Value, "shape" | "dtype">): Float64Array;
  /** The operator applied to every member of a batch at once; the result's leading axis is the batch. Without it, or where it gives undefined, members are computed one by one. */
  batch?(inputs: readonly BatchArgument[], attributes: A, batchSize: number): Value | undefined;
}

/** A graph that cannot be built, differentiated or evaluated. */
export class GraphError extends Error {
  override name = "GraphError";
}

/** Every operator by name. */
export const operators = new Map<string, Operator>();

/** Defines an operator and enters it in the table. */
export function operator<A extends Attributes = Attributes>(name: string, rules: Omit<Operator<A>, "name">): Operator<A> {
  const record = { name, ...rules };
  operators.set(name, record as Operator);
  return record;
}

let created = 0;

/** The value of an operator applied to inputs. @throws GraphError when shapes or dtypes do not fit. */
export function apply<A extends Attributes>(op: Operator<A>, inputs: readonly Value[], attributes: A = {} as A): Value {
  const shape = op.shape(inputs, attributes);
  const dtype = op.dtype ? op.dtype(inputs, attributes) : inputs[0].dtype;
  return { id: ++created, operator: op as Operator, inputs, attributes, shape, dtype };
}

const inputOperator = operator<{ name: string; shape: Shape; dtype: DType }>("Input", {
  shape: (_, { shape }) => shape,
  dtype: (_, { dtype }) => dtype,
});

/** A placeholder for data given at run time. */
export function input<D extends DType = "float32">(name: string, shape: Shape, dtype: D = "float32" as D): Value {
  if (shape.some((extent) => !Number.isInteger(extent) || extent < 0))
    throw new GraphError(`input "${name}" has the impossible shape [${shape}]`);
  return apply(inputOperator, [], { name, shape: [...shape], dtype });
}

const constantOperator = operator<{ value: Tensor }>("Constant", {
  shape: (_, { value }) => value.shape,
  dtype: (_, { value }) => value.dtype,
  reference: (_, { value }) => Float64Array.from(value.data as Float64Array, Number),
});

/** A value known now. */
export function constant(value: Tensor): Value {
  return apply(constantOperator, [], { value });
}

/** The operand as a value: numbers become constants of rank 0 with the dtype of `like`. */
export function lift(operand: Operand, like: Pick<Value, "dtype">): Value {
  return typeof operand === "number" ? constant(scalar(operand, like.dtype)) : operand;
}

export function isInput(value: Value): boolean {
  return value.operator.name === "Input";
}

/** The tensor of a constant, undefined for anything else. */
export function constantTensor(value: Value): Tensor | undefined {
  return value.operator.name === "Constant" ? (value.attributes.value as Tensor) : undefined;
}

/** The name of an input. */
export function inputName(value: Value): string {
  if (!isInput(value)) throw new GraphError(`${describe(value)} is not an input`);
  return value.attributes.name as string;
}

/** Operator, shape and dtype, for messages. */
export function describe(value: Value): string {
  const label = isInput(value) ? `Input "${value.attributes.name}"` : value.operator.name;
  return `${label} ${value.dtype}[${value.shape}]`;
}

/** The axis counted from the front. @throws GraphError when it lies outside the rank. */
export function normalizeAxis(axis: number, rank: number): number {
  const positive = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(positive) || positive < 0 || positive >= Math.max(rank, 1))
    throw new GraphError(`axis ${axis} does not exist in rank ${rank}`);
  return positive;
}

/** Number of elements of a value. */
export function count(value: Pick<Value, "shape">): number {
  return size(value.shape);
}
