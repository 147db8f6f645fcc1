/** From values to an executable on a device. */
import { describe, GraphError, inputsOf, isInput, simplify, topological, type Value } from "../graph/index.ts";
import { exportOnnx, type NamedValues } from "../onnx/export.ts";
import { byteLength, type DType, type Shape, sameShape, size, type Tensor } from "../tensor/index.ts";
import { backend, type Device } from "./backend.ts";
import { blockSize } from "./block.ts";
import { lease } from "./cache.ts";
import { chooseDevice } from "./devices.ts";
import { CompileError, FeedError } from "./errors.ts";
import { formDomains, formRules } from "./lowering/forms.ts";
import { lower } from "./lowering/index.ts";

export interface CompileOptions {
  /** Where to compute: "cpu", "cuda", "webgpu", in the browser also "wasm". Default: the environment's first. */
  device?: Device;
  /** Threads that compute one operator (default: as many as there are cores). */
  threads?: number;
  /** Whether convolutions may use the processor's blocked layout, where it has one. */
  blocked?: boolean;
  /** File name prefix of a profile by operator, written on release; the session is not shared. */
  profile?: string;
}

/** A compiled graph. Runs are not concurrent: each computes to its end. */
export interface Executable<Outputs extends string = string> {
  readonly device: Device;
  /**
   * The outputs for data given by input name. Outputs named in `into` are written there in place; the others are fresh.
   * @throws FeedError when data are missing, unknown or do not fit, or memory cannot be used.
   */
  run(feeds: Readonly<Record<string, Tensor>>, into?: Readonly<Partial<Record<Outputs, Tensor>>>): Promise<Record<Outputs, Tensor>>;
  /** Gives the memory back. Running afterwards is an error. */
  release(): Promise<void>;
}

/**
 * Compiles the graph from placeholders to outputs. The records' keys are the names by which data go in and come out, and may be the same on both sides.
 * @throws DeviceError when the device is not there, CompileError when it cannot run the graph, GraphError when a needed placeholder is not among the inputs.
 */
export async function compile<Outputs extends string>(
  inputs: NamedValues,
  outputs: Readonly<Record<Outputs, Value>>,
  { device, threads, profile, blocked = true }: CompileOptions = {},
): Promise<Executable<Outputs>> {
  const engine = await backend();
  const chosen = await chooseDevice(engine, device);

  const names = Object.keys(outputs) as Outputs[];
  const results = lower(simplify(names.map((name) => outputs[name])), {
    device: chosen,
    block: chosen === "cpu" && blocked ? await blockSize(engine) : undefined,
  });
  const used = usedInputs(inputs, results);
  const model = exportRuntime(used, results);
  const options = { device: chosen, threads, profile };
  const held = await lease(`${JSON.stringify(options)} ${await digest(model)}`, model.length + peakBytes(results), () =>
    engine.session(model, options).catch((error: Error) => {
      throw new CompileError(explain(error.message, chosen));
    }),
  );

  let released = false;
  return {
    device: chosen,
    async run(feeds, into: Readonly<Partial<Record<string, Tensor>>> = {}) {
      if (released) throw new FeedError("this executable was released");
      checkNames("input", Object.keys(feeds), inputs);
      checkNames("output", Object.keys(into), outputs);
      const given = Object.fromEntries(used.map(({ name, value }, i) => [`i${i}`, checked(`input "${name}"`, value, feeds[name])]));
      const wanted = Object.fromEntries(
        names.map((name, i) => [`o${i}`, into[name] && checked(`output "${name}"`, outputs[name], into[name])]),
      );
      checkApart(used, given, names, wanted);
      const computed = await held.session.run(given, wanted);
      return Object.fromEntries(names.map((name, i) => [name, computed[`o${i}`]])) as Record<Outputs, Tensor>;
    },
    async release() {
      if (!released) await held.release();
      released = true;
    },
  };
}

