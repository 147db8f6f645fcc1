/** Nodes in an order in which they can be computed, and what they use. */
import { OnnxError } from "./errors.ts";
import type { OnnxNode } from "./model.ts";
import { AttributeProto_AttributeType as AttributeType, type GraphProto } from "./schema/onnx_pb.ts";

/**
 * The nodes sorted so that each comes after what it uses; nodes already in order keep theirs.
 * @throws OnnxError when a tensor is made twice, used but made by nobody, or needed for itself.
 */
export function inOrder(nodes: readonly OnnxNode[], given: ReadonlySet<string>, where = "the graph"): OnnxNode[] {
  const makers = new Map<string, OnnxNode>();
  for (const node of nodes) {
    for (const output of node.outputs.filter(Boolean)) {
      if (makers.has(output) || given.has(output))
        throw new OnnxError(`the tensor "${output}" is defined twice in ${where}, again by ${quoted(node)}`);
      makers.set(output, node);
    }
  }
  const makersOf = new Map(nodes.map((node) => [node, neededMakers(node, makers, given, where)]));
  const sorted: OnnxNode[] = [];
  const state = new Map<OnnxNode, "open" | "done">();
  for (const root of nodes) {
    const pending = [root];
    while (pending.length > 0) {
      const node = pending[pending.length - 1];
      const next = state.get(node) === "done" ? undefined : makersOf.get(node)?.find((maker) => state.get(maker) !== "done");
      if (next) {
        state.set(node, "open");
        if (state.get(next) === "open") throw new OnnxError(`${where} has a cycle through ${quoted(next)}`);
        pending.push(next);
        continue;
      }
      if (state.get(node) !== "done") sorted.push(node);
      state.set(node, "done");
      pending.pop();
    }
  }
  return sorted;
}

/** The nodes that make what a node uses. @throws OnnxError for a name that nobody gives. */
function neededMakers(node: OnnxNode, makers: ReadonlyMap<string, OnnxNode>, given: ReadonlySet<string>, where: string): OnnxNode[] {
  return usedNames(node).flatMap((name) => {
    const maker = makers.get(name);
    if (!maker && !given.has(name)) throw new OnnxError(`${quoted(node)} uses "${name}", which nothing in ${where} defines`);
    return maker ? [maker] : [];
  });
}

/** The nodes that `wanted` depend on, in the given order. */
export function needed(nodes: readonly OnnxNode[], wanted: Iterable<string>): OnnxNode[] {
  const names = new Set(wanted);
  const found: OnnxNode[] = [];
  for (const node of [...nodes].reverse()) {
    if (!node.outputs.some((output) => names.has(output))) continue;
    found.push(node);
    for (const name of usedNames(node)) names.add(name);
  }
  return found.reverse();
}

/** Names of the tensors that a node uses, in its subgraphs too. */
export function usedNames(node: OnnxNode): string[] {
  const captured = [...node.attributes.values()].flatMap(({ type, g }) => (type === AttributeType.GRAPH && g ? freeNames(g) : []));
  return [...node.inputs.filter(Boolean), ...captured];
}

function freeNames(graph: GraphProto): string[] {
  const own = new Set([
    ...graph.input.map(({ name }) => name),
    ...graph.initializer.map(({ name }) => name),
    ...graph.node.flatMap(({ output }) => output),
  ]);
  const used = graph.node.flatMap(({ input, attribute }) => [
    ...input.filter(Boolean),
    ...attribute.flatMap(({ type, g }) => (type === AttributeType.GRAPH && g ? freeNames(g) : [])),
  ]);
  return [...used, ...graph.output.map(({ name }) => name)].filter((name) => !own.has(name));
}

const quoted = (node: OnnxNode) => `node "${node.name}" (${node.operator})`;
