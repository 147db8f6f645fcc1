/** The job behind `saddle evaluate`: attacks on a run or a model file, with the witnesses written, read back and checked, and the report beside. */
import { join } from "node:path";
import {
  type Attack,
  type AttackName,
  type AutoAttackVersion,
  argMax,
  attackNames,
  autoAttack,
  catalogue,
  exampleRows,
  expectation,
  type Norm,
  type Oracle,
} from "../../attacks/index.ts";
import { type Dataset, sheet, take, whole } from "../../data/index.ts";
import { loadData } from "../../data/node/index.ts";
import { diagnose, type Evaluation, evaluateCurve, minimumDistances, recheck } from "../../evaluation/index.ts";
import { type BrokenPicture, evaluationHtml } from "../../report/index.ts";
import {
  type EvaluationReport,
  evaluationReport,
  fingerprint,
  isEndpoint,
  isRun,
  type JobContext,
  machine,
  openOracle,
  openPieces,
  readSettings,
  readWitnesses,
  withLanes,
  writeAtomic,
  writeJson,
  writeWitnesses,
} from "../../runs/index.ts";
import type { Device } from "../../runtime/index.ts";
import { concatRows, key, type Tensor, takeRows } from "../../tensor/index.ts";

export interface EvaluateInput {
  /** Run directory, ONNX file or URL of an endpoint. */
  target: string;
  /** Shape of an example, where the file leaves it open. */
  inputShape?: number[];
  /** Output with the scores, where the file has several. */
  output?: string;
  /** Seconds to wait for an endpoint. */
  timeout?: number;
  mean?: number[];
  deviation?: number[];
  weights: "best" | "last";
  data?: string;
  /** Smallest and largest value of an input. */
  bounds?: readonly number[];
  dataDir?: string;
  examples?: number;
  /** Names of attacks or of AutoAttack's versions. */
  attacks: readonly string[];
  norm: Norm;
  /** One radius, or several for a curve. */
  eps: number | readonly number[];
  /** For the attacks that have these parameters; default their own. */
  steps?: number;
  stepSize?: number;
  restarts?: number;
  queries?: number;
  /** Whether to measure the least perturbations too. */
  distances?: boolean;
  /** Whether to look for gradient masking (default). */
  diagnosis?: boolean;
  batch: number;
  seed: number;
  threads?: number;
  /** Threads that attack at the same time; default one. */
  lanes?: number;
  device?: Device;
  /** What was typed, for the report. */
  command?: string;
  /** Folder for report.json, report.html, witnesses.npz and adversarial.png. */
  out: string;
}

const ensembles: Record<string, AutoAttackVersion> = { autoattack: "standard", "autoattack-plus": "plus", "autoattack-rand": "rand" };
export const attackChoices = [...Object.keys(ensembles), ...attackNames];

/** Passes that an answer is the mean of, in AutoAttack's version for randomized models. */
const PASSES = 20;

export type EvaluateEvent = { attack: string; done: number; total: number };

export interface EvaluateResult extends Omit<EvaluationReport, "verdicts" | "settings" | "machine"> {
  /** Pairs of clean and adversarial pictures, absent where the inputs are no pictures. */
  sheet?: string;
  /** Pieces of a stopped evaluation that were used. */
  resumed: number;
}

