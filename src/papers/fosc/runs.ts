/** One training run with everything that is measured on it, as numbers that survive JSON. */
import { foscAlongPgd } from "../../analysis/fosc.ts";
import { type Attack, argMax, exampleRows, fgsm, modelOracle, type Oracle, pgd, runAttack } from "../../attacks/index.ts";
import { batch, count, type Dataset, take, whole } from "../../data/index.ts";
import { evaluate } from "../../evaluation/index.ts";
import type { Weights } from "../../models/index.ts";
import { type Key, rows, type Tensor, tensor } from "../../tensor/index.ts";
import { inverseTime, schedule, sgd, train } from "../../training/index.ts";
import { quantile } from "../statistics.ts";
import { attackOf, defenseOf, K, type Method } from "./methods.ts";
import type { Problem } from "./problems.ts";
import { type QualityRecord, studyQuality } from "./quality.ts";

export interface EpochQuality {
  epoch: number;
  /** Gradients per example that made the training examples. */
  gradientEvaluations: number;
  /** FOSC of the method's own examples on fixed training images: 5, 25, 50, 75, 95 % quantiles. */
  fosc?: number[];
}

/** Accuracies in %, on the test examples. */
export interface RunRecord {
  data: string;
  method: Method;
  seed: number;
  /** Processor time of the weight steps and their attacks alone: what they take on one idle core. */
  seconds: number;
  clean: number;
  fgsm: number;
  pgd10: number;
  pgd20: number;
  /** PGD-20 on the margin loss of Carlini & Wagner */
  cw: number;
  /** AutoAttack (standard), on the first test examples */
  autoAttack?: number;
  /** On adversarial examples of an undefended network of another seed; not for that network itself. */
  transfer?: number;
  epochs: EpochQuality[];
  /** For the first Standard run: how FOSC and accuracy go together on the fixed model. */
  quality?: QualityRecord;
}

/** Adversarial test examples of an undefended network, and what that network lost to them. */
export interface TransferSource {
  /** [N][pixels], rounded to 1e-4 */
  points: number[][];
  accuracy: number;
}

const probed = 128;

export async function runMethod(
  problem: Problem,
  { method, seed, source, traced, attacked }: { method: Method; seed: number; source?: TransferSource; traced?: number; attacked?: number },
  key: Key,
): Promise<RunRecord> {
  const { settings, network, test } = problem;
  const own = key.fold(seed);
  const record: Pick<RunRecord, "seconds" | "epochs"> = { seconds: 0, epochs: [] };
  const probe = batch(
    problem.train,
    Int32Array.from({ length: Math.min(probed, count(problem.train)) }, (_, i) => i),
  );
  const weights = await trainMethod(problem, method, own, {
    onStep: (seconds) => {
      record.seconds += seconds;
    },
    async onEpoch(epoch, gradientEvaluations, now) {
      const attack = attackOf(method, epoch, settings);
      const fosc = attack && (await ownQuality(problem, attack, { probe, weights: now, key: own.fold("probe") }));
      record.epochs.push({ epoch, gradientEvaluations, ...(fosc && { fosc }) });
    },
  });
  const oracle = modelOracle({ network, weights }, { threads: settings.threads });
  const { x, y } = whole(test);
  const accuracyUnder = async (attack: Attack) => {
    const threat = { norm: "linf" as const, epsilon: settings.epsilon };
    const result = await runAttack(oracle, attack, { x, labels: y.data }, threat, { key: own.fold("evaluation") });
    const standing = (wrong: (i: number) => boolean) => (100 * y.data.reduce((n, _, i) => n + (wrong(i) ? 0 : 1), 0)) / y.data.length;
    return { clean: standing((i) => result.cleanPredictions[i] !== y.data[i]), robust: standing((i) => result.success[i] === 1) };
  };
  const stepSize = settings.epsilon / 4;
  const one = await accuracyUnder(fgsm());
  const result: RunRecord = {
    data: settings.data,
    method,
    seed,
    ...record,
    clean: one.clean,
    fgsm: one.robust,
    pgd10: (await accuracyUnder(pgd({ steps: 10, stepSize }))).robust,
    pgd20: (await accuracyUnder(pgd({ steps: 20, stepSize }))).robust,
    cw: (await accuracyUnder(pgd({ steps: 20, stepSize, loss: "margin" }))).robust,
    ...(attacked && { autoAttack: await underAutoAttack(oracle, take(test, attacked), settings.epsilon, own.fold("autoattack")) }),
    ...(source && { transfer: await accuracyOn(oracle, source.points, y.data) }),
    ...(traced && { quality: await studyQuality(oracle, test, { epsilon: settings.epsilon, count: traced, key: own.fold("quality") }) }),
  };
  await oracle.release();
  return result;
}

