/** Any ONNX classifier as a model: what it takes and gives is brought to one form, its numbers are sorted into trained and fixed. */
import { cast, concat, constant, div, input, mul, reshape, sub, transpose, type Value, vmap } from "../graph/index.ts";
import {
  OnnxError,
  type OnnxModel,
  type OnnxPort,
  prependNormalization,
  replaceInitializers,
  straightThrough,
  wiring,
} from "../onnx/index.ts";
import { cast as castTensor, type Shape, size, type Tensor, tensor, zeros } from "../tensor/index.ts";
import { guessInput, type InputGuess } from "./input-guess.ts";
import { findLogits, type LogitsPlace } from "./logits.ts";
import type { Model, Network, WeightSpecification, Weights } from "./model.ts";
import { type InitializerRole, initializerRoles } from "./roles.ts";

export interface ImportOptions {
  name?: string;
  /** Mean and deviation of each channel by which images are normalized before they enter the file: (x − mean)/deviation moves into the model. */
  mean?: readonly number[];
  deviation?: readonly number[];
  /** Bounds of the numbers that the file takes, where the guess is wrong; the model then takes them as they are. */
  domain?: { readonly low: number; readonly high: number };
  /** How the file's input axes lie, where the guess is wrong. The model itself takes channels first. */
  layout?: InputGuess["layout"];
  /** Shape of one example, where the file leaves it open (in the file's layout), or of the images that the file takes flattened. */
  inputShape?: Shape;
  /** Name of the output with the scores of the classes, where there are several. */
  output?: string;
}

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
  const port = onlyInput(file);
  const inner = exampleShape(port, options.inputShape);
  const flattened = inner.length === 1 && (options.inputShape?.length ?? 0) > 1;
  const found = guessInput(file, port, wires, { flattened });
  const guess = { ...found, layout: options.layout ?? found.layout };
  const turned = guess.layout === "channels last" ? [inner[inner.length - 1], ...inner.slice(0, -1)] : inner;
  const inputShape = flattened && options.inputShape ? options.inputShape : turned;
  const place = findLogits(file, wires, options.output);
  const entry = { port, guess, inner, inputShape, ...domainOf(port, guess, inputShape, options) };
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

interface Entry extends Preparation {
  readonly port: OnnxPort;
  readonly guess: InputGuess;
  /** Shape of an example in the file. */
  readonly inner: Shape;
  readonly inputShape: Shape;
}

/** How examples become what the file takes: multiplied, turned to its layout, centred and divided. */
interface Preparation {
  readonly domain: Network["domain"];
  readonly factor: number;
  readonly mean?: Tensor;
  readonly deviation?: Tensor;
}

function onlyInput(file: OnnxModel): OnnxPort {
  if (file.inputs.length === 1) return file.inputs[0];
  const names = file.inputs.map(({ name }) => `"${name}"`).join(", ");
  throw new OnnxError(
    file.inputs.length === 0
      ? "the model has no input"
      : `the model has ${file.inputs.length} inputs (${names}); a classifier takes one: make the others constants of the model`,
  );
}

function exampleShape({ name, shape, elementType, dtype }: OnnxPort, given?: Shape): Shape {
  if (!dtype?.startsWith("float") && elementType !== "uint8")
    throw new OnnxError(`the input "${name}" has elements of ${elementType}, which is nothing to perturb`);
  if (shape && shape.length < 2) throw new OnnxError(`the input "${name}" is [${shape}]; a batch of examples has at least two axes`);
  if (typeof shape?.[0] === "number" && shape[0] !== 1)
    throw new OnnxError(
      `the input "${name}" has a fixed batch of ${shape[0]}; export the model with a free batch axis, or with a batch of 1`,
    );
  const own = shape?.slice(1);
  const isWhole = (extents?: readonly unknown[]): extents is Shape =>
    extents?.every((extent) => typeof extent === "number" && extent > 0) ?? false;
  if (isWhole(own)) {
    if (given && size(given) !== size(own)) throw new OnnxError(`examples of shape [${given}] do not fit the file, which takes [${own}]`);
    return own;
  }
  if (isWhole(given)) return given;
  const known = own ? `[${own.map((extent) => extent ?? "?")}]` : "not even its rank";
  throw new OnnxError(`the file leaves the shape of an example open (it tells ${known} for "${name}"): give it, for instance 3,224,224`);
}

function domainOf(port: OnnxPort, guess: InputGuess, inputShape: Shape, { domain, mean, deviation }: ImportOptions): Preparation {
  const perChannel = (name: string, values: readonly number[]): Tensor => {
    if (values.length !== 1 && values.length !== inputShape[0])
      throw new OnnxError(`${values.length} numbers as ${name} do not fit ${inputShape[0]} channels`);
    if (!port.dtype?.startsWith("float"))
      throw new OnnxError(`the input has elements of ${port.elementType}, which cannot be normalized before the file`);
    if (guess.layout === "channels last" || values.length === 1) return tensor(values, [values.length], port.dtype);
    if (guess.layout === "channels first") return tensor(values, [values.length, ...inputShape.slice(1).map(() => 1)], port.dtype);
    const each = size(inputShape.slice(1));
    return tensor(
      values.flatMap((value) => new Array<number>(each).fill(value)),
      [values.length * each],
      port.dtype,
    );
  };
  if (deviation?.some((value) => !(value > 0))) throw new OnnxError(`deviations are positive, unlike ${deviation}`);
  const statistics = { mean: mean && perChannel("mean", mean), deviation: deviation && perChannel("deviation", deviation) };
  if (domain) return { domain, factor: 1, ...statistics };
  if (mean || deviation) return { domain: { low: 0, high: 1 }, factor: 1, ...statistics };
  return guess.high === 255 ? { domain: { low: 0, high: 1 }, factor: 255 } : { domain: { low: guess.low, high: guess.high }, factor: 1 };
}

/** Examples as the file wants them: in its units, its layout and its dtype. */
function entered(x: Value, { factor, mean, deviation, guess, port }: Entry): Value {
  const shaped = guess.layout === "vector" ? reshape(x, [x.shape[0], -1]) : x;
  const scaled = factor === 1 ? shaped : mul(shaped, factor);
  const laid = guess.layout === "channels last" ? transpose(scaled, [0, ...x.shape.slice(2).map((_, i) => i + 2), 1]) : scaled;
  const typed = port.dtype === "float64" ? cast(laid, "float64") : laid;
  const centred = mean ? sub(typed, cast(constant(mean), typed.dtype)) : typed;
  return deviation ? div(centred, cast(constant(deviation), typed.dtype)) : centred;
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

function notesOf(file: OnnxModel, { port, guess, factor }: Entry, place: LogitsPlace): string[] {
  const halves = new Set([...file.elementTypes.values(), port.elementType].filter((type) => type.endsWith("float16")));
  const rounding = new Set(file.nodes.map(({ operator }) => operator).filter((operator) => straightThrough.has(operator)));
  return [
    ...(guess.layout === "channels last" ? ["the file takes channels last; the model takes channels first and turns them"] : []),
    ...(factor === 1 ? [] : [`${guess.reason}; the model takes 0 to 1 and multiplies by ${factor}`]),
    ...(port.shape?.[0] === 1 ? ["the file has a fixed batch of 1; the model maps it over the examples of a batch"] : []),
    ...(place.note ? [place.note] : []),
    ...(halves.size > 0 ? [`numbers of ${[...halves].join(" and ")} are computed with in float32, and written back as they were`] : []),
    ...(rounding.size > 0
      ? [`rounding in ${[...rounding].join(", ")} has the straight-through gradient, which is not the derivative`]
      : []),
  ];
}
