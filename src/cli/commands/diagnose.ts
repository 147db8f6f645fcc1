/** `saddle diagnose`: the instruments on a model, to see why it breaks under attack, or why it does not. */
import { basename, join, resolve } from "node:path";
import { z } from "zod";
import { diagnosisFigures } from "../../report/diagnosis.ts";
import { formatDuration, formatNumber } from "../../report/format.ts";
import { isRun, moduleBeside, readSettings, runJob } from "../../runs/index.ts";
import { command } from "../command.ts";
import { UsageError } from "../errors.ts";
import { bounds, dataDir, device, fraction, inputShape, output, seed, threads } from "../fields.ts";
import type { DiagnoseEvent, DiagnoseInput, DiagnoseResult } from "../jobs/diagnose.ts";
import { table } from "../table.ts";
import type { Terminal } from "../terminal.ts";
import { percent } from "./train.ts";

const text = (description: string) => ({ description });

export default command({
  brief: "look into a model: its Jacobians, its cells, how well attacks converge on it",
  description:
    "Measures, at test examples and along perturbations of them: FOSC at every step of PGD, singular values and operator norms of the Jacobian, the global bound, the " +
    "alignment of perturbations with singular vectors, the distance to the boundary of the activation cell, deviation from linearity, and the loss. Writes diagnosis.json and report.html.",
  options: z.object({
    target: z.string().meta({ placeholder: "MODEL", description: "directory of a training run, or an ONNX file" }),
    norm: z.enum(["linf", "l2"]).optional().meta(text("norm of the perturbation (default: the run's)")),
    eps: fraction().optional().meta({ placeholder: "ε", description: "radius in input units, e.g. 0.3 or 8/255 (default: the run's)" }),
    steps: z.int().min(1).default(20).meta(text("steps of PGD")),
    examples: z.int().min(1).default(64).meta(text("the first examples of the test split")),
    walls: z.int().min(1).default(200).meta(text("walls of the activation cell that are looked at per example, those that seem nearest")),
    weights: z.enum(["best", "last"]).default("best").meta(text("best on the run's validation examples, or those of the last step")),
    data: z.string().optional().meta(text("test data (default: the run's)")),
    mean: z.array(z.number()).optional().meta(text("per-channel mean that a model file expects to be subtracted from its inputs")),
    deviation: z.array(z.number()).optional().meta(text("per-channel deviation that it expects inputs to be divided by")),
    inputShape,
    output,
    out: z.string().optional().meta({ placeholder: "DIR", description: "folder of the report (default: in the run)" }),
    bounds,
    dataDir,
    seed,
    threads,
    device,
  }),
  positional: ["target"],
  examples: [
    ["saddle diagnose runs/mnist", "at the ε of training; report in runs/mnist/diagnosis"],
    ["saddle diagnose model.onnx --data npz:test.npz --eps 8/255", "your own model on your own data"],
    ["saddle diagnose runs/mnist --json | jq .norms", "the operator norms alone"],
  ],
  async run({ target, norm, eps, out, ...options }, terminal) {
    const settings = isRun(target) ? readSettings(target) : undefined;
    if (settings === undefined && options.data === undefined) throw new UsageError("which data?", "a model file needs --data");
    const radius = eps ?? settings?.eps;
    if (radius === undefined) throw new UsageError("which ε?", "a model file needs --eps, e.g. --eps 8/255");
    if (!(radius > 0)) throw new UsageError(`--eps must be more than 0, not ${radius}`);
    const input: DiagnoseInput = {
      ...options,
      target: resolve(target),
      norm: norm ?? settings?.norm ?? "linf",
      eps: radius,
      out: resolve(out ?? (settings ? join(target, "diagnosis") : `runs/${basename(target, ".onnx")}-diagnosis`)),
    };
    const result = await diagnoseWithProgress(input, terminal);
    printResult(result, input, terminal);
    return { json: result };
  },
});

async function diagnoseWithProgress(input: DiagnoseInput, terminal: Terminal): Promise<DiagnoseResult> {
  const bar = terminal.progress();
  try {
    return await runJob<DiagnoseInput, DiagnoseEvent, DiagnoseResult>(moduleBeside(import.meta.url, "../jobs/diagnose"), input, {
      onEvent: ({ label, fraction }) => bar.update(fraction, label),
    });
  } finally {
    bar.end();
  }
}

function printResult(result: DiagnoseResult, input: DiagnoseInput, terminal: Terminal): void {
  const { ascent, spectrum, alignment, along, notes, seconds } = result;
  terminal.print(
    `${result.model} on ${result.examples} test examples of ${result.data}, ${input.norm} ε = ${Number(input.eps.toPrecision(4))}`,
  );
  for (const note of notes) terminal.print(note);
  terminal.print();
  const right = (title: string) => ({ title, align: "right" as const });
  const shown = ascent.flatMap((step, k) => (k === 0 || k === ascent.length - 1 || k % 5 === 0 ? [{ k, ...step }] : []));
  const rows = shown.map(({ k, loss, accuracy, fosc, foscInBox, relative }) => [
    String(k),
    formatNumber(loss, 3),
    percent(accuracy),
    formatNumber(fosc, 3),
    formatNumber(foscInBox, 3),
    formatNumber(relative.median, 3),
  ]);
  const titles = [right("PGD step"), right("loss"), right("accuracy"), right("FOSC"), right("in the box"), right("median of FOSC/ε‖g‖")];
  for (const line of table(titles, rows)) terminal.print(line);
  terminal.print();
  const [numbers] = diagnosisFigures(result);
  const list = (values: readonly number[]) => values.map((value) => formatNumber(value, 3)).join(" ");
  const facts = [
    ["singular values", list(spectrum.clean)],
    ["at adversarial points", list(spectrum.adversarial)],
    ...(alignment ? [["|cos| with singular vectors", `${list(alignment.adversarial)} (random ${formatNumber(alignment.law, 3)})`]] : []),
    [
      "deviation from linearity at ε",
      `${formatNumber(along.deviation.adversarial[4], 3)}, random ${formatNumber(along.deviation.random[4], 3)}`,
    ],
    ...(numbers.kind === "table" ? numbers.rows.map(([what, value]) => [String(what), String(value)]) : []),
  ];
  for (const line of table([{ title: "quantity" }, { title: "mean over the examples", wrap: true }], facts, { width: terminal.width }))
    terminal.print(line);
  terminal.print();
  terminal.print(`${formatDuration(seconds)}; report in ${join(input.out, "report.html")}`);
}