export default async function run(input: EvaluateInput, { emit, signal }: JobContext<EvaluateEvent>): Promise<EvaluateResult> {
  const began = performance.now();
  const settings = isEndpoint(input.target) || !isRun(input.target) ? undefined : readSettings(input.target);
  const source = input.data ?? settings?.data ?? "digits";
  const bounds = input.bounds ?? (input.data === undefined ? settings?.bounds : undefined);
  const all = await loadData(source, { split: "test", dataDir: input.dataDir ?? settings?.dataDir, bounds });
  const data = take(all, input.examples ?? Number.POSITIVE_INFINITY);
  const { x, y } = whole(data);
  const labels = y.data;
  const how = { ...input, batchSize: input.batch };
  const { oracle: opened, name, epoch, notes, contents } = await openOracle(input.target, data, how);
  const lanes = input.lanes ?? 1;
  const single = interruptible(lanes > 1 ? withLanes(opened, lanes, { target: input.target, data, options: how, signal }) : opened, signal);
  const oracle = input.attacks.includes("autoattack-rand") ? expectation(single, PASSES) : single;
  const { command: _, out: __, timeout: ___, ...identity } = input;
  const pieces = openPieces(join(input.out, "pieces"), {
    ...JSON.parse(JSON.stringify(identity)),
    contents: fingerprint({ ...contents, x, y }),
  });
  const { attacks, remarks } = chooseAttacks(input, oracle);
  // What is asked of others may fail at any time: less of it is lost.
  const pieceSize = oracle.gives === "gradients" ? undefined : oracle.batchSize;
  const options = { attacks, key: key(input.seed), pieces, pieceSize, onProgress: emit };
  const curve = await evaluateCurve(oracle, { x, labels }, { norm: input.norm, epsilons: [input.eps].flat() }, options);
  const last = curve[curve.length - 1];
  const epsilon = last.threat.epsilon as number;

  const broken = last.verdicts.flatMap((verdict, i) => (verdict === "broken" ? [i] : []));
  writeWitnesses(input.out, { indices: broken, labels, predictions: last.predictions, points: last.witnesses });
  const witnesses = readWitnesses(input.out);
  for (const { threat, verdicts } of curve)
    await recheck(
      oracle,
      x,
      threat,
      witnesses.filter(({ index }) => verdicts[index] === "broken"),
    );

  const distances = input.distances
    ? await pieces.remember("distances", async () => {
        const found = await minimumDistances(oracle, { x, labels }, input.norm, { key: key(input.seed), onProgress: emit });
        const known = (value: number) => (Number.isFinite(value) ? value : null);
        return {
          norm: found.norm,
          attacks: [...found.attacks],
          median: known(found.median),
          quantiles: Object.fromEntries(Object.entries(found.quantiles).map(([share, value]) => [share, known(value)])),
          values: Array.from(found.distances, known),
        };
      })
    : undefined;
  const probe = { evaluation: last, key: key(input.seed).fold("diagnosis") };
  const masking =
    input.diagnosis === false || input.norm === "l0" || epsilon === 0 || oracle.gives !== "gradients"
      ? undefined
      : await pieces.remember("masking", async () => {
          emit({ attack: "diagnosis", done: 0, total: 1 });
          const found = await diagnose(oracle, { x, labels }, { norm: input.norm, epsilon }, probe);
          return { probed: found.probed, measured: { ...found.measured }, symptoms: [...found.symptoms] };
        });
  const seconds = (performance.now() - began) / 1000;
  const busy = curve.reduce((total, { attacks: ran }) => total + ran.reduce((sum, one) => sum + one.seconds, 0), 0);
  const report: EvaluationReport = evaluationReport.parse({
    schema: 1,
    model: name,
    data: data.name,
    note: data.note,
    notes,
    remarks,
    epoch,
    norm: input.norm,
    epsilon,
    examples: last.examples,
    clean: last.clean,
    robust: last.robust,
    attacks: last.attacks,
    curve: curve.map(({ threat, robust, attacks: ran }) => ({ epsilon: threat.epsilon, robust, attacks: ran })),
    classes: last.classes.map((row) => ({ ...row, name: data.classes[row.label] ?? String(row.label) })),
    distances,
    masking,
    soundness: { witnesses: witnesses.length },
    seconds,
    examplesPerSecond: busy > 0 ? last.examples / busy : last.examples / seconds,
    seed: input.seed,
    settings: input,
    machine: machine(),
    date: new Date().toISOString(),
    verdicts: verdictRows(last, labels),
  });
  const pictures = data.shape.length === 3 ? await brokenPictures(oracle, { data, x }, last, broken.slice(0, 12)) : [];
  const picture = pictures.length > 0 ? join(input.out, "adversarial.png") : undefined;
  if (picture) {
    const shown = broken.slice(0, 10);
    writeAtomic(picture, sheet(concatRows([takeRows(x, shown), takeRows(last.witnesses, shown)]), { columns: shown.length }));
  }
  await oracle.release();
  writeJson(join(input.out, "report.json"), report);
  writeAtomic(join(input.out, "report.html"), evaluationHtml(report, pictures, input.command ?? "saddle evaluate"));
  const resumed = pieces.found;
  pieces.clear();
  const { verdicts: _verdicts, settings: _settings, machine: _machine, ...result } = report;
  return { ...result, sheet: picture, resumed };
}

