/**
 * One graph for many copies of a learner at once, each with weights of its own: ensembles of training runs, paths of their equations, and what is
 * measured of them. Data go in and come out in float64; in between the graph computes in the precision that it is built in.
 */
import { cast, constant, input, isFloat, type Value, vmap } from "../graph/index.ts";
import { compile } from "../runtime/index.ts";
import { type FloatDType, type Shape, type Tensor, tensor, toFloat64 } from "../tensor/index.ts";

/** Examples x [N, …] with y [N, …]. */
export interface TrainingSet {
  x: Tensor;
  y: Tensor;
}

/** Something compiled; `release` gives its memory back. */
export interface Releasable {
  release(): Promise<void>;
}

/** Placeholders in float64, and values of all copies made of them, [copies, …] each. */
export interface Copies<Input extends string, Output extends string> {
  inputs: Record<Input, Value>;
  values: Record<Output, Value>;
  /** Threads to compute with, where fewer than there are cores are faster. */
  threads?: number;
}

/** Copies from which on the graph runs faster with the copies innermost. */
const manyCopies = 64;

/** Copies × examples below which a second thread gains nothing, and loses much to waiting for it where the machine is busy. */
const smallStep = 4096;

/**
 * What `build` makes, in the given precision, of the inputs of one copy and of the examples, for all copies. Inputs have the given shapes, after a
 * leading axis for the copies where these do not share them.
 * @throws RangeError when there are not as many labels as examples.
 */
export function overCopies<Input extends string, Output extends string>(
  data: TrainingSet,
  { copies, precision = "float64", shared = [] }: { copies: number; precision?: FloatDType; shared?: readonly NoInfer<Input>[] },
  shapes: Readonly<Record<Input, Shape>>,
  build: (inputs: Record<Input, Value>, x: Value, y: Value) => Record<Output, Value>,
): Copies<Input, Output> {
  const N = data.x.shape[0];
  if (data.y.shape[0] !== N) throw new RangeError(`${N} examples x and ${data.y.shape[0]} labels y do not belong together`);
  const x = cast(constant(data.x), precision);
  const y = isFloat(data.y.dtype) ? cast(constant(data.y), precision) : constant(data.y);
  const names = Object.keys(shapes) as Input[];
  const inputs = names.map((name) => input(name, shared.includes(name) ? shapes[name] : [copies, ...shapes[name]], "float64"));
  let outputs: Output[] = [];
  const values = vmap(
    (...own) => {
      const built = build(byName(names, own), x, y);
      outputs = Object.keys(built) as Output[];
      return outputs.map((name) => built[name]);
    },
    inputs.map((value) => cast(value, precision)),
    { innermost: copies >= manyCopies, batched: names.map((name) => !shared.includes(name)) },
  );
  return { inputs: byName(names, inputs), values: byName(outputs, values), threads: copies * N < smallStep ? 1 : undefined };
}

/** Numbers by name, all in float64. */
export type Arrays<Name extends string> = Record<Name, Float64Array>;

/** A compiled graph of copies. */
export interface CopiesProgram<Input extends string, Output extends string> extends Releasable {
  /** The outputs, written to the arrays in `into` or fresh. */
  run(feeds: Arrays<Input>, into?: Partial<Arrays<Output>>): Promise<Arrays<Output>>;
}

/** Compiles outputs [copies, …] made of the inputs and values of copies. */
export async function compileCopies<Input extends string, Output extends string>(
  { inputs, threads }: Omit<Copies<Input, string>, "values">,
  outputs: Record<Output, Value>,
): Promise<CopiesProgram<Input, Output>> {
  const names = Object.keys(outputs) as Output[];
  const results = names.map((name) => cast(outputs[name], "float64"));
  const executable = await compile(inputs, byName(names, results), { threads });
  const tensors = (arrays: Partial<Record<string, Float64Array>>, values: Readonly<Record<string, Value>>) =>
    Object.fromEntries(
      Object.entries(arrays).flatMap(([name, data]) => (data ? [[name, tensor(data, values[name].shape, "float64")] as const] : [])),
    );
  return {
    release: () => executable.release(),
    run: async (feeds, into = {}) => {
      const places = tensors(into, outputs) as Partial<Record<Output, Tensor>>;
      const found = await executable.run(tensors(feeds, inputs), places);
      return byName(
        names,
        names.map((name) => toFloat64(found[name])),
      );
    },
  };
}

const byName = <Name extends string, T>(names: readonly Name[], values: readonly T[]): Record<Name, T> =>
  Object.fromEntries(names.map((name, i) => [name, values[i]])) as Record<Name, T>;
