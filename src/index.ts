/**
 * The library's front door: what one needs to attack, train and evaluate a model. Everything else is behind the door of its floor:
 * `saddlepoint/graph`, `saddlepoint/runtime`, `saddlepoint/attacks`, `saddlepoint/analysis`, `saddlepoint/papers/continuous-time` and so on.
 */
export * from "./attacks/index.ts";
export { evaluate } from "./evaluation/index.ts";
export {
  architecture,
  architectureNames,
  exportModel,
  importModel,
  importPredictor,
  type Model,
  type Network,
  openEndpoint,
  type Predictor,
} from "./models/index.ts";
export { readOnnx } from "./onnx/index.ts";
export { key, type Tensor, tensor } from "./tensor/index.ts";
export * from "./training/index.ts";