/** An oracle that lets the process hear a request to stop. */
function interruptible(oracle: Oracle, signal: AbortSignal): Oracle {
  let heard = performance.now();
  return {
    ...oracle,
    async answer(queries) {
      if (performance.now() - heard > 200) {
        await new Promise((resume) => setImmediate(resume));
        heard = performance.now();
      }
      signal.throwIfAborted();
      return oracle.answer(queries);
    },
  };
}

function chooseAttacks(input: EvaluateInput, oracle: Oracle): { attacks: Attack[]; remarks: string[] } {
  const remarks: string[] = [];
  const attacks = input.attacks.flatMap((name) => {
    if (!(name in ensembles)) return [withParameters(name as AttackName, input)];
    const ensemble = autoAttack(ensembles[name], input.norm, oracle);
    remarks.push(...ensemble.notes, ...(ensembles[name] === "rand" ? [`every answer is the mean of ${PASSES} passes`] : []));
    return oracle.gives === "gradients" ? ensemble.attacks : ensemble.attacks.map((one) => withParameters(one.name as AttackName, input));
  });
  return { attacks, remarks };
}

/** The attack with those of the typed parameters that it has. */
function withParameters(name: AttackName, input: EvaluateInput): Attack {
  const known = catalogue[name]().parameters;
  const defaults: Record<string, number> = name === "pgd" ? { steps: 50 } : {};
  const typed = (["steps", "stepSize", "restarts", "queries"] as const).flatMap((parameter) => {
    const value = input[parameter] ?? defaults[parameter];
    return parameter in known && value !== undefined ? [[parameter, value] as const] : [];
  });
  return catalogue[name](Object.fromEntries(typed));
}

function verdictRows({ verdicts, cleanPredictions, predictions, distances, brokenBy, attacks }: Evaluation, labels: ArrayLike<number>) {
  return verdicts.map((verdict, index) => ({
    index,
    label: labels[index],
    verdict,
    predicted: cleanPredictions[index],
    ...(verdict === "broken"
      ? { attack: attacks[brokenBy[index]].attack, adversarial: predictions[index], distance: distances[index] }
      : {}),
  }));
}

async function brokenPictures(
  oracle: Oracle,
  { data, x }: { data: Dataset; x: Tensor<"float32"> },
  { witnesses, brokenBy, attacks }: Evaluation,
  shown: readonly number[],
): Promise<BrokenPicture[]> {
  const [channels, height, width] = data.shape;
  const { low, high } = oracle.domain;
  const [from, to] = [exampleRows(x), exampleRows(witnesses)];
  const confident = async (point: Float32Array) => {
    const [{ logits }] = await oracle.answer([{ point, want: "logits", label: 0 }]);
    const top = argMax(logits);
    const total = logits.reduce((sum, z) => sum + Math.exp(z - logits[top]), 0);
    return `${data.classes[top] ?? top} (${(1 / total).toFixed(2)})`;
  };
  const unit = (point: Float32Array) => Array.from(point, (v) => (v - low) / (high - low));
  const pictures: BrokenPicture[] = [];
  for (const index of shown) {
    pictures.push({
      index,
      shape: [channels, height, width],
      original: unit(from[index]),
      adversarial: unit(to[index]),
      before: await confident(from[index]),
      after: await confident(to[index]),
      attack: attacks[brokenBy[index]].attack,
    });
  }
  return channels === 1 || channels === 3 ? pictures : [];
}
