/**
 * A graph as the bytes of an ONNX model (IR 8, opset 18), with static shapes.
 * What ONNX knows under the same name is written as it is; `rules.ts` has the rest.
 */
import { create, toBinary } from "@bufbuild/protobuf";
import { describe, GraphError, isInput, topological, type Value } from "../graph/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { inOnnxTerms } from "./canonical.ts";
import { poolingRules } from "./pooling.ts";
import { attributeProto, type NodeAttribute, tensorProto, valueInfoProto } from "./protos.ts";
import { type Emitter, plainRule, type Rule, rules } from "./rules.ts";
import { GraphProtoSchema, ModelProtoSchema, type NodeProto, NodeProtoSchema, type TensorProto } from "./schema/onnx_pb.ts";

export type NamedValues = Readonly<Record<string, Value>>;

export interface ExportOptions {
  /** Name of the graph. */
  name?: string;
  /** How operators outside the canonical table are written; they come before the standard rules. */
  extraRules?: ReadonlyMap<string, Rule>;
  /** Operator sets beside the standard one, with their versions. */
  domains?: Readonly<Record<string, number>>;
}

/**
 * The bytes of a model that computes `outputs` from `inputs`; the records' keys are the names in the file.
 * @throws GraphError when the outputs need a placeholder that is not among the inputs, or a name stands on both sides.
 */
export function exportOnnx(
  inputs: NamedValues,
  outputs: NamedValues,
  { name = "saddlepoint", extraRules = new Map(), domains = {} }: ExportOptions = {},
): Uint8Array {
  for (const key of Object.keys(outputs)) {
    if (key in inputs) throw new GraphError(`"${key}" names an input and an output, which an ONNX model does not allow`);
  }
  const results = inOnnxTerms(Object.values(outputs));
  const { nodes, initializers, names } = writeNodes(
    inputs,
    results,
    extraRules,
    new Set([...Object.keys(inputs), ...Object.keys(outputs)]),
  );
  const renamed = new Map<string, string>();
  const own = new Set(nodes.flatMap((node) => node.output));
  for (const [i, key] of Object.keys(outputs).entries()) {
    const [written] = names.get(results[i]) as readonly string[];
    if (own.has(written) && !renamed.has(written)) renamed.set(written, key);
    else nodes.push(create(NodeProtoSchema, { opType: "Identity", input: [written], output: [key] }));
  }
  const rename = (tensor: string) => renamed.get(tensor) ?? tensor;
  for (const node of nodes) {
    node.input = node.input.map(rename);
    node.output = node.output.map(rename);
  }
  const model = create(ModelProtoSchema, {
    irVersion: 8n,
    producerName: "saddlepoint",
    opsetImport: Object.entries({ "": 18, ...domains }).map(([domain, version]) => ({ domain, version: BigInt(version) })),
    graph: create(GraphProtoSchema, {
      name,
      node: nodes,
      initializer: initializers,
      input: Object.entries(inputs).map(([key, { dtype, shape }]) => valueInfoProto(key, dtype, shape)),
      output: Object.entries(outputs).map(([key, { dtype, shape }]) => valueInfoProto(key, dtype, shape)),
    }),
  });
  return toBinary(ModelProtoSchema, model);
}

const standardRules = new Map([...rules, ...poolingRules]);

interface Written {
  readonly nodes: NodeProto[];
  readonly initializers: TensorProto[];
  readonly names: ReadonlyMap<Value, readonly string[]>;
}

function writeNodes(inputs: NamedValues, outputs: readonly Value[], extraRules: ReadonlyMap<string, Rule>, taken: Set<string>): Written {
  const nodes: NodeProto[] = [];
  const initializers = new Map<string, TensorProto>();
  const names = new Map<Value, readonly string[]>(Object.entries(inputs).map(([key, value]) => [value, [key]]));
  let created = 0;
  const fresh = () => {
    let tensor: string;
    do tensor = `_${created++}`;
    while (taken.has(tensor));
    return tensor;
  };
  const emitter: Emitter = {
    nameOf: (value, output = 0) => (names.get(value) as readonly string[])[output],
    constant(tensor) {
      const key = contentKey(tensor) ?? fresh();
      const known = initializers.get(key);
      if (known) return known.name;
      const proto = tensorProto(fresh(), tensor);
      initializers.set(key, proto);
      return proto.name;
    },
    node(type, operands, attributes = {}, { domain = "", outputs: count = 1 } = {}) {
      const results = Array.from({ length: count }, fresh);
      const given = Object.entries(attributes).filter((entry): entry is [string, NodeAttribute] => entry[1] !== undefined);
      const attribute = given.map(([key, value]) => attributeProto(key, value));
      nodes.push(create(NodeProtoSchema, { opType: type, domain, input: [...operands], output: results, attribute }));
      return results;
    },
  };
  for (const value of topological(outputs)) {
    if (names.has(value)) continue;
    if (isInput(value)) throw new GraphError(`the outputs need ${describe(value)}, which is not among the inputs (${Object.keys(inputs)})`);
    const rule = extraRules.get(value.operator.name) ?? standardRules.get(value.operator.name) ?? plainRule;
    names.set(value, rule(value, emitter));
  }
  return { nodes, initializers: [...initializers.values()], names };
}

/** Equal small constants share one initializer. */
function contentKey({ dtype, shape, data }: Tensor): string | undefined {
  return data.length <= 16
    ? `${dtype}[${shape}]:${Array.from(data as Float64Array, (v) => (Object.is(v, -0) ? "-0" : String(v)))}`
    : undefined;
}
