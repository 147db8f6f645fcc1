/**
 * The linear maps that a network consists of: every convolution and matrix product of something that depends on the input with a weight, found in
 * its graph, with the shapes at which they act there.
 */
import { apply, dependents, input, inputName, inputsOf, substitute, topological, type Value } from "../graph/index.ts";
import type { FloatDType, Shape } from "../tensor/index.ts";
import { type Network, weightNames } from "./model.ts";

/** One linear map h ↦ Wh of a network. */
export interface LinearMap {
  /** Name of the weight that makes it. */
  readonly weight: string;
  readonly operator: "Conv" | "MatMul";
  /** Shapes with a leading batch axis of 1. */
  readonly inputShape: Shape;
  readonly outputShape: Shape;
  /** Wh without the bias, for h of the input shape and the weight's value. */
  apply(h: Value, weight: Value): Value;
}

/** The linear maps with one trained weight each, in the order in which the network applies them. A weight that is used twice gives two. */
export function linearMaps(network: Network, dtype: FloatDType = "float32"): LinearMap[] {
  const x = input("x", [1, ...network.inputShape], dtype);
  const symbols = Object.fromEntries(Object.entries(network.weights).map(([name, { shape }]) => [name, input(name, shape, dtype)]));
  const order = topological([network.apply(x, symbols).logits]);
  const active = dependents(order, [x]);
  const trained = new Set(weightNames(network, "trained"));
  return order.flatMap((node): LinearMap[] => {
    const place = linearPlace(node, active);
    if (place === undefined) return [];
    const [h, factor] = [node.inputs[place], node.inputs[1 - place]];
    const names = inputsOf([factor]).map(inputName);
    if (names.length !== 1 || !trained.has(names[0])) return [];
    return [
      {
        weight: names[0],
        operator: node.operator.name as LinearMap["operator"],
        inputShape: h.shape,
        outputShape: node.shape,
        apply(at, weight) {
          const [own] = substitute([factor], new Map([[symbols[names[0]], weight]]));
          return apply(node.operator, place === 0 ? [at, own] : [own, at], node.attributes);
        },
      },
    ];
  });
}

/** Which input of a convolution or matrix product depends on the network's input, where exactly one of the two factors does. */
export function linearPlace(node: Value, active: ReadonlySet<Value>): 0 | 1 | undefined {
  const { name } = node.operator;
  if (name !== "Conv" && name !== "MatMul") return undefined;
  const [first, second] = [active.has(node.inputs[0]), active.has(node.inputs[1])];
  if (first === second || (second && name === "Conv")) return undefined;
  return first ? 0 : 1;
}
