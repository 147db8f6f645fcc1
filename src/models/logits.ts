/** Where in a model file the logits are: before a softmax or sigmoid at the end, which is cut off. */
import { OnnxError, type OnnxModel, type OnnxNode, type Wiring } from "../onnx/index.ts";

export interface LogitsPlace {
  /** Name of the tensor. */
  readonly name: string;
  /** Whether it is the logit of the second of two classes. */
  readonly binary: boolean;
  /** What was cut off, in words; undefined when the file gives logits already. */
  readonly note: string | undefined;
}

/** @throws OnnxError when the model has no output that could hold scores of classes. */
export function findLogits(model: OnnxModel, wires: Wiring, output?: string): LogitsPlace {
  const start = output ?? scoresOf(model, wires);
  const end = behind(start, wires);
  const node = wires.maker(end);
  if (node?.operator === "Softmax" || node?.operator === "LogSoftmax") {
    return {
      name: node.inputs[0],
      binary: false,
      note: `the file ends in ${node.operator} ("${node.name}"); the logits before it are used`,
    };
  }
  const sigmoid = node?.operator === "Sigmoid" ? node : node && complementOf(node, wires);
  if (sigmoid) {
    const note = `the file ends in Sigmoid ("${sigmoid.name}"), the probability of the second class; the classes' logits are 0 and what enters it`;
    return { name: sigmoid.inputs[0], binary: true, note };
  }
  return { name: end, binary: false, note: undefined };
}

/** The only output, or of several the only one with floats that has one number per class. */
function scoresOf(model: OnnxModel, wires: Wiring): string {
  const candidates = model.outputs.flatMap(({ name, dtype, elementType }) => {
    if (dtype) return dtype.startsWith("float") ? [name] : [];
    const maker = wires.maker(name);
    return elementType === "sequence" && maker?.operator === "ZipMap" ? [maker.inputs[0]] : [];
  });
  if (candidates.length === 1) return candidates[0];
  const names = model.outputs.map(({ name }) => `"${name}"`).join(", ");
  throw new OnnxError(
    candidates.length === 0
      ? `none of the outputs ${names} holds scores of classes`
      : `the model has several outputs (${names}): name the one that holds the scores of the classes (--output ${candidates[0]})`,
  );
}

/** Seen through nodes that only hand on. */
function behind(name: string, wires: Wiring): string {
  const node = wires.maker(name);
  return node && (node.operator === "Identity" || node.operator === "Cast") ? behind(node.inputs[0], wires) : name;
}

/** The sigmoid p of a Concat of 1 − p and p, as scikit-learn's exporter writes two classes. */
function complementOf(node: OnnxNode, wires: Wiring): OnnxNode | undefined {
  if (node.operator !== "Concat" || node.inputs.length !== 2) return undefined;
  const [first, second] = node.inputs.map((name) => wires.maker(name));
  const isComplement = first?.operator === "Sub" && first.inputs[1] === node.inputs[1] && wires.constant(first.inputs[0])?.data[0] === 1;
  return isComplement && second?.operator === "Sigmoid" ? second : undefined;
}
