/**
 * Lanes: threads beside this one that compute sessions of their own, on one core each. A lane is a worker with an engine (lane.ts); it starts when it is
 * first needed, does what it is asked in order, and keeps no process alive while nothing is asked of it. Data go there and back through shared memory, which
 * the engine refuses, so they are copied at both ends; fresh memory for each run would cost more than that.
 */
import { allocate, byteLength, size, type Tensor } from "../../tensor/index.ts";
import type { Iteration, Session, SessionOptions } from "../backend.ts";
import { moduleBeside, startWorker } from "./worker.ts";

type Tensors = Readonly<Record<string, Tensor>>;

/** Shared memory for the data of one iteration at a time: inputs that all its runs have, inputs of each of up to so many runs, and outputs. */
export interface Exchange {
  readonly inputs: Tensors;
  readonly each: readonly Tensors[];
  readonly outputs: Tensors;
}

/** Sessions and exchanges are numbered by who asks. The memory of an exchange comes with its first iteration. */
export type ToLane =
  | { kind: "open"; session: number; model: Uint8Array; options: SessionOptions }
  | { kind: "iterate"; session: number; exchange: number; memory?: Exchange; runs: number; carry: Iteration["carry"] }
  | { kind: "release"; session: number };

/** The answers come in the order of the questions. */
export interface FromLane {
  readonly error?: string;
}

/** A session on a lane (1, 2, …). Its outputs are written to tensors given for all of them. */
export async function laneSession(number: number, model: Uint8Array, options: SessionOptions): Promise<Session> {
  const lane = lanes.get(number) ?? startLane(number);
  const session = numbered++;
  await lane.ask({ kind: "open", session, model, options: { ...options, threads: 1 } });
  const idle: { exchange: number; memory: Exchange }[] = [];
  const iterate: Session["iterate"] = async (feeds, wanted, { each, carry }) => {
    const known = idle.findIndex(
      ({ memory }) => each.length <= memory.each.length && each.every((own, i) => sameNames(own, memory.each[i])),
    );
    const fresh = () => ({ inputs: sharedLike(feeds), each: each.map(sharedLike), outputs: sharedLike(wanted) });
    const place = known < 0 ? { exchange: numbered++, memory: fresh() } : idle.splice(known, 1)[0];
    const { exchange, memory } = place;
    copyTensors(feeds, memory.inputs);
    for (const [i, own] of each.entries()) copyTensors(own, memory.each[i]);
    await lane.ask({ kind: "iterate", session, exchange, ...(known < 0 && { memory }), runs: each.length, carry });
    copyTensors(memory.outputs, wanted);
    idle.push(place);
    return wanted;
  };
  return {
    iterate,
    run: async (feeds, wanted) => ({ ...(await iterate(feeds, wanted as Tensors, { each: [{}], carry: {} })) }),
    release: () => lane.ask({ kind: "release", session }),
  };
}

/** Copies the data of tensors to those of the same names. */
export function copyTensors(from: Tensors, to: Tensors): void {
  for (const [name, { data }] of Object.entries(from)) (to[name].data as Float32Array).set(data as Float32Array);
}

function sameNames(a: Tensors, b: Tensors): boolean {
  return Object.keys(a).length === Object.keys(b).length && Object.keys(a).every((name) => name in b);
}

interface Lane {
  ask(message: ToLane): Promise<void>;
}

const lanes = new Map<number, Lane>();
let numbered = 0;

function startLane(number: number): Lane {
  const worker = startWorker(moduleBeside(import.meta.url, "./lane"), undefined);
  worker.unref();
  const waiting: { resolve(): void; reject(error: Error): void }[] = [];
  let died: Error | undefined;
  worker.on("message", ({ error }: FromLane) => {
    const asked = waiting.shift();
    if (waiting.length === 0) worker.unref();
    if (error === undefined) asked?.resolve();
    else asked?.reject(new Error(error));
  });
  worker.on("error", (error: Error) => {
    died = error;
    lanes.delete(number);
    for (const { reject } of waiting.splice(0)) reject(error);
  });
  const lane: Lane = {
    ask: (message) =>
      new Promise((resolve, reject) => {
        if (died) return reject(died);
        waiting.push({ resolve, reject });
        worker.ref();
        worker.postMessage(message);
      }),
  };
  lanes.set(number, lane);
  return lane;
}

function sharedLike(tensors: Tensors): Record<string, Tensor> {
  return Object.fromEntries(
    Object.entries(tensors).map(([name, { dtype, shape }]) => {
      const memory = new SharedArrayBuffer(byteLength(dtype, shape));
      return [name, { dtype, shape, data: allocate(dtype, size(shape), memory as unknown as ArrayBuffer, 0) }];
    }),
  );
}
