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
  const uses = new Map(nodes.map((node) => [node, usedNames(node)]));
  const sorted: OnnxNode[] = [];
  const state = new Map<OnnxNode, "open" | "done">();
  for (const root of nodes) {
    const pending = [root];
    while (pending.length > 0) {
      const node = pending[pending.length - 1];
      const before = state.get(node);
      const missing = (uses.get(node) as string[]).flatMap((name) => {
        const maker = makers.get(name);
        if (!maker && !given.has(name)) throw new OnnxError(`${quoted(node)} uses "${name}", which nothing in ${where} defines`);
        return maker && state.get(maker) !== "done" ? [maker] : [];
      });
      if (before !== "done" && missing.length === 0) {
        state.set(node, "done");
        sorted.push(node);
      }
      if (missing.length === 0) {
        pending.pop();
        continue;
      }
      state.set(node, "open");
      const cycle = missing.find((maker) => state.get(maker) === "open");
      if (cycle) throw new OnnxError(`${where} has a cycle through ${quoted(cycle)}`);
      pending.push(missing[0]);
    }
  }
  return sorted;
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
