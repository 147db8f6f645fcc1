/** What pipelines for tables put in front of a network (the operator set ai.onnx.ml). */
import { cast, constant, mul, sub } from "../../graph/index.ts";
import { tensor } from "../../tensor/index.ts";
import type { ImportRules } from "./rule.ts";

export const scaling: ImportRules = {
  /** (x − offset)·scale, each one number or one per feature. */
  "ai.onnx.ml.Scaler": (node) => {
    const x = cast(node.input(0), "float32");
    const perFeature = (name: string, fallback: number) => {
      const values = node.floats(name) ?? [fallback];
      return constant(tensor(values, [values.length]));
    };
    return mul(sub(x, perFeature("offset", 0)), perFeature("scale", 1));
  },
};
