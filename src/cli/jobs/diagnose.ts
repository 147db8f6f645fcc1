/** The job behind `saddle diagnose`: the instruments on a run or a model file, and the report with their figures. */
import { join } from "node:path";
import { type Diagnosis, diagnose } from "../../analysis/diagnosis.ts";
import { take, whole } from "../../data/index.ts";
import { loadData } from "../../data/node/index.ts";
import { diagnosisFigures } from "../../report/diagnosis.ts";
import { figuresHtml } from "../../report/page.ts";
import { isRun, type JobContext, openModel, readSettings, writeAtomic, writeJson } from "../../runs/index.ts";
import type { Device } from "../../runtime/index.ts";
import { key } from "../../tensor/index.ts";

export interface DiagnoseInput {
  /** Run directory or ONNX file. */
  target: string;
  /** Shape of an example, where the file leaves it open. */
  inputShape?: number[];
  /** Output with the scores, where the file has several. */
  output?: string;
  mean?: number[];
  deviation?: number[];
  weights: "best" | "last";
  data?: string;
  /** Smallest and largest value of an input. */
  bounds?: readonly number[];
  dataDir?: string;
  examples: number;
  norm: "linf" | "l2";
  eps: number;
  steps: number;
  walls: number;
  seed: number;
  threads?: number;
  device?: Device;
  /** Folder for diagnosis.json and report.html. */
  out: string;
}

export type DiagnoseEvent = { label: string; fraction: number };

export interface DiagnoseResult extends Diagnosis {
  model: string;
  data: string;
  notes: readonly string[];
  seconds: number;
}

export default async function run(input: DiagnoseInput, { emit, signal }: JobContext<DiagnoseEvent>): Promise<DiagnoseResult> {
  const began = performance.now();
  const settings = isRun(input.target) ? readSettings(input.target) : undefined;
  const dataDir = input.dataDir ?? settings?.dataDir;
  const bounds = input.bounds ?? (input.data === undefined ? settings?.bounds : undefined);
  const data = take(await loadData(input.data ?? settings?.data ?? "digits", { split: "test", dataDir, bounds }), input.examples);
  const { x, y } = whole(data);
  const { model, notes } = openModel(input.target, { ...input, data });
  const diagnosis = await diagnose(model, x, y, {
    norm: input.norm,
    epsilon: input.eps,
    steps: input.steps,
    walls: input.walls,
    key: key(input.seed),
    threads: input.threads,
    device: input.device,
    progress(label, fraction) {
      signal.throwIfAborted();
      emit({ label, fraction });
    },
  });
  const result = { ...diagnosis, model: model.network.name, data: data.name, notes, seconds: (performance.now() - began) / 1000 };
  writeJson(join(input.out, "diagnosis.json"), { ...result, settings: input });
  const subtitle = `${data.name}, ${input.norm} ε = ${Number(input.eps.toPrecision(4))}, ${diagnosis.examples} examples`;
  writeAtomic(
    join(input.out, "report.html"),
    figuresHtml({ title: `Diagnosis of ${model.network.name}`, subtitle, figures: diagnosisFigures(diagnosis) }),
  );
  return result;
}
