/** Study 3: the linearization error in a ball against the width. */
import { type Key, normal, rows } from "../../../tensor/index.ts";
import { adverseDirection, linearizationProbe, worstLinearizationError } from "../linearization.ts";
import { deepNetwork, type InitializedNetwork, twoLayerNetwork } from "../networks.ts";
import { spherePoints } from "../points.ts";
import { average } from "../problem.ts";
import { curvature, layerRadius, linearizationBound, type Weights } from "../theory.ts";

/** The worst |f − f_lin| found at width m: the mean and the largest over draws of network and point; the bound where one is derived. */
export interface LinearizationRow {
  network: string;
  m: number;
  error: number;
  largest: number;
  bound?: number;
}

/** Two-layer network, ‖W − W_0‖ ≤ R, displaced in its most adverse direction. */
export async function studyTwoLayerLinearization(
  key: Key,
  { activation, m, R, draws }: { activation: "softplus" | "quadratic-relu"; m: number; R: number; draws: number },
): Promise<LinearizationRow> {
  const errors = await worstErrors(key, draws, R, (source) => twoLayerNetwork(source, { m, d: 6, activation }), adverseDirection);
  const network = activation === "softplus" ? "two layers, softplus" : "two layers, quadratic ReLU";
  return {
    network,
    m,
    error: average(errors),
    largest: Math.max(...errors),
    bound: linearizationBound({ C: curvature[activation], R, m }),
  };
}

/** The paper's deep network (depth 2, softplus, rescaled), displacement of length R/√m, from a random direction. */
export async function studyDeepLinearization(
  key: Key,
  { m, R, draws }: { m: number; R: number; draws: number },
): Promise<LinearizationRow> {
  const make = (source: Key) => deepNetwork(source, { m, d: 6, H: 2, activation: "softplus", rescaled: true });
  const direction = ({ weights }: InitializedNetwork): Weights => ({
    W1: normal(key.fold("direction 1"), weights.W1.shape),
    W2: normal(key.fold("direction 2"), weights.W2.shape),
  });
  const errors = await worstErrors(key, draws, layerRadius(R, m), make, direction);
  return { network: "depth 2, softplus", m, error: average(errors), largest: Math.max(...errors) };
}

async function worstErrors(
  key: Key,
  draws: number,
  R: number,
  make: (source: Key) => InitializedNetwork,
  direction: typeof adverseDirection,
): Promise<number[]> {
  const { points } = spherePoints(key.fold("points"), { n: draws, d: 6, separation: 0 });
  const errors: number[] = [];
  for (let draw = 0; draw < draws; draw++) {
    const start = make(key.fold("network", draw));
    const x = rows(points, draw, draw + 1);
    const probe = linearizationProbe(start);
    errors.push((await worstLinearizationError(probe, x, { R, start: direction(start, x) })).error);
    await Promise.all([probe.network.release(), probe.linear.release()]);
  }
  return errors;
}
