/** A decision tree as a model file, as scikit-learn's exporter writes it, and the same tree by hand. */
import { integers, listOfFloats, mapsOf, modelBytes, node, port, text, texts } from "../onnx/models.ts";

/** x₀ ≤ ½ ? (x₁ ≤ 0.3 ? 0 : 1) : 2. The thresholds of features 0 and 1: */
export const thresholds = [0.5, 0.3];

export function leaf([a, b]: Iterable<number>): number {
  return a <= thresholds[0] ? (b <= thresholds[1] ? 0 : 1) : 2;
}

/** Least change in L∞ that reaches another leaf. */
export function reach([a, b]: Iterable<number>): number {
  const [across, up] = [Math.abs(a - thresholds[0]), Math.abs(b - thresholds[1])];
  return a <= thresholds[0] ? Math.min(across, up) : across;
}

const tree = node(
  "TreeEnsembleClassifier",
  ["x"],
  ["label", "scores"],
  [
    integers("nodes_treeids", [0, 0, 0, 0, 0]),
    integers("nodes_nodeids", [0, 1, 2, 3, 4]),
    integers("nodes_featureids", [0, 1, 0, 0, 0]),
    listOfFloats("nodes_values", [...thresholds, 0, 0, 0]),
    texts("nodes_modes", ["BRANCH_LEQ", "BRANCH_LEQ", "LEAF", "LEAF", "LEAF"]),
    integers("nodes_truenodeids", [1, 3, 0, 0, 0]),
    integers("nodes_falsenodeids", [2, 4, 0, 0, 0]),
    integers("class_treeids", [0, 0, 0]),
    integers("class_nodeids", [3, 4, 2]),
    integers("class_ids", [0, 1, 2]),
    listOfFloats("class_weights", [1, 1, 1]),
    integers("classlabels_int64s", [0, 1, 2]),
    text("post_transform", "NONE"),
  ],
  "ai.onnx.ml",
);
const opsetImport = [
  { domain: "", version: 17n },
  { domain: "ai.onnx.ml", version: 2n },
];
const int64 = 7;

/** Gives labels and scores; with `maps` the scores as a sequence of maps, with `batch` that many examples at a time. */
export function treeFile({ maps = false, batch = "N" as string | number } = {}): Uint8Array {
  const zip = node("ZipMap", ["scores"], ["maps"], [integers("classlabels_int64s", [0, 1, 2])], "ai.onnx.ml");
  return modelBytes(
    {
      name: "tree",
      node: maps ? [tree, zip] : [tree],
      input: [port("x", [batch, 2])],
      output: [port("label", [batch], int64), maps ? mapsOf("maps") : port("scores", [batch, 3])],
    },
    { opsetImport },
  );
}
