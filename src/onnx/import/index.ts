/** The import table: every ONNX operator that is understood, by family. To add an operator is to add a record. */
import { activations } from "./activations.ts";
import { arithmetic } from "./arithmetic.ts";
import { convolutions } from "./convolutions.ts";
import { indexing } from "./indexing.ts";
import { losses } from "./losses.ts";
import { movement } from "./movement.ts";
import { normalizations } from "./normalizations.ts";
import { products } from "./products.ts";
import { quantization } from "./quantization.ts";
import { recurrent } from "./recurrent.ts";
import { reductions } from "./reductions.ts";
import { resizing } from "./resizing.ts";
import type { ImportRule } from "./rule.ts";
import { scaling } from "./scaling.ts";
import { shapes } from "./shapes.ts";

export const rules: ReadonlyMap<string, ImportRule> = new Map(
  [
    arithmetic,
    activations,
    reductions,
    products,
    convolutions,
    normalizations,
    shapes,
    movement,
    indexing,
    resizing,
    recurrent,
    quantization,
    losses,
    scaling,
  ].flatMap((family) => Object.entries(family)),
);

const trees = "a decision tree has no gradient";
const dynamic = "the shape of its result depends on the data, so the graph is not known before it runs";
const loops = "it repeats a subgraph; export the model with its loops unrolled";
const sequences = "sequences of tensors are not supported";
const random = "it draws random numbers, so the model has no one gradient";

/** Why some operators are left out. */
export const refusals: ReadonlyMap<string, string> = new Map([
  ["Loop", loops],
  ["Scan", loops],
  ["NonZero", dynamic],
  ["Unique", dynamic],
  ["Compress", dynamic],
  ["NonMaxSuppression", dynamic],
  ["StringNormalizer", "texts are not supported"],
  ["TfIdfVectorizer", "texts are not supported"],
  ["SequenceConstruct", sequences],
  ["SequenceAt", sequences],
  ["SequenceInsert", sequences],
  ["SequenceMap", sequences],
  ["SplitToSequence", sequences],
  ["ConcatFromSequence", sequences],
  ["Optional", sequences],
  ["OptionalGetElement", sequences],
  ["OptionalHasElement", sequences],
  ["RandomNormal", random],
  ["RandomNormalLike", random],
  ["RandomUniform", random],
  ["RandomUniformLike", random],
  ["Bernoulli", random],
  ["Multinomial", random],
  ["ai.onnx.ml.TreeEnsembleClassifier", trees],
  ["ai.onnx.ml.TreeEnsembleRegressor", trees],
]);
