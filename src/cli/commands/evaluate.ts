/** `saddle evaluate`: how accurate a model stays under attack. */
import { basename, join, resolve } from "node:path";
import { z } from "zod";
import { formatDuration, formatNumber } from "../../report/index.ts";
import { isEndpoint, isRun, moduleBeside, readSettings, runJob } from "../../runs/index.ts";
import { command } from "../command.ts";
import { UsageError } from "../errors.ts";
import { bounds, dataDir, device, fraction, inputShape, output, parseFraction, seed, threads } from "../fields.ts";
import { attackChoices, type EvaluateEvent, type EvaluateInput, type EvaluateResult } from "../jobs/evaluate.ts";
import { table } from "../table.ts";
import type { Terminal } from "../terminal.ts";
import { percent } from "./train.ts";

const text = (description: string) => ({ description });
const EXAMPLES = 1000;

/** Radii, as numbers or fractions with commas between them. */
const radii = z.union([z.number(), z.string(), z.array(z.union([z.number(), z.string()]))]).transform((given, context) => {
  const parts = (Array.isArray(given) ? given : String(given).split(",")).map(String);
  const values = parts.map(parseFraction);
  const wrong = values.findIndex((value) => !(Number.isFinite(value) && value >= 0));
  if (wrong < 0) return values;
  context.addIssue({
    code: "custom",
    message: `holds ${JSON.stringify(parts[wrong])}, which is no number of at least 0, nor a fraction such as 8/255`,
  });
  return z.NEVER;
});

export const evaluateOptions = z.object({
  target: z
    .string()
    .meta({ placeholder: "MODEL", description: "directory of a training run, an ONNX file, or the http(s) URL of an endpoint" }),
  attack: z
    .array(z.enum(attackChoices as [string, ...string[]]))
    .min(1)
    .default(["autoattack"])
    .meta(text("attacks in the order in which they run")),
  norm: z.enum(["linf", "l2", "l1", "l0"]).optional().meta(text("norm of the perturbation (default: the run's)")),
  eps: radii.optional().meta({
    placeholder: "ε,ε",
    description: "radius in input units, e.g. 0.3 or 8/255, or several for a curve (default: the run's)",
  }),
  steps: z.int().min(1).optional().meta(text("steps of the attacks that have them (pgd: 50)")),
  stepSize: fraction().optional().meta({ placeholder: "α", description: "length of a step of pgd (default: 2.5 ε/steps)" }),
  restarts: z.int().min(1).optional().meta(text("random starts of the attacks that have them")),
  queries: z.int().min(1).optional().meta(text("queries of square (default 5000)")),
  distances: z.boolean().default(false).meta(text("also measure the least perturbation that breaks each example")),
  noDiagnosis: z.boolean().default(false).meta(text("do not look for gradient masking")),
  weights: z.enum(["best", "last"]).default("best").meta(text("best on the run's validation examples, or those of the last step")),
  data: z.string().optional().meta(text("test data (default: the run's)")),
  examples: z.int().min(1).default(EXAMPLES).meta(text("how many of the first examples of the test split")),
  batch: z.int().min(8).default(128).meta(text("points per batch")),
  mean: z.array(z.number()).optional().meta(text("per-channel mean that a model file expects to be subtracted from its inputs")),
  deviation: z.array(z.number()).optional().meta(text("per-channel deviation that it expects inputs to be divided by")),
  inputShape,
  output,
  timeout: z.number().positive().default(30).meta(text("seconds that an endpoint may take for one batch")),
  out: z.string().optional().meta({ placeholder: "DIR", description: "folder of the report (default: in the run)" }),
  bounds,
  dataDir,
  seed,
  threads,
  lanes: z
    .int()
    .min(1)
    .default(1)
    .meta(text("examples are attacked in this many threads, each with the model on one processor (quicker for small models)")),
  device,
});

