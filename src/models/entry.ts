/** How examples enter a model file: its only input, the shape of an example, the units, the layout. */
import { cast, constant, div, mul, reshape, sub, transpose, type Value } from "../graph/index.ts";
import { OnnxError, type OnnxModel, type OnnxPort, type Wiring } from "../onnx/index.ts";
import { type Shape, size, type Tensor, tensor } from "../tensor/index.ts";
import { guessInput, type InputGuess } from "./input-guess.ts";
import type { Network } from "./model.ts";

export interface ImportOptions {
  name?: string;
  /** Mean and deviation of each channel by which images are normalized before they enter the file: (x − mean)/deviation moves into the model. */
  mean?: readonly number[];
  deviation?: readonly number[];
  /** Bounds of the numbers that the file takes, where the guess is wrong; the model then takes them as they are. */
  domain?: { readonly low: number; readonly high: number };
  /** Smallest and largest number of the examples that the model will be given: its domain where the file does not tell any, or they are not [0, 1]. */
  bounds?: readonly number[];
  /** How the file's input axes lie, where the guess is wrong. The model itself takes channels first. */
  layout?: InputGuess["layout"];
  /** Shape of one example, where the file leaves it open (in the file's layout), or of the images that the file takes flattened. */
  inputShape?: Shape;
  /** Name of the output with the scores of the classes, where there are several. */
  output?: string;
}

export interface Entry extends Preparation {
  readonly port: OnnxPort;
  readonly guess: InputGuess;
  /** Shape of an example in the file. */
  readonly inner: Shape;
  readonly inputShape: Shape;
  /** What is said of bounds that were taken from the examples. */
  readonly boundsNote?: string;
}

/** How examples become what the file takes: multiplied, turned to its layout, centred and divided. */
interface Preparation {
  readonly domain: Network["domain"];
  readonly factor: number;
  readonly mean?: Tensor;
  readonly deviation?: Tensor;
}

/** @throws OnnxError when the file has not one input for a batch of examples, or leaves open what the options do not say. */
export function entryOf(file: OnnxModel, wires: Wiring, options: ImportOptions): Entry {
  const port = onlyInput(file);
  const inner = exampleShape(port, options.inputShape);
  const flattened = inner.length === 1 && (options.inputShape?.length ?? 0) > 1;
  const found = guessInput(file, port, wires, { flattened });
  const guess = { ...found, layout: options.layout ?? found.layout };
  const turned = guess.layout === "channels last" ? [inner[inner.length - 1], ...inner.slice(0, -1)] : inner;
  const inputShape = flattened && options.inputShape ? options.inputShape : turned;
  const bounds = options.domain ? undefined : ownBounds(guess, options.bounds);
  const preparation = domainOf(port, guess, inputShape, { ...options, domain: options.domain ?? bounds });
  return { port, guess, inner, inputShape, boundsNote: bounds && boundsNote(guess, bounds), ...preparation };
}

/** The bounds of the examples, where they say more than the file. */
function ownBounds(guess: InputGuess, [low, high]: readonly number[] = []): Network["domain"] | undefined {
  return high === undefined || (Number.isFinite(guess.high) && low === 0 && high === 1) ? undefined : { low, high };
}

function boundsNote({ low, high }: InputGuess, taken: Network["domain"]): string | undefined {
  if (low === taken.low && high === taken.high) return undefined;
  const file = Number.isFinite(high)
    ? `the file looks like inputs of ${low} to ${high}`
    : "the file does not tell the bounds of its inputs";
  return `${file}; those of the data, ${taken.low} to ${taken.high}, are taken`;
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
  throw new OnnxError(
    `the file leaves the shape of an example open (it tells ${known} for "${name}"): give it as inputShape (--input-shape 3,224,224)`,
  );
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
export function entered(x: Value, { factor, mean, deviation, guess, port }: Entry): Value {
  const shaped = guess.layout === "vector" ? reshape(x, [x.shape[0], -1]) : x;
  const scaled = factor === 1 ? shaped : mul(shaped, factor);
  const laid = guess.layout === "channels last" ? transpose(scaled, [0, ...x.shape.slice(2).map((_, i) => i + 2), 1]) : scaled;
  const typed = port.dtype === "float64" ? cast(laid, "float64") : laid;
  const centred = mean ? sub(typed, cast(constant(mean), typed.dtype)) : typed;
  return deviation ? div(centred, cast(constant(deviation), typed.dtype)) : centred;
}
