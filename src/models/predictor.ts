/** Classifiers that are run as they are, without a graph of ours: they only predict. */
import { exposeTensor, OnnxError, type OnnxModel, prependNormalization, wiring } from "../onnx/index.ts";
import { type CompileOptions, compileFile } from "../runtime/index.ts";
import { allocate, concatRows, rows, type Shape, size, type Tensor, tensor } from "../tensor/index.ts";
import { type Entry, entryOf, type ImportOptions } from "./entry.ts";
import { findLogits } from "./logits.ts";
import type { Network } from "./model.ts";

/** Something that predicts. */
export interface Predictor {
  readonly name: string;
  readonly inputShape: Shape;
  readonly domain: Network["domain"];
  readonly classes: number;
  /** Scores of all classes, or the predicted class. */
  readonly gives: "scores" | "classes";
  /** What was found on the way in, in sentences. */
  readonly notes: readonly string[];
  /** Scores [N, classes], or classes [N], of points [N, …inputShape] in the units of `domain`. */
  predict(points: Tensor<"float32">): Promise<Tensor<"float32">>;
  release(): Promise<void>;
}

/**
 * The classifier in a model file that the engine runs as it is: decision trees and other operators that have no gradient. It gives scores: what enters
 * a softmax at the end, else what the file gives.
 * @throws OnnxError when the file is no classifier of one float input, CompileError when the engine cannot run it either.
 */
export async function importPredictor(
  file: OnnxModel,
  { device, threads, ...options }: ImportOptions & CompileOptions = {},
): Promise<Predictor> {
  const wires = wiring(file);
  const entry = entryOf(file, wires, options);
  const { port, inputShape, domain, mean, deviation } = entry;
  if (port.elementType !== "float32" && port.elementType !== "float64")
    throw new OnnxError(
      `the input "${port.name}" has elements of ${port.elementType}; a file that is run as it is takes float32 or float64`,
    );
  const place = findLogits(file, wires, options.output);
  const bytes = exposeTensor(file, place.name);
  const normalized = mean || deviation ? prependNormalization(bytes, port.name, { mean, deviation }) : bytes;
  const session = await compileFile(normalized, { device, threads });
  const run = async (points: Tensor<"float32">) =>
    scoresOf((await session.run({ [port.name]: entered(points, entry) }, [place.name]))[place.name], points.shape[0], place.name);
  const predict = async (points: Tensor<"float32">) => {
    if (port.shape?.[0] !== 1) return run(points);
    const each: Tensor<"float32">[] = [];
    for (let i = 0; i < points.shape[0]; i++) each.push(await run(rows(points, i, i + 1)));
    return concatRows(each);
  };
  const probe = new Float32Array(size(inputShape)).fill(Number.isFinite(domain.low) ? domain.low : 0);
  const classes = (await predict({ dtype: "float32", shape: [1, ...inputShape], data: probe })).shape[1];
  return {
    name: options.name ?? (file.file.graph?.name || "imported"),
    inputShape,
    domain,
    classes,
    gives: "scores",
    notes: [place.note, entry.boundsNote].filter((note) => note !== undefined),
    predict,
    release: () => session.release(),
  };
}

/** Examples in the units, the layout and the dtype of the file. */
function entered({ data, shape: [count] }: Tensor<"float32">, { port, factor, guess, inner, inputShape }: Entry): Tensor {
  const result = allocate(port.dtype as "float32", data.length);
  const channels = guess.layout === "channels last" ? inputShape[0] : 1;
  const each = size(inputShape) / channels;
  for (let i = 0; i < data.length; i++) {
    const [example, channel, place] = [Math.floor(i / (channels * each)), Math.floor(i / each) % channels, i % each];
    result[(example * each + place) * channels + channel] = data[i] * factor;
  }
  return { dtype: port.dtype as "float32", shape: [count, ...inner], data: result };
}

/** [N, classes]. One number for each example is the logit of the second of two classes. */
function scoresOf({ shape, data }: Tensor, count: number, name: string): Tensor<"float32"> {
  const width = data.length / count;
  if (shape[0] !== count || !Number.isInteger(width) || width === 0 || shape.slice(2).some((extent) => extent !== 1))
    throw new OnnxError(`"${name}" is [${shape}] for ${count} examples; a classifier gives one vector of scores for each`);
  const scores = Float32Array.from(data as Float64Array, Number);
  if (width > 1) return tensor(scores, [count, width]);
  return tensor(
    Float32Array.from({ length: 2 * count }, (_, i) => (i % 2 === 0 ? 0 : scores[(i - 1) / 2])),
    [count, 2],
  );
}
