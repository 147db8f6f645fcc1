/** The job behind `saddle evaluate`: attacks on a run or a model file, with the witnesses written beside the report. */
import { join } from "node:path";
import { type Attack, fgsm, modelOracle, type Norm, pgd } from "../../attacks/index.ts";
import { sheet, take, whole } from "../../data/index.ts";
import { loadData } from "../../data/node/index.ts";
import { type Evaluation, evaluate } from "../../evaluation/index.ts";
import { type JobContext, openModel, writeAtomic, writeJson, writeWitnesses } from "../../runs/index.ts";
import type { Device } from "../../runtime/index.ts";
import { concatRows, key, takeRows } from "../../tensor/index.ts";

export interface EvaluateInput {
  /** Run directory or ONNX file. */
  target: string;
  mean?: number[];
  deviation?: number[];
  weights: "best" | "last";
  data?: string;
  dataDir?: string;
  examples?: number;
  attacks: readonly AttackName[];
  norm: Norm;
  eps: number;
  steps: number;
  stepSize?: number;
  restarts: number;
  batch: number;
  seed: number;
  threads?: number;
  device?: Device;
  /** Folder for report.json, witnesses.npz and adversarial.png. */
  out: string;
}

export const attackNames = ["fgsm", "pgd"] as const;
export type AttackName = (typeof attackNames)[number];

export type EvaluateEvent = { attack: string; done: number; total: number };

export interface EvaluateResult
  extends Omit<Evaluation, "witnesses" | "verdicts" | "brokenBy" | "cleanPredictions" | "predictions" | "distances"> {
  model: string;
  data: string;
  note?: string;
  /** What was found and changed when a file was imported. */
  notes: readonly string[];
  epoch?: number;
  seconds: number;
  /** Pairs of clean and adversarial pictures, absent where the inputs are no pictures. */
  sheet?: string;
}

export default async function run(input: EvaluateInput, { emit, signal }: JobContext<EvaluateEvent>): Promise<EvaluateResult> {
  const began = performance.now();
  const { model, settings, epoch, notes } = openModel(input.target, input);
  const source = input.data ?? settings?.data ?? "digits";
  const data = take(
    await loadData(source, { split: "test", dataDir: input.dataDir ?? settings?.dataDir }),
    input.examples ?? Number.POSITIVE_INFINITY,
  );
  const { x, y } = whole(data);
  const oracle = modelOracle(model, { batchSize: input.batch, threads: input.threads, device: input.device });
  const evaluation = await evaluate(
    oracle,
    { x, labels: y.data },
    {
      threat: { norm: input.norm, epsilon: input.eps },
      attacks: input.attacks.map((name) => chooseAttack(name, input)),
      key: key(input.seed),
      onProgress: (progress) => {
        signal.throwIfAborted();
        emit(progress);
      },
    },
  );
  await oracle.release();
  const { witnesses, verdicts, brokenBy, cleanPredictions, predictions, distances, ...summary } = evaluation;
  const result: EvaluateResult = {
    ...summary,
    model: model.network.name,
    data: data.name,
    note: data.note,
    notes,
    epoch,
    seconds: (performance.now() - began) / 1000,
  };
  const broken = verdicts.flatMap((verdict, i) => (verdict === "broken" ? [i] : []));
  if (data.shape.length === 3 && broken.length > 0) {
    const shown = broken.slice(0, 10);
    result.sheet = join(input.out, "adversarial.png");
    writeAtomic(result.sheet, sheet(concatRows([takeRows(x, shown), takeRows(witnesses, shown)]), { columns: shown.length }));
  }
  const examples = verdicts.map((verdict, i) => ({
    index: i,
    label: y.data[i],
    verdict,
    predicted: cleanPredictions[i],
    ...(verdict === "broken" ? { attack: summary.attacks[brokenBy[i]].attack, adversarial: predictions[i], distance: distances[i] } : {}),
  }));
  writeJson(join(input.out, "report.json"), { ...result, settings: input, examples });
  writeWitnesses(input.out, { indices: broken, labels: y.data, predictions, points: witnesses });
  return result;
}

function chooseAttack(name: AttackName, { steps, stepSize, restarts }: EvaluateInput): Attack {
  return name === "fgsm" ? fgsm() : pgd({ steps, stepSize, restarts });
}
