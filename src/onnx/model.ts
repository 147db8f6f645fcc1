/** An ONNX model as a record: what goes in and out, its numbers, its nodes in computable order. `build.ts` makes graphs from it. */
import type { Value } from "../graph/index.ts";
import type { DType, Tensor } from "../tensor/index.ts";
import type { AttributeProto, ModelProto } from "./schema/onnx_pb.ts";

/** Axis extents: a number, the name of a free one (usually the batch), or undefined when nothing is said. */
export type SymbolicShape = readonly (number | string | undefined)[];

/** An input or output of a model. */
export interface OnnxPort {
  readonly name: string;
  /** ONNX's name of the element type ("float32", "float16", "int8", …), or of the container ("sequence", "map", "optional"). */
  readonly elementType: string;
  /** What we compute in; undefined for containers and types that we do not take. */
  readonly dtype: DType | undefined;
  /** Undefined when not even the rank is known. */
  readonly shape: SymbolicShape | undefined;
}

export interface OnnxNode {
  readonly name: string;
  readonly operator: string;
  readonly domain: string;
  /** Names; "" for an optional input left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, AttributeProto>;
}

export interface OnnxGraph {
  readonly nodes: readonly OnnxNode[];
  readonly initializers: ReadonlyMap<string, Tensor>;
  readonly inputs: readonly OnnxPort[];
  readonly outputs: readonly OnnxPort[];
}

/** A function defined inside the model, by which its nodes call. */
export interface OnnxFunction {
  readonly nodes: readonly OnnxNode[];
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly opsets: ReadonlyMap<string, number>;
}

export interface OnnxModel extends OnnxGraph {
  /** Who wrote the file, e.g. "pytorch 1.13". */
  readonly producer: string;
  /** Version of the standard operators. */
  readonly opset: number;
  readonly opsets: ReadonlyMap<string, number>;
  readonly functions: ReadonlyMap<string, OnnxFunction>;
  /** Element type in the file of every initializer, by ONNX's name. */
  readonly elementTypes: ReadonlyMap<string, string>;
  /** The decoded file, with all that we do not know about. */
  readonly file: ModelProto;
  /**
   * The graph for the given inputs, specialized to their shapes: shape arithmetic is computed away, functions and constant branches are inlined.
   * `initializers` take the place of those in the file; `outputs` may name any tensor of the model (default: its outputs).
   * @throws UnsupportedOperatorError for a node that is needed and not known; OnnxError when the inputs do not fit or a node is malformed.
   */
  build(
    inputs: Readonly<Record<string, Value>>,
    initializers?: Readonly<Record<string, Value>>,
    outputs?: readonly string[],
  ): Record<string, Value>;
}
