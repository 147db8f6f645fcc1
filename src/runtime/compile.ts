/** From values to an executable on a device. */
import { describe, GraphError, inputsOf, isInput, simplify, type Value } from "../graph/index.ts";
import type { NamedValues } from "../onnx/export.ts";
import { alignedZeros, type DType, type Shape, sameShape, size, type Tensor } from "../tensor/index.ts";
import { backend, type Device, type Iteration } from "./backend.ts";
import { blockSize } from "./block.ts";
import { chooseDevice } from "./devices.ts";
import { DeviceError, FeedError } from "./errors.ts";
import { splitHeld } from "./held.ts";
import { lower } from "./lowering/index.ts";
import { openProgram } from "./program.ts";

export interface CompileOptions {
  /** Where to compute: "cpu", "cuda", "webgpu", in the browser also "wasm". Default: the environment's first. */
  device?: Device;
  /** Threads that compute one operator (default: as many as there are cores). */
  threads?: number;
  /** The thread that runs it: 0 (default) is this one; with 1, 2, … (below `laneCount`) it computes beside this one, on one thread. */
  lane?: number;
  /** Whether convolutions may use the processor's blocked layout, where it has one. */
  blocked?: boolean;
  /** File name prefix of a profile by operator, written on release; the session is not shared. */
  profile?: string;
}

/** A compiled graph. Runs are not concurrent, but for those on other lanes: each computes to its end. */
export interface Executable<Outputs extends string = string> {
  readonly device: Device;
  /**
   * Gives the held inputs, and computes what depends on them alone. Runs read the data again: leave them as they are until the next call.
   * @throws FeedError as `run` does.
   */
  hold(feeds: Readonly<Record<string, Tensor>>): Promise<void>;
  /**
   * The outputs for data given by input name. Outputs named in `into` are written there in place; the others are fresh.
   * @throws FeedError when data are missing, unknown or do not fit, or memory cannot be used.
   */
  run(feeds: Readonly<Record<string, Tensor>>, into?: Readonly<Partial<Record<Outputs, Tensor>>>): Promise<Record<Outputs, Tensor>>;
  /**
   * The outputs of the last of several runs, in each of which some inputs have data of their own (`each`), and others (`carry`, input: output) are outputs
   * of the run before. On another lane it hears of this thread only before and after all of them.
   * @throws FeedError as `run` does.
   */
  iterate(
    feeds: Readonly<Record<string, Tensor>>,
    iteration: Iteration & { readonly carry: Readonly<Record<string, Outputs>> },
    into?: Readonly<Partial<Record<Outputs, Tensor>>>,
  ): Promise<Record<Outputs, Tensor>>;
  /** Gives the memory back. Running afterwards is an error. */
  release(): Promise<void>;
}

/**
 * Compiles the graph from placeholders to outputs. The records' keys are the names by which data go in and come out, and may be the same on both sides.
 * Inputs named in `held` are given by `hold`, for many runs: what depends on them alone is then computed once.
 * @throws DeviceError when the device is not there, CompileError when it cannot run the graph, GraphError when a needed placeholder is not among the inputs.
 */
