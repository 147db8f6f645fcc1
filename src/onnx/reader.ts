/** What an import rule sees of a node: its inputs as values and its attributes as numbers, each with a clear error when it is not there. */
import { constantTensor, type Value } from "../graph/index.ts";
import type { DType, Tensor } from "../tensor/index.ts";
import { decodeTensor } from "./decode.ts";
import { elementName, elementTypes } from "./elements.ts";
import { OnnxError } from "./errors.ts";
import type { OnnxNode } from "./model.ts";
import { type AttributeProto, AttributeProto_AttributeType as AttributeType } from "./schema/onnx_pb.ts";

const largestTable = 1 << 26;

export class NodeReader {
  readonly node: OnnxNode;
  /** Version of the operator set that the node belongs to. */
  readonly opset: number;
  readonly inputs: readonly (Value | undefined)[];
  /** ONNX's element type of each input where the file says it, else that of the value's dtype. */
  readonly elementTypes: readonly string[];
  readonly #attributes: ReadonlyMap<string, AttributeProto>;

  constructor(
    node: OnnxNode,
    opset: number,
    inputs: readonly (Value | undefined)[],
    {
      attributes = node.attributes,
      elementTypes = [],
    }: { attributes?: ReadonlyMap<string, AttributeProto>; elementTypes?: readonly string[] } = {},
  ) {
    this.node = node;
    this.opset = opset;
    this.inputs = inputs;
    this.elementTypes = elementTypes;
    this.#attributes = attributes;
  }

  /** An input that must be there. */
  input(index: number): Value {
    return this.inputs[index] ?? this.fail(`lacks input ${index}`);
  }

  /** All inputs, of which there must be at least one and none may be left out. */
  all(): Value[] {
    if (this.inputs.length === 0) this.fail("has no inputs");
    return this.inputs.map((_, index) => this.input(index));
  }

  optional(index: number): Value | undefined {
    return this.inputs[index];
  }

  /** The numbers of an input that must be known before the model runs; undefined when it is left out. */
  knownOptional(index: number): number[] | undefined {
    const value = this.inputs[index];
    if (!value) return undefined;
    const tensor = constantTensor(value) ?? this.fail(`needs input ${index} to be constant, but it depends on the model's inputs`);
    return Array.from(tensor.data as Float64Array, Number);
  }

  known(index: number): number[] {
    return this.knownOptional(index) ?? this.fail(`lacks input ${index}`);
  }

  /** Whether an input is there and known before the model runs. */
  isKnown(index: number): boolean {
    const value = this.inputs[index];
    return value !== undefined && constantTensor(value) !== undefined;
  }

  /** Integers that are an attribute in older versions and an input in newer ones; undefined when neither is given. */
  knownEither(attribute: string, index: number): number[] | undefined {
    return this.knownOptional(index) ?? this.integers(attribute);
  }

  has(name: string): boolean {
    return this.#attributes.has(name);
  }

  integer(name: string, fallback: number): number {
    const attribute = this.#typed(name, AttributeType.INT);
    return attribute ? Number(attribute.i) : fallback;
  }

  flag(name: string, fallback = false): boolean {
    return this.integer(name, Number(fallback)) !== 0;
  }

  float(name: string, fallback: number): number {
    return this.#typed(name, AttributeType.FLOAT)?.f ?? fallback;
  }

  text(name: string, fallback: string): string {
    const attribute = this.#typed(name, AttributeType.STRING);
    return attribute ? new TextDecoder().decode(attribute.s) : fallback;
  }

  integers(name: string): number[] | undefined {
    return this.#typed(name, AttributeType.INTS)?.ints.map(Number);
  }

  floats(name: string): number[] | undefined {
    return this.#typed(name, AttributeType.FLOATS)?.floats;
  }

  texts(name: string): string[] | undefined {
    return this.#typed(name, AttributeType.STRINGS)?.strings.map((bytes) => new TextDecoder().decode(bytes));
  }

  tensor(name: string): Tensor | undefined {
    const attribute = this.#typed(name, AttributeType.TENSOR);
    return attribute?.t && decodeTensor(attribute.t);
  }

  /** Our dtype for an attribute that holds ONNX's code of an element type. */
  dtype(name: string, fallback: DType): DType {
    if (!this.has(name)) return fallback;
    const code = this.integer(name, 0);
    return elementTypes.get(code)?.dtype ?? this.fail(`asks for elements of ${elementName(code)}, which are not supported`);
  }

  /** The single number of a known input, or the fallback when it is left out. */
  scalar(index: number, fallback?: number): number {
    const numbers = this.knownOptional(index);
    if (!numbers && fallback !== undefined) return fallback;
    return numbers?.length === 1 ? numbers[0] : this.fail(`needs one known number as input ${index}`);
  }

  /** A number of elements that a rule is about to hold. */
  bounded(count: number): number {
    return count <= largestTable ? count : this.fail(`needs a table of ${count} numbers, which is too large`);
  }

  fail(problem: string): never {
    throw new OnnxError(`node "${this.node.name}" (${this.node.operator}) ${problem}`);
  }

  #typed(name: string, type: AttributeType): AttributeProto | undefined {
    const attribute = this.#attributes.get(name);
    if (!attribute) return undefined;
    if (attribute.type !== type && attribute.type !== AttributeType.UNDEFINED)
      this.fail(`has the attribute "${name}" of type ${AttributeType[attribute.type]}, where ${AttributeType[type]} is wanted`);
    return attribute;
  }
}