/** The undefended network of a seed that no run has, attacked by PGD-20. */
export async function makeTransferSource(problem: Problem, key: Key): Promise<TransferSource> {
  const { settings, network, test } = problem;
  const weights = await trainMethod(problem, "none", key.fold("source"));
  const oracle = modelOracle({ network, weights }, { threads: settings.threads });
  const { x, y } = whole(test);
  const shown = Math.min(500, y.data.length);
  const result = await runAttack(
    oracle,
    pgd({ steps: 20, stepSize: settings.epsilon / 4 }),
    { x: rows(x, 0, shown), labels: y.data.subarray(0, shown) },
    { norm: "linf", epsilon: settings.epsilon },
    { key: key.fold("attack"), stopAtSuccess: false },
  );
  await oracle.release();
  return {
    points: exampleRows(result.adversarial).map((point) => Array.from(point, (v) => Math.round(v * 1e4) / 1e4)),
    accuracy: (100 * result.success.reduce((n, broken) => n + 1 - broken, 0)) / shown,
  };
}

/** SGD with momentum 0.9 and weight decay 1e-4; for Q3 the decay acts on the rate instead. */
async function trainMethod(
  { settings, network, train: data, augment }: Problem,
  method: Method,
  key: Key,
  {
    onStep = () => {},
    onEpoch = async () => {},
  }: { onStep?: (seconds: number) => void; onEpoch?: (epoch: number, gradients: number, weights: Weights) => Promise<void> } = {},
): Promise<Weights> {
  const { epochs, batchSize, rate, milestones, threads } = settings;
  const steps = schedule("step", { rate, epochs, milestones });
  const released = method === "dynamic-q3";
  const model = network.initialize(key.fold("weights"));
  let [weights, gradients]: [Weights, number] = [model.weights, 0];
  let mark = processorSeconds();
  for await (const event of train(model, data, {
    defense: defenseOf(method, settings),
    optimizer: sgd({ momentum: 0.9, weightDecay: released ? 0 : 1e-4 }),
    schedule: released ? inverseTime(steps, { decay: 1e-4, stepsPerEpoch: Math.floor(count(data) / batchSize) }) : steps,
    epochs,
    batchSize,
    key: key.fold("training"),
    augment,
    checkpointSeconds: Number.POSITIVE_INFINITY,
    runtime: { threads },
  })) {
    if (event.type === "step") onStep(processorSeconds() - mark);
    else if (event.type === "epoch") gradients = event.gradientEvaluations;
    else if (event.type === "checkpoint") {
      const epoch = event.checkpoint.step / Math.floor(count(data) / batchSize) - 1;
      await onEpoch(epoch, gradients, event.checkpoint.state.weights);
    } else if (event.type === "end") weights = event.weights;
    mark = processorSeconds();
  }
  return weights;
}

/** What this process has used so far; wall time where that cannot be told (browsers). */
function processorSeconds(): number {
  const used = globalThis.process?.cpuUsage?.();
  return used ? (used.user + used.system) / 1e6 : performance.now() / 1000;
}

/** Quantiles of FOSC of the examples that the method would make now: each at its first step (after the first) with FOSC ≤ c_t, or at the last. */
async function ownQuality(
  { settings: { epsilon, threads }, network }: Problem,
  { stepSize, threshold }: { stepSize: number; threshold: number },
  { probe, weights, key }: { probe: { x: Tensor<"float32">; y: Tensor<"int32"> }; weights: Weights; key: Key },
): Promise<number[]> {
  const oracle = modelOracle({ network, weights }, { threads });
  const data = { x: probe.x, labels: probe.y.data };
  const [, ...steps] = await foscAlongPgd(oracle, data, { norm: "linf", epsilon, steps: K, stepSize, key });
  await oracle.release();
  const final = Array.from(probe.y.data, (_, i) => (steps.find(({ fosc }) => fosc[i] <= threshold) ?? steps[steps.length - 1]).fosc[i]);
  return [0.05, 0.25, 0.5, 0.75, 0.95].map((share) => Number(quantile(final, share).toPrecision(5)));
}

async function underAutoAttack(oracle: Oracle, data: Dataset, epsilon: number, key: Key): Promise<number> {
  // Without attacks of its own choice, an evaluation is AutoAttack.
  const { robust } = await evaluate(oracle, data, { norm: "linf", epsilon }, { key });
  return 100 * robust.value;
}

async function accuracyOn(oracle: Oracle, points: readonly number[][], labels: ArrayLike<number>): Promise<number> {
  let right = 0;
  for (let from = 0; from < points.length; from += oracle.batchSize) {
    const chunk = points.slice(from, from + oracle.batchSize);
    const answers = await oracle.answer(chunk.map((point, i) => ({ point: tensor(point).data, want: "logits", label: labels[from + i] })));
    answers.forEach(({ logits }, i) => {
      if (argMax(logits) === labels[from + i]) right++;
    });
  }
  return (100 * right) / points.length;
}
