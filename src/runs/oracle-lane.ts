/** The worker's side of `oracle-lanes.ts`: opens the target and runs attacks on it. */
import { parentPort } from "node:worker_threads";
import { type Attack, type AttackResult, type Oracle, runAttack } from "../attacks/index.ts";
import { startedWith } from "../runtime/node/worker.ts";
import { keyOf } from "../tensor/index.ts";
import { Stopped } from "./job.ts";
import { openOracle } from "./open-oracle.ts";
import { catalogued, type FromLane, type LaneInput, type LaneTask, type ToLane } from "./oracle-lanes.ts";

const { target, data, options } = startedWith<LaneInput>();
const opened = openOracle(target, data, options);
opened.catch(() => {});
const say = (message: FromLane) => parentPort?.postMessage(message);
let stopped = false;

parentPort?.on("message", async (message: ToLane) => {
  if (message === "stop") {
    stopped = true;
    return;
  }
  try {
    const { oracle } = await opened;
    if (message === "release") {
      await oracle.release();
      say({});
      parentPort?.close();
    } else say({ result: await perform(oracle, message) });
  } catch (error) {
    const { name, message: text } = error instanceof Error ? error : { name: "Error", message: String(error) };
    say({ error: { name, message: text } });
  }
});

function perform(oracle: Oracle, { name, parameters, key, data, threat, stopAtSuccess }: LaneTask): Promise<AttackResult> {
  const attack = (catalogued(name) as (parameters: object) => Attack)(parameters);
  const stoppable: Oracle = {
    ...oracle,
    answer(queries) {
      if (stopped) throw new Stopped("stopped");
      return oracle.answer(queries);
    },
  };
  const onProgress = (done: number, total: number) => say({ done, total });
  return runAttack(stoppable, attack, data, threat, { key: keyOf(...key), stopAtSuccess, onProgress });
}
