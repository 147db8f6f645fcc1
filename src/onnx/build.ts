/** From nodes to values: every node is imported by the rule of its operator, and what depends on no input is computed at once. */
import { constant, constantTensor, evaluate, isFloat, topological, type Value } from "../graph/index.ts";
import { size, type Tensor, tensor } from "../tensor/index.ts";
import { OnnxError, UnsupportedOperatorError } from "./errors.ts";
import { refusals, rules } from "./import/index.ts";
import type { OnnxFunction, OnnxGraph, OnnxModel, OnnxNode } from "./model.ts";
import { needed } from "./order.ts";
import { readGraph } from "./parse.ts";
import { NodeReader } from "./reader.ts";
import { type AttributeProto, AttributeProto_AttributeType as AttributeType, type GraphProto } from "./schema/onnx_pb.ts";

/** Where names have their meaning: a graph, a branch inside one, or the body of a function. */
interface Scope {
  readonly model: OnnxModel;
  readonly values: Map<string, Value>;
  readonly initializers: ReadonlyMap<string, Tensor>;
  readonly outer?: Scope;
  readonly opsets: ReadonlyMap<string, number>;
  /** Attributes of the call, which a function's nodes may refer to. */
  readonly call?: ReadonlyMap<string, AttributeProto>;
  readonly depth: number;
  /** Nodes imported so far, in all scopes. */
  readonly work: { nodes: number };
}

/** Results with more elements than this, and than the inputs together, are left to the run. */
const foldLimit = 1 << 16;
const largestTensor = 2 ** 31;
const deepestCall = 32;
/** Functions that call each other twice and twice again soon make more nodes than any model has. */
const mostNodes = 1 << 17;
/** Most numbers on the way to a constant. */
const foldWork = 1 << 24;

/** See `OnnxModel.build`. */
export function buildModel(
  model: OnnxModel,
  inputs: Readonly<Record<string, Value>>,
  initializers: Readonly<Record<string, Value>>,
  outputs: readonly string[],
): Record<string, Value> {
  for (const [name, value] of Object.entries(inputs)) checkInput(model, name, value);
  for (const [name, value] of Object.entries(initializers)) {
    const own = model.initializers.get(name);
    if (own && size(own.shape) !== size(value.shape))
      throw new OnnxError(`the initializer "${name}" is [${own.shape}]; [${value.shape}] cannot take its place`);
  }
  const values = new Map([...Object.entries(initializers), ...Object.entries(inputs)]);
  const scope: Scope = { model, values, initializers: model.initializers, opsets: model.opsets, depth: 0, work: { nodes: 0 } };
  run(model.nodes, outputs, scope);
  return Object.fromEntries(outputs.map((name) => [name, lookUp(name, scope)]));
}

function checkInput(model: OnnxModel, name: string, value: Value): void {
  const port = model.inputs.find((input) => input.name === name);
  if (!port) throw new OnnxError(`the model has no input "${name}"; it has ${model.inputs.map((input) => `"${input.name}"`).join(", ")}`);
  const { dtype, shape } = port;
  if (!dtype) throw new OnnxError(`the input "${name}" has elements of ${port.elementType}, which are not supported`);
  if (
    shape &&
    (shape.length !== value.shape.length || shape.some((extent, axis) => typeof extent === "number" && extent !== value.shape[axis]))
  )
    throw new OnnxError(`the input "${name}" is [${shape.map((extent) => extent ?? "?")}], which [${value.shape}] does not fit`);
  if (dtype !== value.dtype && !isFloat(value.dtype))
    throw new OnnxError(`the input "${name}" has elements of ${dtype}, which ${value.dtype} does not fit`);
}

/** Computes the nodes that the wanted tensors need. */
function run(nodes: readonly OnnxNode[], wanted: readonly string[], scope: Scope): void {
  const open = wanted.filter((name) => !scope.values.has(name));
  for (const node of needed(nodes, open)) {
    if (node.outputs.every((name) => !name || scope.values.has(name))) continue;
    if (++scope.work.nodes > mostNodes) throw new OnnxError(`the model's functions unfold to more than ${mostNodes} nodes`);
    const results = importNode(node, scope);
    node.outputs.forEach((name, i) => {
      if (!name || scope.values.has(name)) return;
      const result = results[i];
      if (result) scope.values.set(name, result);
    });
  }
}

function lookUp(name: string, scope: Scope): Value {
  for (let s: Scope | undefined = scope; s; s = s.outer) {
    const value = s.values.get(name);
    if (value) return value;
    const initializer = s.initializers.get(name);
    if (initializer) {
      const known = constant(initializer);
      s.values.set(name, known);
      return known;
    }
  }
  if (scope.model.inputs.some((input) => input.name === name)) throw new OnnxError(`the input "${name}" was not given`);
  throw new OnnxError(`the tensor "${name}" is not computed: no node that is supported gives it`);
}