export async function compile<Outputs extends string>(
  inputs: NamedValues,
  outputs: Readonly<Record<Outputs, Value>>,
  { device, threads, lane, profile, blocked = true, held = [] }: CompileOptions & { held?: readonly string[] } = {},
): Promise<Executable<Outputs>> {
  const engine = await backend();
  const chosen = await chooseDevice(engine, device);
  if (!(lane === undefined || (Number.isInteger(lane) && lane >= 0 && lane < engine.lanes)))
    throw new DeviceError(`there is no lane ${lane} here: lanes are numbered from 0 to ${engine.lanes - 1}`);

  checkNames("input", held, inputs);
  const names = Object.keys(outputs) as Outputs[];
  const lowered = lower(simplify(names.map((name) => outputs[name])), {
    device: chosen,
    block: chosen === "cpu" && blocked ? await blockSize(engine) : undefined,
    held: new Set(held.map((name) => inputs[name])),
  });
  const used = usedInputs(inputs, lowered);
  const [seldom, often] = [used.filter(({ name }) => held.includes(name)), used.filter(({ name }) => !held.includes(name))];
  const { prepared, places, outputs: results } = splitHeld(lowered, seldom.map(placeholder));
  const kept = seldom.filter(({ value }) => inputsOf(results).includes(value));
  const options = { device: chosen, threads, lane, profile };
  const program = await openProgram(engine, [...[...often, ...kept].map(placeholder), ...places], results, options);
  const preparation =
    prepared.length === 0
      ? undefined
      : await openProgram(engine, seldom.map(placeholder), prepared, options).catch(async (error) => {
          await program.release();
          throw error;
        });

  // The graph itself is not needed any more, and its tables can be large.
  const preparedTypes = prepared.map(({ dtype, shape }) => ({ dtype, shape }));
  let released = false;
  let holding: { readonly given: Readonly<Record<string, Tensor>>; readonly prepared: readonly Tensor[] } | undefined;
  const check = () => {
    if (released) throw new FeedError("this executable was released");
  };
  const checkedRun = (feeds: Readonly<Record<string, Tensor>>, into: Readonly<Partial<Record<string, Tensor>>>) => {
    check();
    checkNames("input", Object.keys(feeds), inputs);
    checkNames("output", Object.keys(into), outputs);
    if (seldom.length > 0 && !holding) throw new FeedError(`the held inputs (${list(held)}) were not given: call hold first`);
    const fixed = Object.keys(feeds).find((name) => held.includes(name));
    if (fixed !== undefined) throw new FeedError(`input "${fixed}" is held: give it to hold, for all runs that follow`);
    const given = [...often.map((entry) => checkedFeed(entry, feeds)), ...kept.map(({ name }) => holding?.given[name] as Tensor)];
    const wanted = names.map((name) => into[name] && checked(`output "${name}"`, outputs[name], into[name]));
    checkApart([...often, ...kept], given, names, wanted);
    return { given: [...given, ...(holding?.prepared ?? [])], wanted };
  };
  const byName = (computed: readonly Tensor[]) =>
    Object.fromEntries(names.map((name, i) => [name, computed[i]])) as Record<Outputs, Tensor>;
  return {
    device: chosen,
    async hold(feeds) {
      check();
      checkNames("held input", Object.keys(feeds), Object.fromEntries(held.map((name) => [name, inputs[name]])));
      const given = seldom.map((entry) => checkedFeed(entry, feeds));
      const before = holding?.prepared ?? alignedZeros(preparedTypes);
      holding = undefined;
      const computed = (await preparation?.run(given, before)) ?? [];
      holding = { given: Object.fromEntries(kept.map(({ name }) => [name, feeds[name]])), prepared: computed };
    },
    async run(feeds, into: Readonly<Partial<Record<string, Tensor>>> = {}) {
      const { given, wanted } = checkedRun(feeds, into);
      return byName(await program.run(given, wanted));
    },
    async iterate(feeds, { each, carry }, into: Readonly<Partial<Record<string, Tensor>>> = {}) {
      if (each.length === 0) throw new FeedError("an iteration has at least one run");
      for (const [name, output] of Object.entries<Outputs>(carry)) {
        checkNames("input", [name], inputs);
        checkNames("output", [output], outputs);
        const [from, to] = [outputs[output], inputs[name]].map(typed);
        if (from !== to) throw new FeedError(`output "${output}" is ${from}, and cannot be input "${name}", which is ${to}`);
      }
      const runs = each.map((own) => checkedRun({ ...feeds, ...own }, into));
      const number = (name: string) => often.findIndex((entry) => entry.name === name);
      const reached = (names: readonly string[]) => names.filter((name) => number(name) >= 0);
      return byName(
        await program.iterate(runs[0].given, runs[0].wanted, {
          each: each.map((own) => new Map(reached(Object.keys(own)).map((name) => [number(name), own[name]]))),
          carry: new Map(reached(Object.keys(carry)).map((name) => [number(name), names.indexOf(carry[name])])),
        }),
      );
    },
    async release() {
      if (!released) await Promise.all([program.release(), preparation?.release()]);
      released = true;
      holding = undefined;
    },
  };
}

interface NamedInput {
  readonly name: string;
  readonly value: Value;
}

const placeholder = ({ value }: NamedInput): Value => value;

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

function checkNames(kind: string, names: readonly string[], known: object): void {
  const unknown = names.find((name) => !(name in known));
  if (unknown !== undefined) throw new FeedError(`there is no ${kind} "${unknown}"; there are ${list(Object.keys(known))}`);
}

function checkedFeed({ name, value }: NamedInput, feeds: Readonly<Record<string, Tensor>>): Tensor {
  return checked(`input "${name}"`, value, feeds[name]);
}

function checked(label: string, { dtype, shape }: { dtype: DType; shape: Shape }, data: Tensor | undefined): Tensor {
  if (!data) throw new FeedError(`${label} was given no data`);
  if (data.dtype !== dtype || !sameShape(data.shape, shape))
    throw new FeedError(`${label} is ${typed({ dtype, shape })}, but was given ${typed(data)}`);
  if (data.data.length !== size(shape)) throw new FeedError(`${label} has ${data.data.length} numbers for the shape [${shape}]`);
  if (typeof SharedArrayBuffer !== "undefined" && (data.data.buffer as ArrayBufferLike) instanceof SharedArrayBuffer)
    throw new FeedError(`${label} lies in shared memory, which the engine refuses: copy it into memory of its own`);
  return data;
}

const typed = ({ dtype, shape }: { dtype: DType; shape: Shape }): string => `${dtype}[${shape}]`;

/** Outputs written in place must not overwrite what is still being read. */
function checkApart(
  inputs: readonly NamedInput[],
  given: readonly Tensor[],
  outputs: readonly string[],
  wanted: readonly (Tensor | undefined)[],
): void {
  for (const [o, target] of wanted.entries()) {
    if (!target) continue;
    const overlapping = inputs.find((_, i) => overlap(target.data, given[i].data));
    if (overlapping)
      throw new FeedError(`output "${outputs[o]}" lies in the memory of input "${overlapping.name}": give it memory of its own`);
  }
}

function overlap(a: Tensor["data"], b: Tensor["data"]): boolean {
  return a.buffer === b.buffer && a.byteOffset < b.byteOffset + b.byteLength && b.byteOffset < a.byteOffset + a.byteLength;
}

function list(names: readonly string[]): string {
  return names.length === 0 ? "none" : names.map((name) => `"${name}"`).join(", ");
}
