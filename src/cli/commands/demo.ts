/** `saddle demo`: the difference that adversarial training makes, on the embedded digits, in under a minute. */
import { rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { z } from "zod";
import { ascii, batch } from "../../data/index.ts";
import { loadData } from "../../data/node/index.ts";
import { formatDuration } from "../../report/index.ts";
import { type DefenseName, readWitnesses, type TrainingRequest } from "../../runs/index.ts";
import { concatRows } from "../../tensor/index.ts";
import { command } from "../command.ts";
import { fraction, seed, threads } from "../fields.ts";
import type { EvaluateResult } from "../jobs/evaluate.ts";
import { table } from "../table.ts";
import type { Terminal } from "../terminal.ts";
import { evaluateWithProgress } from "./evaluate.ts";
import { percent, trainWithProgress } from "./train.ts";

const text = (description: string) => ({ description });

export default command({
  brief: "train a standard and a robust model on drawn digits and attack both",
  options: z.object({
    eps: fraction().default(0.2).meta({ placeholder: "ε", description: "radius of the L∞ perturbation, inputs in 0..1" }),
    epochs: z.int().min(1).default(4).meta(text("passes over the data")),
    out: z
      .string()
      .default("runs/demo")
      .meta({ placeholder: "DIR", description: "folder of both runs; what it holds of an earlier demo is replaced" }),
    seed,
    threads,
  }),
  examples: [["saddle demo", "what npm start runs"]],
  async run({ eps, epochs, out, seed, threads }, terminal) {
    const began = performance.now();
    const results: { defense: DefenseName; directory: string; evaluation: EvaluateResult }[] = [];
    for (const defense of ["none", "fgsm-rs"] as const) {
      terminal.print(terminal.style("bold", defense === "none" ? "A standard model" : "\nA robust model (fast adversarial training)"));
      const directory = resolve(out, defense === "none" ? "standard" : "robust");
      rmSync(directory, { recursive: true, force: true });
      await trainWithProgress({ directory, request: request({ defense, eps, epochs, seed, threads }) }, epochs, terminal);
      const evaluation = await evaluateWithProgress(
        {
          target: directory,
          weights: "best",
          attacks: ["pgd"],
          norm: "linf",
          eps,
          steps: 20,
          restarts: 5,
          batch: 128,
          examples: 1000,
          seed,
          threads,
          out: join(directory, "evaluation"),
        },
        terminal,
      );
      results.push({ defense, directory, evaluation });
    }
    await show(results, eps, terminal);
    terminal.print(
      `${formatDuration((performance.now() - began) / 1000)} in all. Go on: saddle evaluate ${join(out, "robust")} --attack pgd --steps 100 --restarts 10`,
    );
    const [standard, robust] = results.map(({ directory, evaluation: { clean, robust, sheet } }) => ({
      clean: clean.value,
      robust: robust.value,
      run: directory,
      sheet,
    }));
    return { json: { clean: robust.clean, robust: robust.robust, eps, models: { standard, robust } } };
  },
});

async function show(
  results: readonly { defense: DefenseName; directory: string; evaluation: EvaluateResult }[],
  eps: number,
  terminal: Terminal,
): Promise<void> {
  const rows = results.map(({ defense, directory, evaluation: { clean, robust } }) => [
    defense === "none" ? "standard" : "robust",
    percent(clean.value),
    { text: percent(robust.value), style: (words: string) => terminal.style(robust.value > 0.5 ? "green" : "red", words) },
    directory,
  ]);
  terminal.print();
  const columns = [
    { title: "model" },
    { title: "clean", align: "right" as const },
    { title: `PGD-20×5, ε = ${eps}`, align: "right" as const },
    { title: "run" },
  ];
  for (const line of table(columns, rows)) terminal.print(line);
  const witness = readWitnesses(join(results[0].directory, "evaluation"), 1)[0];
  if (witness) {
    const { x } = batch(await loadData("digits", { split: "test" }), [witness.index]);
    terminal.print(`\nA ${witness.label}, and what the standard model takes for a ${witness.adversarial}:\n`);
    terminal.print(ascii(concatRows([x, witness.point])));
  }
  for (const { evaluation } of results) if (evaluation.sheet) terminal.print(`pictures: ${evaluation.sheet}`);
}

function request({
  defense,
  eps,
  epochs,
  seed,
  threads,
}: Pick<TrainingRequest, "defense" | "epochs" | "seed" | "threads"> & { eps: number }): TrainingRequest {
  return {
    data: "digits",
    model: "mnist-fast",
    defense,
    norm: "linf",
    eps,
    epochs,
    seed,
    threads,
    validation: 500,
    augment: "none",
    steps: 10,
    attackMode: "inference",
    warmup: 0.3 * epochs,
    batch: 100,
    optimizer: "adam",
    rate: 5e-3,
    schedule: "cyclic",
    momentum: 0.9,
    nesterov: false,
    weightDecay: 0,
    checkpointSeconds: 30,
  };
}
