/** ONNX Runtime in the browser: WebAssembly on the processor, WebGPU where the browser has it. */
import type { Backend, Device } from "../backend.ts";
import { optimization, wrapSession } from "../ort.ts";

/** The entry with WebGPU is loaded where the browser has an adapter, else the smaller one. Its .wasm files are looked for beside the script. */
export async function webBackend(): Promise<Backend> {
  const adapter = await (navigator as { gpu?: { requestAdapter(): Promise<unknown> } }).gpu?.requestAdapter();
  const ort = adapter ? await import("onnxruntime-web/webgpu") : await import("onnxruntime-web/wasm");
  const candidates: readonly Device[] = adapter ? ["webgpu", "wasm"] : ["wasm"];
  return {
    version: ort.env.versions.web ?? ort.env.versions.common,
    lanes: 1,
    candidates,
    has: async (device) => candidates.includes(device),
    session: async (model, { device, threads }) => {
      if (threads !== undefined) ort.env.wasm.numThreads = threads;
      const options = { executionProviders: [device], logSeverityLevel: 3 as const, extra: { optimization } };
      return wrapSession(await ort.InferenceSession.create(model, options), ort.Tensor);
    },
  };
}
