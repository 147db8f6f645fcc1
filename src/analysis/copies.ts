/**
 * One graph for many copies of a learner at once, each with weights of its own: ensembles of training runs, paths of their equations, and what is
 * measured of them. Data go in and come out in float64; in between the graph computes in the precision that it is built in.
 */
import { cast, constant, isFloat, type Value, vmap } from "../graph/index.ts";
import type { FloatDType, Tensor } from "../tensor/index.ts";

/** Examples x [N, …] with y [N, …]. */
export interface TrainingSet {
  x: Tensor;
  y: Tensor;
}

/** Something compiled; `release` gives its memory back. */
export interface Releasable {
  release(): Promise<void>;
}

/** Copies from which on the graph runs faster with the copies innermost. */
export const manyCopies = 64;

/** Copies × examples below which a second thread gains nothing, and loses much to waiting for it where the machine is busy. */
export const smallStep = 4096;

/**
 * What `build` makes, in the given precision, of the inputs of one copy and of the examples, for all copies: [copies, …] each. Inputs are
 * [copies, …], but for those that the copies share.
 * @throws RangeError when there are not as many labels as examples.
 */
export function overCopies<Input extends string, Output extends string>(
  data: TrainingSet,
  { copies, precision = "float64", shared = [] }: { copies: number; precision?: FloatDType; shared?: readonly NoInfer<Input>[] },
  inputs: Readonly<Record<Input, Value>>,
  build: (inputs: Record<Input, Value>, x: Value, y: Value) => Record<Output, Value>,
): Record<Output, Value> {
  const N = data.x.shape[0];
  if (data.y.shape[0] !== N) throw new RangeError(`${N} examples x and ${data.y.shape[0]} labels y do not belong together`);
  const x = cast(constant(data.x), precision);
  const y = isFloat(data.y.dtype) ? cast(constant(data.y), precision) : constant(data.y);
  const names = Object.keys(inputs) as Input[];
  let outputs: Output[] = [];
  const values = vmap(
    (...own) => {
      const built = build(byName(names, own), x, y);
      outputs = Object.keys(built) as Output[];
      return outputs.map((name) => built[name]);
    },
    names.map((name) => cast(inputs[name], precision)),
    { innermost: copies >= manyCopies, batched: names.map((name) => !shared.includes(name)) },
  );
  return byName(outputs, values);
}

const byName = <Name extends string, T>(names: readonly Name[], values: readonly T[]): Record<Name, T> =>
  Object.fromEntries(names.map((name, i) => [name, values[i]])) as Record<Name, T>;
