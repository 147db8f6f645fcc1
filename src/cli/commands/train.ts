/** `saddle train`: adversarial training in a run directory. */
import { resolve } from "node:path";
import { z } from "zod";
import { sources } from "../../data/node/index.ts";
import { activations, architectureNames } from "../../models/index.ts";
import { formatDuration } from "../../report/index.ts";
import { defenseNames, isOnnxFile, moduleBeside, type RunEvent, readSettings, runJob, type TrainingSummary } from "../../runs/index.ts";
import { scheduleNames } from "../../training/index.ts";
import { command } from "../command.ts";
import { UsageError } from "../errors.ts";
import { bounds, dataDir, device, fraction, inputShape, output, seed, threads } from "../fields.ts";
import type { TrainInput } from "../jobs/train.ts";
import { table } from "../table.ts";
import type { Terminal } from "../terminal.ts";

const text = (description: string) => ({ description });

export default command({
  brief: "train a model so that it withstands attacks",
  description:
    "Trains in a run directory: config.json, metrics.jsonl, checkpoint.npz and, at the end, model.onnx with the weights of the best robust accuracy on " +
    'examples held back from training. Ctrl-C saves; --resume goes on bit for bit. The defaults are the recipe of "Fast is better than free" for MNIST.',
  options: z.object({
    data: z
      .string()
      .default("digits")
      .meta(text(`training data: ${sources.join(", ")}`)),
    model: z
      .string()
      .default("mnist-fast")
      .meta(text(`network: ${architectureNames.join(", ")}; or an .onnx file to start from`)),
    defense: z.enum(defenseNames).default("fgsm-rs").meta(text("what is done against the adversary")),
    norm: z.enum(["linf", "l2"]).default("linf").meta(text("norm of the perturbation")),
    eps: fraction()
      .optional()
      .meta({ placeholder: "ε", description: "radius in input units, e.g. 0.3 or 8/255 (default: usual for the data)" }),
    steps: z.int().min(1).default(10).meta(text("steps of the attack inside training; iterations of operator-norm (free: see --replays)")),
    stepSize: fraction()
      .optional()
      .meta({ placeholder: "α", description: "length of an attack step (default: 2.5 ε/steps; dynamic: ε/4; fgsm-rs: 1.25 ε; free: ε)" }),
    attackMode: z.enum(["inference", "training"]).default("inference").meta(text("batch normalization during the attack")),
    warmup: z.number().min(0).default(0).meta(text("epochs over which ε grows from 0")),
    clipStart: z.boolean().optional().meta(text("fgsm-rs: clip the random start to the input domain (training may collapse)")),
    foscMax: z.number().min(0).optional().meta(text("dynamic: threshold of FOSC at the start (default 0.5)")),
    foscEpochs: z.number().min(0).optional().meta(text("dynamic: epoch at which the threshold is 0 (default: 5/6 of training)")),
    foscInBox: z.boolean().optional().meta(text("dynamic: FOSC over the ball within the input domain (linf)")),
    foscFromStart: z.boolean().optional().meta(text("dynamic: FOSC relative to the random start, as in the released code")),
    selfWeighted: z.boolean().optional().meta(text("dynamic: losses weighted by themselves, as in the released code")),
    beta: z.number().min(0).optional().meta(text("trades, mart: weight of the divergence (default 6, 5)")),
    gamma: z.number().min(0).optional().meta(text("awp: relative length of the weight perturbation (default 0.01, with trades 0.005)")),
    replays: z.int().min(1).optional().meta(text("free: weight steps per batch (default 8)")),
    learnt: z.number().min(0).max(1).optional().meta(text("curriculum: accuracy at which the next lesson begins (default 0.9)")),
    lambda: z
      .number()
      .min(0)
      .optional()
      .meta(text("operator-norm, global-spectral, input-gradient: weight of the penalty (default 0.02, 3e-4, 1)")),
    outputNorm: z
      .enum(["l1", "l2", "linf"])
      .optional()
      .meta(text("operator-norm: q of the (p, q) norm, of changes of the logits (default l2); p is --norm")),
    normForm: z
      .enum(["sum-of-squares", "jacobian"])
      .optional()
      .meta(text("operator-norm: the change of the logits at ε (default), or the derivative")),
    spectralConvolution: z
      .enum(["reshaped", "exact"])
      .optional()
      .meta(text("global-spectral: a kernel's norm as a matrix (default), or that of the convolution")),
    onOverfitting: z
      .enum(["ignore", "warn", "stop", "roll-back"])
      .default("warn")
      .meta(text("what is done when robust accuracy on the validation examples collapses or falls behind")),
    epochs: z.int().min(1).default(10).meta(text("passes over the data")),
    batch: z.int().min(1).default(100).meta(text("examples per step")),
    optimizer: z.enum(["sgd", "adam", "adamw"]).default("adam").meta(text("descent on the weights")),
    rate: fraction().default(5e-3).meta({ placeholder: "η", description: "highest learning rate" }),
    schedule: z.enum(scheduleNames).default("cyclic").meta(text("how the learning rate changes")),
    milestones: z.array(z.number()).optional().meta(text("epochs at which the step schedule divides the rate by ten")),
    momentum: z.number().min(0).max(1).default(0.9).meta(text("momentum of sgd")),
    nesterov: z.boolean().default(false).meta(text("Nesterov's momentum")),
    weightDecay: z.number().min(0).default(0).meta(text("weight decay")),
    clip: z.number().positive().optional().meta(text("largest norm of the gradient")),
    ema: z.number().min(0).max(1).optional().meta(text("decay of a moving average of the weights, used for prediction")),
    augment: z.enum(["none", "crop-flip", "rotate-shift"]).default("none").meta(text("random changes of the training images")),
    examples: z.int().min(1).optional().meta(text("use only the first examples")),
    validation: z.int().min(0).default(1000).meta(text("examples held back to choose the best weights (0: none)")),
    width: z.int().min(1).optional().meta(text("width of the networks that have one")),
    depth: z.int().min(1).optional().meta(text("layers of wide-resnet-34-10 (10, 16, 22, …; its width is the widening factor)")),
    activation: z
      .enum(Object.keys(activations) as [keyof typeof activations])
      .optional()
      .meta(text("activation of mlp and two-layer")),
    inputShape,
    output,
    mean: z.array(z.number()).optional().meta(text("per-channel mean that the model subtracts from its inputs")),
    deviation: z.array(z.number()).optional().meta(text("per-channel deviation that the model divides by")),
    checkpointSeconds: z.number().positive().default(30).meta(text("seconds between checkpoints within an epoch")),
    out: z.string().optional().meta({ placeholder: "DIR", description: "run directory (default: runs/DATA-MODEL-DEFENSE)" }),
    resume: z.string().optional().meta({ placeholder: "DIR", description: "go on with the run in this directory; its settings are kept" }),
    bounds,
    dataDir,
    seed,
    threads,
    device,
  }),
  examples: [
    ["saddle train", "a robust network on the embedded digits, in runs/digits-mnist-fast-fgsm-rs"],
    ["saddle train --data mnist --eps 0.3 --out runs/mnist", "the published MNIST recipe"],
    [
      "saddle train --data cifar10 --model preact-resnet-18 --defense pgd --eps 8/255 --optimizer sgd --rate 0.1 --augment crop-flip",
      "PGD training on CIFAR-10",
    ],
    ["saddle train --resume runs/mnist", "goes on after Ctrl-C"],
  ],
  async run({ resume, out, ...options }, terminal) {
    if (resume === undefined && !architectureNames.includes(options.model) && !isOnnxFile(options.model)) {
      throw new UsageError(
        `there is no network "${options.model}"`,
        `choose one of ${architectureNames.join(", ")}, or give an .onnx file`,
      );
    }
    const meant = isOnnxFile(options.model) ? undefined : options.inputShape ? "--input-shape" : options.output && "--output";
    if (meant) throw new UsageError(`${meant} is for .onnx files: a built-in network takes the shape of the data`);
    const request = resume === undefined ? options : undefined;
    const directory = resolve(
      resume ?? out ?? `runs/${[options.data, options.model, options.defense].join("-").replaceAll(/[^\w-]+/g, "-")}`,
    );
    const { epochs } = request ?? readSettings(directory);
    const summary = await trainWithProgress({ directory, request }, epochs, terminal);
    printSummary(summary, terminal);
    return { json: summary, exitCode: summary.stopped ? 130 : 0 };
  },
});

