/** Any ONNX classifier as a model: what it takes and gives is brought to one form, its numbers are sorted into trained and fixed. */
import { cast, concat, constant, input, reshape, type Value, vmap } from "../graph/index.ts";
import { OnnxError, type OnnxModel, prependNormalization, replaceInitializers, straightThrough, wiring } from "../onnx/index.ts";
import { cast as castTensor, type Shape, size, type Tensor, zeros } from "../tensor/index.ts";
import { type Entry, entered, entryOf, type ImportOptions } from "./entry.ts";
import type { InputGuess } from "./input-guess.ts";
import { findLogits, type LogitsPlace } from "./logits.ts";
import type { Model, Network, WeightSpecification, Weights } from "./model.ts";
import { type InitializerRole, initializerRoles } from "./roles.ts";

export interface ImportedModel extends Model {
  readonly file: OnnxModel;
  readonly guess: InputGuess;
  readonly roles: ReadonlyMap<string, InitializerRole>;
  /** Mean and deviation that were moved into the model, in the file's layout. */
  readonly normalization: { readonly mean?: Tensor; readonly deviation?: Tensor };
  /** What was found and changed on the way in, in sentences. */
  readonly notes: readonly string[];
}

/**
 * The classifier in a model file. Its weights are the trained initializers and the running statistics; batch normalization stays in
 * inference form, whatever the mode. Pixels of 0 to 255 become inputs of 0 to 1 with a factor inside.
 * @throws OnnxError when the file is no classifier of one input, or leaves open what the options do not say; UnsupportedOperatorError.
 */
export function importModel(file: OnnxModel, options: ImportOptions = {}): ImportedModel {
  const wires = wiring(file);
  const coupled = file.nodes.find(({ operator, attributes }) => operator === "BatchNormalization" && attributes.get("training_mode")?.i);
  if (coupled)
    throw new OnnxError(
      `node "${coupled.name}" is in training mode, where examples influence each other; export the model in inference mode`,
    );
  const entry = entryOf(file, wires, options);
  const { guess, inputShape } = entry;
  const place = findLogits(file, wires, options.output);
  const roles = initializerRoles(file, wires);
  const used = [...roles].filter(([, { role }]) => role !== "fixed");
  const weights = Object.fromEntries(used.map(([name, { tensor: own }]) => [name, castTensor(own, "float32")]));
  const run = (x: Value, values: Readonly<Record<string, Value>>) => logitsOf(file, entry, place, x, values);
  const classes = countClasses(run, inputShape, weights);
  const network: Network = {
    name: options.name ?? (file.file.graph?.name || "imported"),
    inputShape,
    domain: entry.domain,
    classes,
    weights: Object.fromEntries(
      used.map(([name, { role, tensor: own }]): [string, WeightSpecification] => [name, { shape: own.shape, role }]),
    ),
    apply: (x, values) => ({ logits: run(x, values), statistics: {} }),
  };
  const { mean, deviation } = entry;
  return { network, weights, file, guess, roles, normalization: { mean, deviation }, notes: notesOf(file, entry, place) };
}

/** The original file with the weights of a model in place of its own, and with the normalization that was moved into it in front. */
export function exportImported({ file, normalization }: ImportedModel, weights: Weights): Uint8Array {
  const bytes = replaceInitializers(file, weights);
  const { mean, deviation } = normalization;
  return mean || deviation ? prependNormalization(bytes, file.inputs[0].name, normalization) : bytes;
}

/** [N, classes]. A file with a fixed batch of 1 is mapped over the examples. */
function logitsOf(file: OnnxModel, entry: Entry, place: LogitsPlace, x: Value, weights: Readonly<Record<string, Value>>): Value {
  const values = Object.fromEntries(
    Object.entries(weights).map(([name, value]) => [name, cast(value, file.initializers.get(name)?.dtype ?? value.dtype)]),
  );
  const build = (batch: Value) => {
    const y = file.build({ [entry.port.name]: batch }, values, [place.name])[place.name];
    if (
      size(y.shape.slice(1)) === 0 ||
      y.shape[0] !== batch.shape[0] ||
      (y.shape.length > 2 && y.shape.slice(2).some((extent) => extent !== 1))
    )
      throw new OnnxError(
        `"${place.name}" is [${y.shape}] for ${batch.shape[0]} examples; a classifier gives one vector of scores for each`,
      );
    return reshape(y, [batch.shape[0], -1]);
  };
  const ready = entered(x, entry);
  const fixed = entry.port.shape?.[0] === 1;
  const scores = cast(
    fixed && x.shape[0] !== 1 ? vmap((one) => [reshape(build(reshape(one, [1, ...one.shape])), [-1])], [ready])[0] : build(ready),
    x.dtype,
  );
  return place.binary || scores.shape[1] === 1 ? concat([constant(zeros(scores.shape, x.dtype)), scores], 1) : scores;
}

function countClasses(run: (x: Value, weights: Record<string, Value>) => Value, inputShape: Shape, weights: Weights): number {
  const values = Object.fromEntries(Object.entries(weights).map(([name, { shape }]) => [name, input(name, shape)]));
  return run(input("two examples", [2, ...inputShape]), values).shape[1];
}

function notesOf(file: OnnxModel, { port, guess, factor, boundsNote }: Entry, place: LogitsPlace): string[] {
  const halves = new Set([...file.elementTypes.values(), port.elementType].filter((type) => type.endsWith("float16")));
  const rounding = new Set(file.nodes.map(({ operator }) => operator).filter((operator) => straightThrough.has(operator)));
  return [
    ...(guess.layout === "channels last" ? ["the file takes channels last; the model takes channels first and turns them"] : []),
    ...(boundsNote ? [boundsNote] : []),
    ...(factor === 1 ? [] : [`${guess.reason}; the model takes 0 to 1 and multiplies by ${factor}`]),
    ...(port.shape?.[0] === 1 ? ["the file has a fixed batch of 1; the model maps it over the examples of a batch"] : []),
    ...(place.note ? [place.note] : []),
    ...(halves.size > 0 ? [`numbers of ${[...halves].join(" and ")} are computed with in float32, and written back as they were`] : []),
    ...(rounding.size > 0
      ? [`rounding in ${[...rounding].join(", ")} has the straight-through gradient, which is not the derivative`]
      : []),
  ];
}
