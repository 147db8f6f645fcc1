/** A model file run as it is, by the names in it: for what our graphs cannot express. */
import type { Tensor } from "../tensor/index.ts";
import { backend } from "./backend.ts";
import type { CompileOptions } from "./compile.ts";
import { chooseDevice } from "./devices.ts";
import { CompileError } from "./errors.ts";

export interface FileExecutable {
  /** The named outputs, fresh, for data given by input name. */
  run(feeds: Readonly<Record<string, Tensor>>, outputs: readonly string[]): Promise<Record<string, Tensor>>;
  release(): Promise<void>;
}

/** Opens the bytes of an .onnx file. @throws DeviceError when the device is not there, CompileError when the engine cannot run the file. */
export async function compileFile(bytes: Uint8Array, { device, threads }: CompileOptions = {}): Promise<FileExecutable> {
  const engine = await backend();
  const chosen = await chooseDevice(engine, device);
  const session = await engine.session(bytes, { device: chosen, threads }).catch((error: Error) => {
    throw new CompileError(`device "${chosen}" cannot run this file: ${error.message}`);
  });
  return {
    run: (feeds, outputs) => session.run(feeds, Object.fromEntries(outputs.map((name) => [name, undefined]))),
    release: () => session.release(),
  };
}