/** The engine's complaint, with a missing kernel said in our words. */
function explain(message: string, device: Device): string {
  const missing = /implementation for (\w+)\(/.exec(message);
  return missing
    ? `device "${device}" has no kernel for operator ${missing[1]} in this dtype: compute in float32, or elsewhere`
    : `device "${device}" cannot run this graph: ${message}`;
}

interface NamedInput {
  readonly name: string;
  readonly value: Value;
}

/** The given placeholders that the outputs reach. */
function usedInputs(inputs: NamedValues, outputs: readonly Value[]): NamedInput[] {
  const needed = inputsOf(outputs);
  const given = Object.entries(inputs).map(([name, value]) => ({ name, value }));
  for (const { name, value } of given) if (!isInput(value)) throw new GraphError(`"${name}" is ${describe(value)}, not an input`);
  const missing = needed.filter((value) => !given.some((entry) => entry.value === value));
  if (missing.length > 0)
    throw new GraphError(`the outputs need ${missing.map(describe).join(", ")}, not among the inputs (${list(Object.keys(inputs))})`);
  return given.filter(({ value }) => needed.includes(value));
}

/** Model bytes in which inputs and outputs are numbered, so that equal graphs have equal bytes whatever their names. */
function exportRuntime(inputs: readonly NamedInput[], outputs: readonly Value[]): Uint8Array {
  return exportOnnx(
    Object.fromEntries(inputs.map(({ value }, i) => [`i${i}`, value])),
    Object.fromEntries(outputs.map((value, i) => [`o${i}`, value])),
    { extraRules: formRules, domains: formDomains },
  );
}

/** The most bytes that intermediate values take at once when computed in order: what a session's arena grows to. */
function peakBytes(outputs: readonly Value[]): number {
  const order = topological(outputs);
  const last = new Map(order.flatMap((value, at) => value.inputs.map((x): [Value, number] => [x, at])));
  const ends = new Map<number, number>();
  let [now, peak] = [0, 0];
  for (const [at, value] of order.entries()) {
    const bytes = byteLength(value.dtype, value.shape);
    const end = last.get(value) ?? order.length;
    ends.set(end, (ends.get(end) ?? 0) + bytes);
    peak = Math.max(peak, (now += bytes));
    now -= ends.get(at) ?? 0;
  }
  return peak;
}

async function digest(bytes: Uint8Array): Promise<string> {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>));
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function checkNames(kind: string, names: readonly string[], known: object): void {
  const unknown = names.find((name) => !(name in known));
  if (unknown !== undefined) throw new FeedError(`there is no ${kind} "${unknown}"; there are ${list(Object.keys(known))}`);
}

function checked(label: string, { dtype, shape }: { dtype: DType; shape: Shape }, data: Tensor | undefined): Tensor {
  if (!data) throw new FeedError(`${label} was given no data`);
  if (data.dtype !== dtype || !sameShape(data.shape, shape))
    throw new FeedError(`${label} is ${dtype}[${shape}], but was given ${data.dtype}[${data.shape}]`);
  if (data.data.length !== size(shape)) throw new FeedError(`${label} has ${data.data.length} numbers for the shape [${shape}]`);
  if (typeof SharedArrayBuffer !== "undefined" && (data.data.buffer as ArrayBufferLike) instanceof SharedArrayBuffer)
    throw new FeedError(`${label} lies in shared memory, which the engine refuses: copy it into memory of its own`);
  return data;
}

/** Outputs written in place must not overwrite what is still being read. */
function checkApart(
  inputs: readonly NamedInput[],
  given: Readonly<Record<string, Tensor>>,
  outputs: readonly string[],
  wanted: Readonly<Record<string, Tensor | undefined>>,
): void {
  for (const [o, output] of outputs.entries()) {
    const target = wanted[`o${o}`]?.data;
    if (!target) continue;
    const overlapping = inputs.find((_, i) => overlap(target, given[`i${i}`].data));
    if (overlapping) throw new FeedError(`output "${output}" lies in the memory of input "${overlapping.name}": give it memory of its own`);
  }
}

function overlap(a: Tensor["data"], b: Tensor["data"]): boolean {
  return a.buffer === b.buffer && a.byteOffset < b.byteOffset + b.byteLength && b.byteOffset < a.byteOffset + a.byteLength;
}

function list(names: readonly string[]): string {
  return names.length === 0 ? "none" : names.map((name) => `"${name}"`).join(", ");
}
