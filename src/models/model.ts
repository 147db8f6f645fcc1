/**
 * A network is a pure function from inputs and weights to logits; a model is a network with weights.
 * Normalization lives inside the network, so inputs, and with them ε, are always in the units of `domain`.
 */
import type { Value } from "../graph/index.ts";
import type { Shape, Tensor } from "../tensor/index.ts";

/** How batch normalization behaves: with its stored statistics (examples independent), or with those of the batch (examples coupled). */
export type NetworkMode = "inference" | "training";

/** What a network needs to know of one of its weights. */
export interface WeightSpecification {
  readonly shape: Shape;
  /** Trained weights get gradients; statistics are running means and variances, which training mode updates. */
  readonly role: "trained" | "statistic" | "fixed";
}

export interface Network {
  readonly name: string;
  /** Shape of one example, without the batch axis. */
  readonly inputShape: Shape;
  /** Bounds of every input component. */
  readonly domain: { readonly low: number; readonly high: number };
  readonly classes: number;
  readonly weights: Readonly<Record<string, WeightSpecification>>;
  /** Logits [N, classes] of a batch [N, …inputShape]; in training mode also the statistics' new values, by name. */
  apply(
    x: Value,
    weights: Readonly<Record<string, Value>>,
    mode?: NetworkMode,
  ): { logits: Value; statistics: Readonly<Record<string, Value>> };
}

export type Weights = Readonly<Record<string, Tensor>>;

export interface Model {
  readonly network: Network;
  readonly weights: Weights;
}

/** Names of the weights with a role, in the network's order. */
export function weightNames({ weights }: Network, role: WeightSpecification["role"]): string[] {
  return Object.keys(weights).filter((name) => weights[name].role === role);
}
