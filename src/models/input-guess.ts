/** What a model file takes as input: how its axes lie and in which units, guessed from its first nodes, with the reason. */
import type { OnnxModel, OnnxNode, OnnxPort, Wiring } from "../onnx/index.ts";
import { toFloat64 } from "../tensor/index.ts";

export type Layout = "channels first" | "channels last" | "vector";

export interface InputGuess {
  readonly layout: Layout;
  /** Bounds of the numbers that the file takes. */
  readonly low: number;
  readonly high: number;
  readonly reason: string;
}

/** Under this key a file may say the bounds of its inputs, as two numbers. */
export const domainKey = "saddlepoint.domain";

/** `flattened` says that a vector holds an image. */
export function guessInput(file: OnnxModel, port: OnnxPort, wires: Wiring, { flattened = false } = {}): InputGuess {
  const layout = guessLayout(port, wires);
  const told = file.file.metadataProps
    .find(({ key }) => key === domainKey)
    ?.value.split(" ")
    .map(Number);
  if (told?.length === 2 && told[0] < told[1]) return { layout, low: told[0], high: told[1], reason: "the file says so" };
  if (layout === "vector" && !flattened && port.elementType !== "uint8")
    return { layout, low: -Infinity, high: Infinity, reason: "the input is a vector, whose bounds the file does not tell" };
  if (port.elementType === "uint8") return { layout, low: 0, high: 255, reason: "the input has elements of uint8" };
  const steps = affineSteps(port.name, wires);
  if (steps.length === 0) {
    const reason =
      "the file does not normalize its input, so it is taken as [0, 1]; if it was trained on normalized images, give their mean and deviation";
    return { layout, low: 0, high: 1, reason };
  }
  const factor = steps.reduce((product, step) => product * step.factor, 1);
  const shift = steps.reduce((total, step) => total * step.factor + step.shift, 0);
  const written = steps.map(({ node, text }) => `${node.operator} ${text}`).join(", ");
  if (Math.abs(factor) < 0.1 || Math.abs(shift) > 10)
    return { layout, low: 0, high: 255, reason: `the file begins with ${written}, which fits pixels of 0 to 255` };
  return { layout, low: 0, high: 1, reason: `the file begins with ${written}, which fits pixels of 0 to 1` };
}

function guessLayout({ name, shape }: OnnxPort, wires: Wiring): Layout {
  if (!shape || shape.length <= 2) return "vector";
  const turned = wires.users(name).some(({ node }) => {
    const order = node.operator === "Transpose" ? node.attributes.get("perm")?.ints.map(Number) : undefined;
    return order !== undefined && order[1] === order.length - 1;
  });
  const few = (extent: number | string | undefined) => typeof extent === "number" && extent <= 4;
  const last = shape[shape.length - 1];
  return turned || (shape.length === 4 && few(last) && !few(shape[1])) ? "channels last" : "channels first";
}

interface AffineStep {
  readonly node: OnnxNode;
  readonly factor: number;
  readonly shift: number;
  readonly text: string;
}

/** Additions of and multiplications by constants before anything else happens to the input; of several numbers their mean counts. */
function affineSteps(name: string, wires: Wiring): AffineStep[] {
  const steps: AffineStep[] = [];
  for (let current = name; steps.length < 8; ) {
    const users = wires.users(current);
    if (users.length !== 1) break;
    const [{ node, slot }] = users;
    if (["Transpose", "Cast", "Identity", "Reshape"].includes(node.operator)) {
      current = node.outputs[0];
      continue;
    }
    const other = node.inputs.length === 2 ? wires.constant(node.inputs[1 - slot]) : undefined;
    if (!other || other.data.length > 4) break;
    const numbers = toFloat64(other);
    const mean = numbers.reduce((a, b) => a + b, 0) / numbers.length;
    const effect = affine(node.operator, mean, slot);
    if (!effect) break;
    steps.push({ node, ...effect, text: Array.from(numbers, (v) => Number(v.toPrecision(4))).join(" ") });
    current = node.outputs[0];
  }
  return steps;
}

function affine(operator: string, c: number, slot: number): { factor: number; shift: number } | undefined {
  switch (operator) {
    case "Add":
      return { factor: 1, shift: c };
    case "Sub":
      return slot === 0 ? { factor: 1, shift: -c } : { factor: -1, shift: c };
    case "Mul":
      return { factor: c, shift: 0 };
    case "Div":
      return slot === 0 ? { factor: 1 / c, shift: 0 } : undefined;
    default:
      return undefined;
  }
}
