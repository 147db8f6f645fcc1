/** A lowered graph as a session of the engine. */
import { topological, type Value } from "../graph/index.ts";
import { exportOnnx } from "../onnx/export.ts";
import { byteLength, type Tensor, zeros } from "../tensor/index.ts";
import type { Backend, SessionOptions } from "./backend.ts";
import { type Lease, lease } from "./cache.ts";
import { CompileError } from "./errors.ts";
import { formDomains, formRules } from "./lowering/forms.ts";

export interface Program {
  /** The outputs in order, written to the tensors given there or fresh; data in the order of the inputs. */
  run(given: readonly Tensor[], into: readonly (Tensor | undefined)[]): Promise<Tensor[]>;
  /** The outputs of the last of several runs; inputs and outputs are numbers in their order. */
  iterate(
    given: readonly Tensor[],
    into: readonly (Tensor | undefined)[],
    iteration: { each: readonly ReadonlyMap<number, Tensor>[]; carry: ReadonlyMap<number, number> },
  ): Promise<Tensor[]>;
  release(): Promise<void>;
}

/** The program that computes outputs from inputs, all in lowered form. Equal graphs share a session. @throws CompileError */
export async function openProgram(
  engine: Backend,
  inputs: readonly Value[],
  outputs: readonly Value[],
  options: SessionOptions,
): Promise<Program> {
  const types = outputs.map(({ dtype, shape }) => ({ dtype, shape }));
  return programOf(await leaseSession(engine, inputs, outputs, options), types, (options.lane ?? 0) > 0);
}

/** On its own, so that the program keeps neither the graph nor its bytes alive. */
function programOf({ session, release }: Lease, types: readonly Pick<Value, "dtype" | "shape">[], elsewhere: boolean): Program {
  const places = (into: readonly (Tensor | undefined)[]) => types.map(({ dtype, shape }, i) => into[i] ?? zeros(shape, dtype));
  const inOrder = (computed: Readonly<Record<string, Tensor>>) => types.map((_, i) => computed[`o${i}`]);
  return {
    // A session on another lane knows no shapes: it writes to where it is told.
    run: async (given, into) =>
      inOrder(await session.run(numbered("i", given), numbered("o", elsewhere ? places(into) : types.map((_, i) => into[i])))),
    iterate: async (given, into, { each, carry }) =>
      inOrder(
        await session.iterate(numbered("i", given), numbered("o", places(into)), {
          each: each.map((own) => Object.fromEntries([...own].map(([i, data]) => [`i${i}`, data]))),
          carry: Object.fromEntries([...carry].map(([i, o]) => [`i${i}`, `o${o}`])),
        }),
      ),
    release,
  };
}

async function leaseSession(engine: Backend, inputs: readonly Value[], outputs: readonly Value[], options: SessionOptions): Promise<Lease> {
  const model = exportOnnx(numbered("i", inputs), numbered("o", outputs), { extraRules: formRules, domains: formDomains });
  const key = `${JSON.stringify(options)} ${await digest(model)}`;
  return lease(key, model.length + peakBytes(outputs), () =>
    engine.session(model, { ...options, own: true }).catch((error: Error) => {
      throw new CompileError(explain(error.message, options));
    }),
  );
}

/** Inputs and outputs are numbered, so that equal graphs have equal bytes whatever their names. */
function numbered<T>(prefix: string, list: readonly T[]): Record<string, T> {
  return Object.fromEntries(list.map((item, i) => [`${prefix}${i}`, item]));
}

/** The engine's complaint, with a missing kernel said in our words. */
function explain(message: string, { device }: SessionOptions): string {
  const missing = /implementation for (\w+)\(/.exec(message);
  return missing
    ? `device "${device}" has no kernel for operator ${missing[1]} in this dtype: compute in float32, or elsewhere`
    : `device "${device}" cannot run this graph: ${message}`;
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
