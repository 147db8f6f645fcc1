/** What ONNX Runtime for Node and for the web have in common. */
import type { InferenceSession, Tensor as OrtTensor, TensorConstructor } from "onnxruntime-node";
import type { DType, Tensor } from "../tensor/index.ts";
import type { Session } from "./backend.ts";

/** What every session leaves out: a pass that would carry a scale in a float32 attribute, also in float64 graphs, where 0.1 would lose nine digits. */
export const optimization = { disable_specified_optimizers: "MatMulScaleFusion" };

/** Our session around one of ONNX Runtime's. */
export function wrapSession(session: InferenceSession, OrtTensorClass: TensorConstructor): Session {
  const toOrt = ({ dtype, data, shape }: Tensor) => new OrtTensorClass(dtype, data as Float32Array, shape) as OrtTensor;
  return {
    async run(feeds, wanted) {
      const fetches: Record<string, OrtTensor | null> = {};
      for (const [name, target] of Object.entries(wanted)) fetches[name] = target ? toOrt(target) : null;
      const given = Object.fromEntries(Object.entries(feeds).map(([name, value]) => [name, toOrt(value)]));
      const results = await session.run(given, fetches);
      return Object.fromEntries(Object.entries(wanted).map(([name, target]) => [name, target ?? fromOrt(results[name])]));
    },
    release: () => session.release(),
  };
}

function fromOrt(result: OrtTensor): Tensor {
  return { dtype: result.type as DType, shape: [...result.dims], data: result.data as Float32Array };
}