/** Trains in a child process with a progress bar; one line per epoch. */
export async function trainWithProgress(input: TrainInput, epochs: number, terminal: Terminal): Promise<TrainingSummary> {
  const bar = terminal.progress({ total: epochs });
  let perEpoch = 1;
  try {
    return await runJob<TrainInput, RunEvent, TrainingSummary>(moduleBeside(import.meta.url, "../jobs/train"), input, {
      onStopping: () => terminal.note("stopping: saving a checkpoint …"),
      onEvent(event) {
        if (event.type === "start") {
          perEpoch = event.stepsPerEpoch;
          if (event.step > 0) terminal.note(`going on after step ${event.step} of ${perEpoch * event.epochs}`);
        } else if (event.type === "step")
          bar.update(event.step / perEpoch, `loss ${event.loss.toFixed(3)}, accuracy ${percent(event.accuracy)}`);
        else if (event.type === "overfitting") {
          bar.end();
          const then = { warn: "", stop: "; training ends here", "roll-back": "; back to the best weights" }[event.action];
          terminal.note(`${event.message}${then}`);
        } else {
          bar.end();
          const validation =
            event.robust === undefined
              ? ""
              : `  validation clean ${percent(event.clean as number)} robust ${percent(event.robust)}${event.best ? " ★" : ""}`;
          terminal.print(
            `epoch ${String(event.epoch + 1).padStart(String(epochs).length)}/${epochs}  loss ${event.loss.toFixed(4)}  training ${percent(event.accuracy)}${validation}  ${formatDuration(event.seconds)}`,
          );
        }
      },
    });
  } finally {
    bar.end();
  }
}

function printSummary(summary: TrainingSummary, terminal: Terminal): void {
  if (summary.stopped) {
    terminal.print(`stopped; saddle train --resume ${summary.directory} goes on`);
    return;
  }
  if (summary.robust !== undefined) {
    const rows = [
      [`best (epoch ${summary.bestEpoch})`, percent(summary.clean as number), percent(summary.robust)],
      // A run that had ended already has no last epoch of its own.
      ...(summary.lastRobust === undefined ? [] : [["last", percent(summary.lastClean as number), percent(summary.lastRobust)]]),
    ];
    for (const line of table(
      [{ title: "weights" }, { title: "clean", align: "right" }, { title: "robust (PGD-10)", align: "right" }],
      rows,
    ))
      terminal.print(line);
  }
  if (summary.guessing)
    terminal.note(
      "training has not left its start: an ε that grows over the first epochs (--warmup 3) often helps, a smaller --rate sometimes",
    );
  terminal.print(`${summary.parameters} parameters, ${formatDuration(summary.seconds)}; run and model.onnx in ${summary.directory}`);
}

export function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
