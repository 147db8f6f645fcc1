/** `saddle inspect`: what an ONNX file is, which of its numbers can be trained, and whether it can be differentiated. */
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { type Inspection, inspectModel } from "../../models/index.ts";
import { readOnnxFile } from "../../onnx/node/index.ts";
import { formatNumber } from "../../report/format.ts";
import { RunError } from "../../runs/errors.ts";
import { command } from "../command.ts";
import { inputShape, output } from "../fields.ts";
import { table } from "../table.ts";
import type { Terminal } from "../terminal.ts";

const text = (description: string) => ({ description });

const BLACK_BOX = "saddle evaluate attacks the file as a black box, saddle train cannot train it";

export default command({
  brief: "what an ONNX file is, and whether it can be attacked and trained",
  options: z.object({
    file: z.string().meta({ placeholder: "FILE", description: "an ONNX file" }),
    mean: z.array(z.number()).optional().meta(text("per-channel mean that the file expects to be subtracted from its inputs")),
    deviation: z.array(z.number()).optional().meta(text("per-channel deviation that it expects inputs to be divided by")),
    inputShape,
    output,
    parameters: z.boolean().default(false).meta(text("list every parameter")),
  }),
  positional: ["file"],
  examples: [
    ["saddle inspect model.onnx", "inputs, operators, parameters, work, input domain"],
    ["saddle inspect model.onnx --parameters", "also which numbers are trained, statistics or fixed"],
  ],
  async run({ file, parameters, ...options }, terminal) {
    if (!existsSync(file)) throw new RunError(`there is no file ${file}`, "give the path of an ONNX file");
    if (statSync(file).isDirectory())
      throw new RunError(`${file} is a folder`, `a training run keeps its file as ${join(file, "model.onnx")}`);
    const found = inspectModel(readOnnxFile(file), options);
    printInspection(file, found, terminal);
    if (parameters) printParameters(found, terminal);
    return { json: found };
  },
});

function printInspection(
  file: string,
  { producer, opset, inputs, outputs, operators, unsupported, parameterCount, classifier }: Inspection,
  terminal: Terminal,
): void {
  const ports = (list: Inspection["inputs"]) =>
    list.map(({ name, elementType, shape }) => `${name} ${elementType}[${shape?.map((extent) => extent ?? "?") ?? "?"}]`).join(", ");
  const rows = [
    ["file", `${file} (${producer || "unknown producer"}, opset ${opset})`],
    ["inputs", ports(inputs)],
    ["outputs", ports(outputs)],
    [
      "operators",
      Object.entries(operators)
        .map(([name, nodes]) => `${nodes}× ${name}`)
        .join(", "),
    ],
    ["parameters", `${parameterCount.trained} trained, ${parameterCount.statistic} in statistics, ${parameterCount.fixed} fixed`],
    ...unsupported.map(({ operator, nodes, reason }) => ["unsupported", `${nodes}× ${operator}${reason ? `: ${reason}` : ""}`]),
    ...(unsupported.length > 0 ? [["gradients", `none: ${BLACK_BOX}`]] : []),
    ...classifierRows(classifier),
  ];
  const columns = [{ title: "" }, { title: "", wrap: true }];
  const [, ...lines] = table(
    columns,
    rows.map(([name, value]) => [{ text: name, style: (words: string) => terminal.style("dim", words) }, value]),
    { width: terminal.width },
  );
  for (const line of lines) terminal.print(line);
}

function classifierRows(classifier: Inspection["classifier"]): string[][] {
  if ("problem" in classifier) return [["classifier", classifier.problem]];
  const { inputShape, domain, classes, guess, notes, flops, activationBytes, weightBytes, flat, obstacle, straightThrough } = classifier;
  const mebibytes = (bytes: number) => `${formatNumber(bytes / 2 ** 20, 3)} MiB`;
  return [
    [
      "classifier",
      `${classes} classes, inputs [${inputShape}] ${Number.isFinite(domain.low) ? `in ${domain.low}..${domain.high}` : "without bounds"}`,
    ],
    ["domain", guess.reason],
    [
      "work",
      `${formatNumber(flops / 1e6, 3)} MFLOP for a forward pass of one example, ${mebibytes(activationBytes)} of activations, ${mebibytes(weightBytes)} of weights`,
    ],
    ["gradients", obstacle ? `${obstacle}: ${BLACK_BOX}` : "every operator between inputs and logits is differentiable"],
    ...(flat.length > 0 && !obstacle ? [["gradients", `no gradient passes through ${flat.join(", ")}`]] : []),
    ...(straightThrough.length > 0 ? [["gradients", `straight-through estimate at ${straightThrough.join(", ")}`]] : []),
    ...notes.map((note) => ["note", note]),
  ];
}

function printParameters({ parameters }: Inspection, terminal: Terminal): void {
  const rows = parameters.map(({ name, shape, role, use }) => [name, `[${shape}]`, role, use]);
  terminal.print();
  for (const line of table([{ title: "parameter" }, { title: "shape" }, { title: "role" }, { title: "use" }], rows, {
    width: terminal.width,
  }))
    terminal.print(line);
}