function importNode(node: OnnxNode, scope: Scope): readonly (Value | undefined)[] {
  const inputs = node.inputs.map((name) => (name ? lookUp(name, scope) : undefined));
  const attributes = scope.call ? resolved(node.attributes, scope.call) : node.attributes;
  const called = scope.model.functions.get(`${node.domain}:${node.operator}`);
  if (called) return inline(node, called, inputs, attributes, scope);
  if (node.operator === "If" && node.domain === "") return branch(node, inputs[0], attributes, scope);
  const opset = scope.opsets.get(node.domain) ?? 0;
  const key = node.domain ? `${node.domain}.${node.operator}` : node.operator;
  const rule = rules.get(key);
  if (!rule) {
    const reason = refusals.get(key) ?? (node.domain ? `the operator set "${node.domain}" is not a standard one` : undefined);
    throw new UnsupportedOperatorError({ operator: key, node: node.name, opset, reason }, [...rules.keys()]);
  }
  const elementTypes = node.inputs.map((name, i) => scope.model.elementTypes.get(name) ?? inputs[i]?.dtype ?? "");
  const results = guarded(node, () => {
    const result = rule(new NodeReader(node, opset, inputs, { attributes, elementTypes }));
    const list = "operator" in result ? [result] : result;
    return inputs.every((x) => !x || constantTensor(x)) ? list.map((x) => x && folded(x, inputs)) : list;
  });
  for (const result of results) {
    if (result && size(result.shape) > largestTensor)
      throw new OnnxError(`node "${node.name}" (${key}) makes a tensor of shape [${result.shape}], which is too large`);
  }
  return results;
}

/** What goes wrong in a rule or in the graph is reported with the node where it happened. */
function guarded<T>(node: OnnxNode, make: () => T): T {
  try {
    return make();
  } catch (cause) {
    if (cause instanceof OnnxError) throw cause;
    throw new OnnxError(`node "${node.name}" (${node.operator}) is malformed: ${cause instanceof Error ? cause.message : cause}`, {
      cause,
    });
  }
}

/** A value without placeholders, computed now unless it is large. */
function folded(value: Value, inputs: readonly (Value | undefined)[]): Value {
  const given = inputs.reduce((total, x) => total + (x ? size(x.shape) : 0), 0);
  if (constantTensor(value) || size(value.shape) > Math.max(foldLimit, given)) return value;
  const work = topological([value]).reduce((total, x) => total + size(x.shape), 0);
  if (work > foldWork + 2 * given) return value;
  const [{ data, shape }] = evaluate([value]);
  return constant(
    value.dtype === "int64" ? { dtype: "int64", shape, data: BigInt64Array.from(data, toInt64) } : tensor(data, shape, value.dtype),
  );
}

/** The nearest 64-bit integer: the bounds of slices are often the largest one, which float64 rounds up. */
function toInt64(x: number): bigint {
  return x >= 2 ** 63 ? 2n ** 63n - 1n : BigInt(Math.trunc(x));
}

function branch(
  node: OnnxNode,
  condition: Value | undefined,
  attributes: ReadonlyMap<string, AttributeProto>,
  scope: Scope,
): readonly Value[] {
  const known = condition && constantTensor(condition);
  if (!known) {
    const reason = "its condition depends on the model's inputs, so the graph is not known before it runs";
    throw new UnsupportedOperatorError({ operator: "If", node: node.name, opset: scope.opsets.get("") ?? 0, reason }, [...rules.keys()]);
  }
  const body = subgraph(node, attributes, known.data[0] ? "then_branch" : "else_branch");
  const graph = readGraph(body, { outer: namesIn(scope) });
  return graphOutputs(graph, { ...scope, values: new Map(), initializers: graph.initializers, outer: scope });
}

function inline(
  node: OnnxNode,
  called: OnnxFunction,
  inputs: readonly (Value | undefined)[],
  attributes: ReadonlyMap<string, AttributeProto>,
  scope: Scope,
): readonly Value[] {
  if (scope.depth >= deepestCall)
    throw new OnnxError(`node "${node.name}" calls the function "${node.operator}", which calls itself without end`);
  const values = new Map(called.inputs.flatMap((name, i) => (inputs[i] ? [[name, inputs[i]] as const] : [])));
  const inner: Scope = {
    model: scope.model,
    values,
    initializers: new Map(),
    opsets: called.opsets,
    call: attributes,
    depth: scope.depth + 1,
    work: scope.work,
  };
  run(called.nodes, called.outputs, inner);
  return called.outputs.map((name) => lookUp(name, inner));
}

function graphOutputs(graph: OnnxGraph, scope: Scope): Value[] {
  const names = graph.outputs.map(({ name }) => name);
  run(graph.nodes, names, scope);
  return names.map((name) => lookUp(name, scope));
}

function subgraph(node: OnnxNode, attributes: ReadonlyMap<string, AttributeProto>, name: string): GraphProto {
  const attribute = attributes.get(name);
  if (attribute?.type !== AttributeType.GRAPH || !attribute.g)
    throw new OnnxError(`node "${node.name}" (${node.operator}) lacks the graph "${name}"`);
  return attribute.g;
}

function namesIn(scope: Scope): Set<string> {
  const own = [...scope.values.keys(), ...scope.initializers.keys()];
  return new Set(scope.outer ? [...own, ...namesIn(scope.outer)] : [...own, ...scope.model.inputs.map(({ name }) => name)]);
}

/** Attributes with references to those of the function's call replaced; a reference to one that was not given leaves the default. */
function resolved(own: ReadonlyMap<string, AttributeProto>, call: ReadonlyMap<string, AttributeProto>): Map<string, AttributeProto> {
  const entries = [...own].flatMap(([name, attribute]): [string, AttributeProto][] => {
    if (!attribute.refAttrName) return [[name, attribute]];
    const given = call.get(attribute.refAttrName);
    return given ? [[name, given]] : [];
  });
  return new Map(entries);
}
