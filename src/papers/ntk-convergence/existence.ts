/**
 * A robust network near initialization, constructively: the function of least RKHS norm that is right on samples of every perturbation
 * set, with the tangent kernel in closed form, and the finite network that it prescribes (after the existence
 * theorem of Gao et al. 2019, from memory).
 */
import { type KernelFit, leastNormFit } from "../../analysis/ntk-fit.ts";
import type { Kernel } from "../../analysis/ntk-kernels.ts";
import type { Key } from "../../tensor/index.ts";
import type { Evaluator } from "./evaluator.ts";
import { type Labelled, repeatRows, row, rowsOf, stack } from "./points.ts";
import type { PerturbationSets } from "./sets.ts";
import { plus, type Weights } from "./theory.ts";

/**
 * The least-norm g with |g(x′) − y_i| ≤ `tolerance` at `samples` random points x′ of each B(x_i) and at x_i itself. Its norm estimates, from below, the
 * radius R_{D,B,ε} in which the theorem has a robust network.
 */
export function robustFit(
  kernel: Kernel,
  data: Labelled,
  sets: PerturbationSets,
  { samples, tolerance, key }: { samples: number; tolerance: number; key: Key },
): KernelFit {
  const { points, labels } = perturbedCopies(data, sets, { samples, key });
  return leastNormFit(kernel, stack([...rowsOf(data.points), ...rowsOf(points)]), [...data.labels, ...labels], { tolerance });
}

/** `samples` random points of each perturbation set with the labels of their centres. */
export function perturbedCopies(data: Labelled, sets: PerturbationSets, { samples, key }: { samples: number; key: Key }): Labelled {
  const points = sets.sample(key, repeatRows(data.points, samples));
  return { points, labels: Float64Array.from({ length: points.shape[0] }, (_, s) => data.labels[Math.floor(s / samples)]) };
}

/**
 * The weights W = W_0 + Σ_j β_j ∇_W f(W_0, x_j), at which the linearized network is f(W_0, ·) + Σ_j β_j K̂(x_j, ·) with the empirical kernel
 * K̂ of this network: as the width grows, K̂ → K, so that f_lin(W, ·) → g and ‖W − W_0‖ → ‖g‖.
 */
export async function realize(network: Evaluator, initial: Weights, { points, coefficients }: KernelFit): Promise<Weights> {
  const support = [...coefficients.keys()].filter((j) => coefficients[j] !== 0);
  const used = stack(support.map((j) => row(points, j)));
  return plus(
    initial,
    await network.combine(
      initial,
      used,
      Float64Array.from(support, (j) => coefficients[j]),
    ),
  );
}
