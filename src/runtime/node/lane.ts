/** The worker's side of `lanes.ts`: sessions of an engine on this thread. */
import { parentPort } from "node:worker_threads";
import { alignedCopies } from "../../tensor/index.ts";
import type { Session } from "../backend.ts";
import { nodeBackend } from "./backend.ts";
import { copyTensors, type Exchange, type FromLane, type ToLane } from "./lanes.ts";

/** An exchange with this thread's own memory for the same data. */
interface Connection {
  readonly session: number;
  readonly memory: Exchange;
  readonly own: Exchange;
}

const engine = nodeBackend();
engine.catch(() => {});
const sessions = new Map<number, Session>();
const connections = new Map<number, Connection>();
let before = Promise.resolve();

parentPort?.on("message", (message: ToLane) => {
  before = before.then(async () => {
    const answer: FromLane = await perform(message).then(
      () => ({}),
      (error) => ({ error: error instanceof Error ? error.message : String(error) }),
    );
    parentPort?.postMessage(answer);
  });
});

async function perform(message: ToLane): Promise<void> {
  const { kind, session } = message;
  if (kind === "open") sessions.set(session, await (await engine).session(message.model, message.options));
  else if (kind === "release") {
    for (const [exchange, connection] of connections) if (connection.session === session) connections.delete(exchange);
    await sessions.get(session)?.release();
    sessions.delete(session);
  } else {
    const { exchange, runs, carry } = message;
    if (message.memory) connections.set(exchange, connect(session, message.memory));
    const { memory, own } = connections.get(exchange) as Connection;
    copyTensors(memory.inputs, own.inputs);
    for (const [i, given] of memory.each.slice(0, runs).entries()) copyTensors(given, own.each[i]);
    await sessions.get(session)?.iterate(own.inputs, own.outputs, { each: own.each.slice(0, runs), carry });
    copyTensors(own.outputs, memory.outputs);
  }
}

const connect = (session: number, memory: Exchange): Connection => ({
  session,
  memory,
  own: { inputs: alignedCopies(memory.inputs), each: memory.each.map(alignedCopies), outputs: alignedCopies(memory.outputs) },
});
