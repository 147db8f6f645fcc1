/** The worker's side of `oracle-lanes.ts`: opens the target and answers, batch by batch. */
import { parentPort, workerData } from "node:worker_threads";
import { size } from "../tensor/index.ts";
import { openOracle } from "./open-oracle.ts";
import type { FromLane, LaneInput, ToLane } from "./oracle-lanes.ts";

const { target, data, options, memory } = workerData as LaneInput;
const { points, labels, targets, logits, losses, gradients } = memory;
const opened = openOracle(target, data, options);
opened.catch(() => {});
const say = (message: FromLane) => parentPort?.postMessage(message);

parentPort?.on("message", async (message: ToLane) => {
  try {
    const { oracle } = await opened;
    if (message === "release") {
      await oracle.release();
      say({});
      parentPort?.close();
      return;
    }
    const { want, count } = message;
    const width = size(oracle.inputShape);
    const row = (i: number) => points.subarray(i * width, (i + 1) * width);
    const queries = Array.from({ length: count }, (_, i) => ({ point: row(i), want, label: labels[i], target: targets[i] }));
    (await oracle.answer(queries)).forEach((answer, i) => {
      logits.set(answer.logits, i * oracle.classes);
      losses[i] = answer.loss;
      gradients.set(answer.gradient, i * width);
    });
    say({});
  } catch (error) {
    const { name, message: text } = error instanceof Error ? error : { name: "Error", message: String(error) };
    say({ error: { name, message: text } });
  }
});
