/** `saddle evaluate`: how accurate a model stays under attack. */
import { basename, join, resolve } from "node:path";
import { z } from "zod";
import { formatDuration } from "../../report/index.ts";
import { isOnnxFile, moduleBeside, readSettings, runJob } from "../../runs/index.ts";
import { command } from "../command.ts";
import { UsageError } from "../errors.ts";
import { dataDir, device, fraction, seed, threads } from "../fields.ts";
import { attackNames, type EvaluateEvent, type EvaluateInput, type EvaluateResult } from "../jobs/evaluate.ts";
import { table } from "../table.ts";
import type { Terminal } from "../terminal.ts";
import { percent } from "./train.ts";

const text = (description: string) => ({ description });

export default command({
  brief: "attack a model and say how robust it is",
  description:
    "Runs the attacks one after the other on the test split; each sees only what still stands. Every adversarial point is checked again before it counts: " +
    "its distance, the input domain, and the prediction. Writes report.json, witnesses.npz and adversarial.png.",
  options: z.object({
    target: z.string().meta({ placeholder: "MODEL", description: "directory of a training run, or an ONNX file" }),
    attack: z.array(z.enum(attackNames)).default(["pgd"]).meta(text("attacks in the order in which they run")),
    norm: z.enum(["linf", "l2"]).optional().meta(text("norm of the perturbation (default: the run's)")),
    eps: fraction().optional().meta({ placeholder: "ε", description: "radius in input units, e.g. 0.3 or 8/255 (default: the run's)" }),
    steps: z.int().min(1).default(50).meta(text("steps of pgd")),
    stepSize: fraction().optional().meta({ placeholder: "α", description: "length of a step (default: 2.5 ε/steps)" }),
    restarts: z.int().min(1).default(1).meta(text("random starts of pgd")),
    weights: z.enum(["best", "last"]).default("best").meta(text("best on the run's validation examples, or those of the last step")),
    data: z.string().optional().meta(text("test data (default: the run's)")),
    examples: z.int().min(1).optional().meta(text("only the first examples of the test split")),
    batch: z.int().min(8).default(128).meta(text("points per batch")),
    mean: z.array(z.number()).optional().meta(text("per-channel mean that a model file expects to be subtracted from its inputs")),
    deviation: z.array(z.number()).optional().meta(text("per-channel deviation that it expects inputs to be divided by")),
    out: z.string().optional().meta({ placeholder: "DIR", description: "folder of the report (default: in the run)" }),
    dataDir,
    seed,
    threads,
    device,
  }),
  positional: ["target"],
  examples: [
    ["saddle evaluate runs/mnist", "PGD-50 at the ε of training"],
    ["saddle evaluate runs/mnist --attack fgsm,pgd --eps 0.3 --steps 50 --restarts 10", "FGSM, then PGD with ten restarts on what stands"],
    ["saddle evaluate model.onnx --data npz:test.npz --eps 8/255", "your own model on your own data"],
    ["saddle evaluate runs/mnist --json | jq .robust", "the number alone"],
  ],
  async run({ target, attack, norm, eps, out, ...options }, terminal) {
    const settings = isOnnxFile(target) ? undefined : readSettings(target);
    if (settings === undefined && options.data === undefined) throw new UsageError("which data?", "a model file needs --data");
    const radius = eps ?? settings?.eps;
    if (radius === undefined) throw new UsageError("which ε?", "a model file needs --eps, e.g. --eps 8/255");
    const input: EvaluateInput = {
      ...options,
      target: resolve(target),
      attacks: attack,
      norm: norm ?? settings?.norm ?? "linf",
      eps: radius,
      out: resolve(out ?? (settings ? join(target, "evaluation") : `runs/${basename(target, ".onnx")}-evaluation`)),
    };
    const result = await evaluateWithProgress(input, terminal);
    printResult(result, input, terminal);
    return { json: { clean: result.clean.value, robust: result.robust.value, ...evidence(result) } };
  },
});

/** Evaluates in a child process with a progress bar. */
export async function evaluateWithProgress(input: EvaluateInput, terminal: Terminal): Promise<EvaluateResult> {
  const bar = terminal.progress({ unit: "attacks" });
  try {
    return await runJob<EvaluateInput, EvaluateEvent, EvaluateResult>(moduleBeside(import.meta.url, "../jobs/evaluate"), input, {
      onEvent: ({ attack, done, total }) => bar.update(done / total, `${attack}: ${done} of ${total} examples`),
    });
  } finally {
    bar.end();
  }
}

function evidence({ clean, robust, attacks, threat, examples, seconds, epoch, data, note }: EvaluateResult) {
  return { examples, cleanInterval: clean.interval, robustInterval: robust.interval, threat, attacks, epoch, data, note, seconds };
}

function printResult(result: EvaluateResult, input: EvaluateInput, terminal: Terminal): void {
  const { clean, robust, attacks, seconds } = result;
  const interval = ([low, high]: readonly [number, number]) => `${(100 * low).toFixed(1)} – ${(100 * high).toFixed(1)} %`;
  terminal.print(
    `${result.model} on ${result.examples} test examples of ${result.data}, ${input.norm} ε = ${Number(input.eps.toPrecision(4))}`,
  );
  for (const note of [...result.notes, result.note ?? []].flat()) terminal.print(note);
  terminal.print();
  const accuracies = [
    ["clean", percent(clean.value), interval(clean.interval)],
    ["robust", percent(robust.value), interval(robust.interval)],
  ];
  for (const line of table([{ title: "accuracy" }, { title: "", align: "right" }, { title: "95 % interval", align: "right" }], accuracies))
    terminal.print(line);
  terminal.print();
  const rows = attacks.map(({ attack, attempted, broken, gradientEvaluations, seconds }) => [
    attack,
    String(attempted),
    String(broken),
    String(gradientEvaluations),
    formatDuration(seconds),
  ]);
  const right = (title: string) => ({ title, align: "right" as const });
  for (const line of table([{ title: "attack" }, right("attempted"), right("broken"), right("gradients"), right("time")], rows))
    terminal.print(line);
  terminal.print();
  terminal.print(`${formatDuration(seconds)}; report and witnesses in ${input.out}`);
}
