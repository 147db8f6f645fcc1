/** Who makes and who uses each tensor of a model's main graph. */
import { constantTensor } from "../graph/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { OnnxError } from "./errors.ts";
import type { OnnxModel, OnnxNode } from "./model.ts";

export interface Wiring {
  maker(name: string): OnnxNode | undefined;
  users(name: string): readonly { readonly node: OnnxNode; readonly slot: number }[];
  /** Whether a tensor is the same whatever the inputs are. */
  isConstant(name: string): boolean;
  /** The tensor that a name stands for whatever the inputs are, if it is small enough to be computed here. */
  constant(name: string): Tensor | undefined;
}

export function wiring(model: OnnxModel): Wiring {
  const makers = new Map(model.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
  const users = new Map<string, { node: OnnxNode; slot: number }[]>();
  for (const node of model.nodes) {
    for (const [slot, name] of node.inputs.entries()) {
      const list = users.get(name);
      if (list) list.push({ node, slot });
      else users.set(name, [{ node, slot }]);
    }
  }
  const varying = new Set(model.inputs.map(({ name }) => name));
  for (const node of model.nodes) {
    if (node.inputs.some((name) => varying.has(name))) for (const name of node.outputs) varying.add(name);
  }
  const known = new Map<string, Tensor | undefined>();
  return {
    maker: (name) => makers.get(name),
    users: (name) => users.get(name) ?? [],
    isConstant: (name) => !varying.has(name),
    constant: (name) => {
      if (varying.has(name)) return undefined;
      if (!known.has(name)) known.set(name, computed(model, name));
      return known.get(name);
    },
  };
}

function computed(model: OnnxModel, name: string): Tensor | undefined {
  try {
    return constantTensor(model.build({}, {}, [name])[name]);
  } catch (error) {
    if (error instanceof OnnxError) return undefined;
    throw error;
  }
}
