/**
 * The training loop: descent steps on the loss that a defense makes, as an async stream of events. The loop owns order, optimizer,
 * schedule, averages, validation and checkpoints; it holds no position but the step number, and all randomness follows from (key, epoch, step), so a
 * run that resumes from a checkpoint is bit for bit the run that was never stopped.
 */
import { type Attack, fgsm, modelOracle, runAttack, type ThreatModel } from "../attacks/index.ts";
import { type Augmentation, count, type Dataset, epoch as shuffledEpoch, stepsPerEpoch, whole } from "../data/index.ts";
import type { Model, Weights } from "../models/index.ts";
import type { CompileOptions } from "../runtime/index.ts";
import { aligned, type Key } from "../tensor/index.ts";
import type { BestWeights, Checkpoint, EpochSums } from "./checkpoint.ts";
import type { Defense } from "./defense.ts";
import { type EpochRecord, type MonitorOptions, type Overfitting, overfitting } from "./monitor.ts";
import type { Optimizer } from "./optimizers.ts";
import type { Schedule } from "./schedules.ts";
import { compileUpdate, initialState, type StepResult, type TrainingState } from "./update.ts";

export interface TrainingOptions {
  defense: Defense;
  optimizer: Optimizer;
  schedule: Schedule;
  epochs: number;
  batchSize: number;
  key: Key;
  augment?: Augmentation;
  clipNorm?: number;
  averageDecay?: number;
  /** Examples kept out of training on which clean and robust accuracy are measured after every epoch, to choose the best weights. */
  validation?: { data: Dataset; attack: Attack; threat: ThreatModel };
  /** Watches the validation for overfitting to the attack; it needs a validation split, and one more gradient per example of it. */
  monitor?: MonitorOptions;
  /** Seconds between checkpoints within an epoch. */
  checkpointSeconds?: number;
  runtime?: CompileOptions;
  resume?: Checkpoint;
  /** Asks the loop to stop after the step in progress; it then hands out a checkpoint and ends. */
  signal?: AbortSignal;
}

export type TrainingEvent =
  | { type: "start"; step: number; stepsPerEpoch: number; epochs: number }
  | {
      type: "step";
      epoch: number;
      step: number;
      loss: number;
      accuracy: number;
      rate: number;
      gradientNorm: number;
      gradientEvaluations: number;
      seconds: number;
    }
  | {
      type: "epoch";
      epoch: number;
      step: number;
      loss: number;
      accuracy: number;
      gradientEvaluations: number;
      clean?: number;
      robust?: number;
      /** Accuracy under FGSM, where a monitor watches. */
      fgsm?: number;
      best: boolean;
      seconds: number;
    }
  | ({ type: "overfitting"; step: number; action: NonNullable<MonitorOptions["onOverfitting"]> } & Overfitting)
  /** Its tensors are the loop's own: use them before asking for the next event. */
  | { type: "checkpoint"; checkpoint: Checkpoint }
  | { type: "end"; stopped: boolean; weights: Weights; best?: BestWeights };

/** Training that cannot go on. */
export class TrainingError extends Error {
  override name = "TrainingError";
}

/**
 * Trains a model on a data set. The model given is not changed. A last batch that is not full is left out; every epoch shuffles anew.
 * @throws TrainingError when the data do not fit the network, or the loss is not finite any more (the last checkpoint is unharmed).
 */
