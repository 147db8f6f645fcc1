/** `saddle export`: the model of a run as an ONNX file. */
import { resolve } from "node:path";
import { z } from "zod";
import { modelSource, readModel, writeAtomic } from "../../runs/index.ts";
import { command } from "../command.ts";

export default command({
  brief: "write a run's model as an ONNX file",
  description:
    "The file has a free batch axis and gives logits. A run that started from an ONNX file gives that file back, with its weights replaced.",
  options: z.object({
    run: z.string({ error: "which run?" }).meta({ placeholder: "RUN", description: "directory of a training run" }),
    to: z.string().default("model.onnx").meta({ placeholder: "FILE", description: "file to write" }),
    weights: z
      .enum(["best", "last"])
      .default("best")
      .meta({ description: "best on the run's validation examples, or those of the last step" }),
  }),
  positional: ["run"],
  examples: [["saddle export runs/mnist --to robust.onnx", "the weights of the best robust accuracy"]],
  async run({ run, to, weights }, terminal) {
    const { model, settings, epoch } = readModel(resolve(run), weights);
    const bytes = await modelSource(settings, resolve(run)).export(model.weights);
    writeAtomic(resolve(to), bytes);
    terminal.print(`${model.network.name}${epoch ? `, best weights (epoch ${epoch})` : ", last weights"}: ${bytes.length} bytes in ${to}`);
    return { json: { file: resolve(to), bytes: bytes.length, network: model.network.name, epoch } };
  },
});