export default command({
  brief: "attack a model and say how robust it is",
  description:
    "Runs the attacks one after the other on the test split; each sees only what still stands. By default that is AutoAttack, standard. Every adversarial " +
    "point is written, read back and checked before it counts: its distance, the input domain, and the prediction. Then the model is probed for masked " +
    "gradients. Writes report.html, report.json, witnesses.npz and adversarial.png. Ctrl-C keeps what is done; the same command goes on. " +
    "A model that only predicts (a file with decision trees, an endpoint) is attacked as a black box. An endpoint is sent POST " +
    '{"instances": [x, …]}, x nested as an example, and answers {"predictions": [y, …]}, y the scores of the classes or the predicted class.',
  options: evaluateOptions,
  positional: ["target"],
  examples: [
    ["saddle evaluate runs/mnist", "AutoAttack at the ε of training"],
    ["saddle evaluate runs/mnist --eps 0.1,0.2,0.3 --distances", "a curve over ε, and how far each example is from breaking"],
    ["saddle evaluate runs/mnist --attack fgsm,pgd --eps 0.3 --steps 50 --restarts 10", "FGSM, then PGD with ten restarts on what stands"],
    ["saddle evaluate model.onnx --data npz:test.npz --eps 8/255", "your own model on your own data"],
    ["saddle evaluate http://localhost:8501/v1/models/m:predict --data mnist --eps 0.1", "a service, attacked by what it answers"],
    ["saddle evaluate runs/mnist --json | jq .robust", "the number alone"],
  ],
  async run({ target, attack, norm, eps, out, noDiagnosis, ...options }, terminal) {
    const endpoint = isEndpoint(target);
    if (endpoint && !URL.canParse(target))
      throw new UsageError(`${target} is no URL`, "an endpoint looks like http://localhost:8501/v1/models/m:predict");
    const settings = endpoint || !isRun(target) ? undefined : readSettings(target);
    const thing = endpoint ? "an endpoint" : "a model file";
    if (settings === undefined && options.data === undefined) throw new UsageError("which data?", `${thing} needs --data`);
    const radius = eps ?? settings?.eps;
    if (radius === undefined) throw new UsageError("which ε?", `${thing} needs --eps, e.g. --eps 8/255`);
    const name = endpoint ? new URL(target).host.replaceAll(/[^\w.-]/g, "-") : basename(target, ".onnx");
    const input: EvaluateInput = {
      ...options,
      target: endpoint ? target : resolve(target),
      attacks: attack,
      norm: norm ?? settings?.norm ?? "linf",
      eps: radius,
      diagnosis: !noDiagnosis,
      command: `saddle ${process.argv.slice(2).join(" ")}`,
      out: resolve(out ?? (settings ? join(target, "evaluation") : `runs/${name}-evaluation`)),
    };
    const result = await evaluateWithProgress(input, terminal);
    printResult(result, input, terminal);
    const { clean, robust, ...rest } = result;
    return {
      json: {
        clean: clean.value,
        robust: robust.value,
        cleanInterval: clean.interval,
        robustInterval: robust.interval,
        ...rest,
        out: input.out,
      },
    };
  },
});

/** Evaluates in a child process with a progress bar. */
export async function evaluateWithProgress(input: EvaluateInput, terminal: Terminal): Promise<EvaluateResult> {
  const bar = terminal.progress();
  try {
    return await runJob<EvaluateInput, EvaluateEvent, EvaluateResult>(moduleBeside(import.meta.url, "../jobs/evaluate"), input, {
      onEvent: ({ attack, done, total }) => bar.update(done / total, `${attack}: ${done} of ${total} examples`),
      onStopping: () => terminal.note("stopping; what is done is kept, and the same command goes on from there"),
    });
  } finally {
    bar.end();
  }
}

function printResult(result: EvaluateResult, input: EvaluateInput, terminal: Terminal): void {
  const { clean, robust, attacks, curve, distances, masking, soundness, seconds } = result;
  const interval = ([low, high]: readonly [number, number]) => `${(100 * low).toFixed(1)} – ${(100 * high).toFixed(1)} %`;
  const right = (title: string) => ({ title, align: "right" as const });
  const print = (columns: Parameters<typeof table>[0], rows: Parameters<typeof table>[1]) => {
    for (const line of table(columns, rows, { width: terminal.width })) terminal.print(line);
    terminal.print();
  };
  terminal.print(
    `${result.model} on ${result.examples} test examples of ${result.data}, ${input.norm} ε = ${curve.map(({ epsilon }) => formatNumber(epsilon)).join(", ")}`,
  );
  for (const word of [...result.notes, result.note ?? [], ...result.remarks].flat()) terminal.print(word);
  terminal.print();
  print(
    [{ title: "accuracy" }, right(""), right("95 % interval")],
    [
      ["clean", percent(clean.value), interval(clean.interval)],
      ...curve
        .slice(0, -1)
        .map((at) => [`robust, ε = ${formatNumber(at.epsilon)}`, percent(at.robust.value), interval(at.robust.interval)]),
      [curve.length > 1 ? `robust, ε = ${formatNumber(result.epsilon)}` : "robust", percent(robust.value), interval(robust.interval)],
    ],
  );
  print(
    [{ title: "attack" }, right("attempted"), right("broken"), right("forward"), right("gradients"), right("time")],
    attacks.map((a) => [
      a.attack,
      String(a.attempted),
      String(a.broken),
      String(a.forwardEvaluations),
      String(a.gradientEvaluations),
      formatDuration(a.seconds),
    ]),
  );
  if (distances) {
    const found = (value: number | null) => (value === null ? "none found" : formatNumber(value, 3));
    const shares = Object.entries(distances.quantiles).map(([share, value]) => `${100 * Number(share)} %: ${found(value)}`);
    terminal.print(`least perturbation in ${distances.norm}: median ${found(distances.median)} (${shares.join(", ")})`);
    terminal.print();
  }
  if (masking && masking.symptoms.length > 0) {
    terminal.print(terminal.style("yellow", "The robust accuracy above is likely too high:"));
    print(
      [{ title: "sign" }, { title: "measured", wrap: true }, { title: "what to do", wrap: true }],
      masking.symptoms.map(({ sign, evidence, remedy }) => [sign, evidence, remedy]),
    );
  } else if (masking) terminal.print(`no sign of gradient masking on ${masking.probed} examples`);
  terminal.print(`${soundness.witnesses} adversarial points read back and checked`);
  terminal.print(
    `${formatDuration(seconds)}, ${formatNumber(result.examplesPerSecond, 3)} examples per second; report.html, report.json and witnesses in ${input.out}`,
  );
}