export async function* train(model: Model, data: Dataset, options: TrainingOptions): AsyncGenerator<TrainingEvent, void> {
  const { defense, schedule, epochs, batchSize, key, validation, monitor, checkpointSeconds = 30, runtime = {}, resume, signal } = options;
  checkFit(model, data, batchSize);
  const { network } = model;
  const perEpoch = stepsPerEpoch(count(data), batchSize, true);
  const prepared = await defense.prepare({ network, batchSize, epochs, runtime });
  const update = await compileUpdate(network, prepared, options, runtime);
  const replays = prepared.replays ?? 1;
  const fresh = initialState(model, options);
  if (resume) checkResumable(resume.state.slots, fresh.slots);
  let state = resume ? resume.state : fresh;
  for (const [name, tensor] of Object.entries(prepared.state ?? {})) if (resume) tensor.data.set(resume.defense[name].data as Float32Array);
  let history: readonly EpochRecord[] = resume?.history ?? [];
  let sums: EpochSums = resume ? { ...resume.sums } : emptySums();
  let best = resume?.best;
  let step = resume?.step ?? 0;
  const checkpoint = (): TrainingEvent => ({
    type: "checkpoint",
    checkpoint: { step, state, sums, best, history, defense: prepared.state ?? {} },
  });
  // Fresh memory for every batch would have the garbage collector run beside the engine's threads, and slow them down.
  const memory = aligned([batchSize, ...data.shape]);
  try {
    yield { type: "start", step, stepsPerEpoch: perEpoch, epochs };
    for (let epoch = Math.floor(step / perEpoch); epoch < epochs; epoch++) {
      const began = performance.now();
      let saved = performance.now();
      const batches = shuffledEpoch(data, {
        key: key.fold("data"),
        epoch,
        batchSize,
        from: step - epoch * perEpoch,
        dropLast: true,
        augment: options.augment,
        memory,
      });
      for (const { x, y, indices, step: index } of batches) {
        if (signal?.aborted) {
          yield checkpoint();
          yield { type: "end", stopped: true, weights: state.weights, best };
          return;
        }
        const started = performance.now();
        const rate = schedule(epoch + (index + 1) / perEpoch);
        const batch = { x, y, indices, epoch: epoch + index / perEpoch, key: key.fold("attack", epoch, index) };
        let [gradientEvaluations, result]: [number, StepResult | undefined] = [replays - 1, undefined];
        for (let replay = 0; replay < replays; replay++) {
          const crafted = await prepared.craft({ ...batch, replay }, state.weights);
          result = await update.run(state, { x, labels: y, ...prefixed(crafted.feeds) }, rate, step * replays + replay + 1);
          prepared.observe?.(result);
          gradientEvaluations += crafted.gradientEvaluations;
        }
        step++;
        const { loss, accuracy, gradientNorm } = result as StepResult;
        if (!Number.isFinite(loss))
          throw new TrainingError(`the loss became ${loss} at step ${step} (rate ${rate}): lower the learning rate or clip the gradient`);
        sums = {
          steps: sums.steps + 1,
          loss: sums.loss + loss,
          accuracy: sums.accuracy + accuracy,
          gradientEvaluations: sums.gradientEvaluations + gradientEvaluations,
        };
        const seconds = (performance.now() - started) / 1000;
        yield { type: "step", epoch, step, loss, accuracy, gradientNorm, rate, gradientEvaluations, seconds };
        if (performance.now() - saved > 1000 * checkpointSeconds && step % perEpoch !== 0) {
          yield checkpoint();
          saved = performance.now();
        }
      }
      const found =
        validation && (await validate({ network, weights: averaged(state) }, validation, { key, runtime, withFgsm: !!monitor }));
      const improved =
        found !== undefined &&
        (best === undefined || found.robust > best.robust || (found.robust === best.robust && found.clean > best.clean));
      if (improved) best = { epoch, ...found, weights: copied(averaged(state)) };
      yield {
        type: "epoch",
        epoch,
        step,
        loss: sums.loss / sums.steps,
        accuracy: sums.accuracy / sums.steps,
        gradientEvaluations: sums.gradientEvaluations / sums.steps,
        ...found,
        best: improved,
        seconds: (performance.now() - began) / 1000,
      };
      sums = emptySums();
      if (found?.fgsm !== undefined) history = [...history, { epoch, clean: found.clean, robust: found.robust, fgsm: found.fgsm }];
      const trouble = monitor && overfitting(history, monitor);
      if (trouble && trouble.kind !== overfitting(history.slice(0, -1), monitor)?.kind) {
        const { onOverfitting: action = "warn" } = monitor;
        yield { type: "overfitting", step, action, ...trouble };
        if (action === "stop") {
          yield checkpoint();
          break;
        }
        if (action === "roll-back" && best) {
          state = initialState({ network, weights: best.weights }, options);
          history = history.filter((record) => record.epoch <= (best as BestWeights).epoch);
        }
      }
      yield checkpoint();
    }
    yield { type: "end", stopped: false, weights: averaged(state), best };
  } finally {
    await update.release();
    await prepared.release();
  }
}

/** Clean and robust accuracy, in 0..1. The validation attack is the same in every epoch. */
async function validate(
  model: Model,
  { data, attack, threat }: NonNullable<TrainingOptions["validation"]>,
  { key, runtime, withFgsm }: { key: Key; runtime: CompileOptions; withFgsm: boolean },
) {
  const { x, y } = whole(data);
  const oracle = modelOracle(model, runtime);
  try {
    const against = (chosen: Attack) => runAttack(oracle, chosen, { x, labels: y.data }, threat, { key: key.fold("validation") });
    const share = (correct: (i: number) => boolean) => y.data.reduce((total, _, i) => total + (correct(i) ? 1 : 0), 0) / y.data.length;
    const result = await against(attack);
    const oneStep = withFgsm ? await against(fgsm()) : undefined;
    return {
      clean: share((i) => result.cleanPredictions[i] === y.data[i]),
      robust: share((i) => result.success[i] === 0),
      ...(oneStep && { fgsm: share((i) => oneStep.success[i] === 0) }),
    };
  } finally {
    await oracle.release();
  }
}

function checkFit({ network }: Model, data: Dataset, batchSize: number): void {
  if (data.shape.join() !== network.inputShape.join())
    throw new TrainingError(`the network takes inputs [${network.inputShape}], but ${data.name} has [${data.shape}]`);
  if (data.classes.length > network.classes)
    throw new TrainingError(`${data.name} has ${data.classes.length} classes, but the network tells ${network.classes} apart`);
  const [low, high] = data.bounds;
  if (low < network.domain.low || high > network.domain.high)
    throw new TrainingError(
      `${data.name} lies in ${low} to ${high}, but the network's input domain is ${network.domain.low} to ${network.domain.high}: give the network the domain of the data`,
    );
  if (count(data) < batchSize) throw new TrainingError(`${count(data)} examples do not fill one batch of ${batchSize}`);
}

/** What the optimizer kept must be what it keeps. */
function checkResumable(kept: TrainingState["slots"], expected: TrainingState["slots"]): void {
  const [missing, strange] = [Object.keys(expected).find((name) => !(name in kept)), Object.keys(kept).find((name) => !(name in expected))];
  if (missing === undefined && strange === undefined) return;
  throw new TrainingError(
    `the checkpoint holds ${strange === undefined ? "nothing" : `"${strange}"`} where the optimizer keeps ${missing === undefined ? "nothing" : `"${missing}"`}: it was written with another optimizer or by another version; train anew`,
  );
}

/** The weights to predict with: trained ones from the moving average where one is kept. */
function averaged(state: TrainingState): Weights {
  return { ...state.weights, ...state.average };
}

function copied(weights: Weights): Weights {
  return Object.fromEntries(
    Object.entries(weights).map(([name, tensor]) => [name, { ...tensor, data: tensor.data.slice() as Float32Array }]),
  );
}

function emptySums(): EpochSums {
  return { steps: 0, loss: 0, accuracy: 0, gradientEvaluations: 0 };
}

function prefixed<T>(feeds: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(feeds).map(([name, tensor]) => [`crafted/${name}`, tensor]));
}
