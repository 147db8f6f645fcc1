/** ONNX Runtime in Node: the processor, CUDA where its library is installed, WebGPU where a driver is. */
import { availableParallelism } from "node:os";
import * as ort from "onnxruntime-node";
import { input, relu } from "../../graph/index.ts";
import { exportOnnx } from "../../onnx/export.ts";
import type { Backend, Device } from "../backend.ts";
import { type InPlace, optimization, wrapSession } from "../ort.ts";
import { laneSession } from "./lanes.ts";
import { unreturned, withUnreturned } from "./unreturned.ts";
import { uninterrupted } from "./worker.ts";

/** The backend, with denormals flushed to zero in this process, and nothing sent anywhere. */
export async function nodeBackend(): Promise<Backend> {
  // The engine would report its use to its maker, and keep a database and a log for that; it looks at this when it makes its first session.
  process.env.ORT_DISABLE_TELEMETRY ??= "1";
  // What goes wrong is thrown; the engine would print it as well.
  ort.env.logLevel = "fatal";
  const x = input("x", [1]);
  const smallest = exportOnnx({ x }, { y: relu(x) });
  await flushDenormals(smallest);
  const inPlace = await writingInPlace(smallest);
  const probes = new Map<Device, Promise<boolean>>();
  return {
    version: ort.env.versions.node ?? ort.env.versions.common,
    lanes: availableParallelism(),
    candidates: all.filter((device) => ort.listSupportedBackends().some(({ name }) => name === device)),
    has(device) {
      const probe = probes.get(device) ?? (device === "cpu" ? Promise.resolve(true) : startsOn(device, smallest));
      probes.set(device, probe);
      return probe;
    },
    async session(model, { device, threads, lane = 0, own = false, profile }) {
      if (lane > 0) return laneSession(lane, model, { device, own });
      const options = {
        executionProviders: [device],
        executionMode: "sequential" as const,
        // One block for all intermediate values, laid out ahead, is never given up: it takes up to a third more memory and no less time.
        enableMemPattern: false,
        logSeverityLevel: 3 as const,
        extra: { optimization, session: { force_spinning_stop: "1" } },
        ...(threads === undefined ? {} : { intraOpNumThreads: threads }),
        ...(profile === undefined ? {} : { enableProfiling: true, profileFilePrefix: profile }),
      };
      const session = await uninterrupted(() => ort.InferenceSession.create(own && inPlace ? withUnreturned(model) : model, options));
      return wrapSession(whole(session), ort.Tensor, own ? inPlace : undefined);
    },
  };
}

/** A session whose thread is not ended while it computes. */
const whole = (session: ort.InferenceSession): Pick<ort.InferenceSession, "run" | "release"> => ({
  run: (...given: unknown[]) => uninterrupted(() => (session.run as (...given: unknown[]) => ReturnType<typeof session.run>)(...given)),
  release: () => uninterrupted(() => session.release()),
});

const all: readonly Device[] = ["cpu", "cuda", "webgpu"];

/** A device can be built in and still lack its driver: only a session tells. */
async function startsOn(device: Device, model: Uint8Array): Promise<boolean> {
  try {
    await (await ort.InferenceSession.create(model, { executionProviders: [device], logSeverityLevel: 4 })).release();
    return true;
  } catch {
    return false;
  }
}

/**
 * Tiny gradients slow the processor down by a factor of up to four. ONNX Runtime flushes them only if the first session of the process
 * asks for it, so this throws one away. From then on JavaScript on this thread flushes float64 denormals too.
 */
async function flushDenormals(model: Uint8Array): Promise<void> {
  const session = await ort.InferenceSession.create(model, { extra: { session: { set_denormal_as_zero: "1" } } });
  await session.release();
}

/** Whether this version of the engine, asked for an output that it cannot return, has written the others where they were wanted. */
async function writingInPlace(model: Uint8Array): Promise<InPlace | undefined> {
  const session = await ort.InferenceSession.create(withUnreturned(model));
  const target = new Float32Array(1);
  const asked = session.run({ x: new ort.Tensor(Float32Array.of(7), [1]) }, {
    [unreturned]: null,
    y: new ort.Tensor(target, [1]),
  } as unknown as ort.InferenceSession.OnnxValueMapType);
  const message = await asked.then(
    () => undefined,
    (error: Error) => error.message,
  );
  await session.release();
  return message !== undefined && target[0] === 7 ? { unreturned, message } : undefined;
}
