/** Study 7: the RKHS norm that a robust fit needs, and the finite networks that it prescribes. */
import { type KernelFit, predict } from "../../../analysis/ntk-fit.ts";
import { quadraticReluDual, twoLayerNtk } from "../../../analysis/ntk-kernels.ts";
import type { Key } from "../../../tensor/index.ts";
import { evaluator } from "../evaluator.ts";
import { perturbedCopies, realize, robustFit } from "../existence.ts";
import { linearized, twoLayerNetwork } from "../networks.ts";
import { type Labelled, oppositeSeparation, spherePoints } from "../points.ts";
import { average, robustLoss } from "../problem.ts";
import { caps } from "../sets.ts";
import { plus, type Weights, weightDistance } from "../theory.ts";

const tolerance = 0.1;
const kernel = twoLayerNtk(quadraticReluDual);

function standardData(key: Key): Labelled {
  return spherePoints(key.fold("data"), { n: 8, d: 6, separation: 0.8 });
}

/** The least norm with which |g − y| ≤ 0.1 on all samples of caps of radius δ. */
export interface NormRow {
  /** δ relative to half the separation of opposite labels. */
  fraction: number;
  δ: number;
  norm: number;
  /** What the dual certifies that every such function needs. */
  lowerBound: number;
  worstResidual: number;
  supportPoints: number;
}

export function studyNorm(key: Key, { fraction, samples }: { fraction: number; samples: number }): NormRow {
  const { δ, fit } = fitAt(key, fraction, samples);
  return {
    fraction,
    δ,
    norm: fit.norm,
    lowerBound: fit.lowerBound,
    worstResidual: fit.worstResidual,
    supportPoints: fit.coefficients.filter((β) => β !== 0).length,
  };
}

/** Networks of width m with the weights that the kernel's fit prescribes, averaged over draws. */
export interface FiniteRow {
  m: number;
  /** Root mean square and maximum of |f_lin − g| on fresh points of the caps. */
  rms: number;
  maximum: number;
  /** ‖W − W_0‖, which tends to ‖g‖. */
  distance: number;
  norm: number;
  /** Of the network itself, not linearized, at W: L_*(W), for which g promises log(1 + e^{−0.9}) = 0.341, and the least robust accuracy. */
  robustLoss: number;
  robustAccuracy: number;
  /** L_*(W_0 + 4(W − W_0)), in the ball of radius 4‖g‖; 4g promises log(1 + e^{−4·0.9}) = 0.027. */
  scaledRobustLoss: number;
}

export async function studyFinite(
  key: Key,
  { m, draws, samples, fraction = 0.5 }: { m: number; draws: number; samples: number; fraction?: number },
): Promise<FiniteRow> {
  const { data, δ, fit } = fitAt(key, fraction, samples);
  const sets = caps(δ);
  const fresh = perturbedCopies(data, sets, { samples: 25, key: key.fold("fresh") }).points;
  const g = predict(fit, fresh);
  const results: Record<"rms" | "maximum" | "distance" | "robustLoss" | "robustAccuracy" | "scaledRobustLoss", number>[] = [];
  for (let draw = 0; draw < draws; draw++) {
    const start = twoLayerNetwork(key.fold("network", m, draw), { m, d: 6 });
    const [network, linear] = [evaluator(start.network), evaluator(linearized(start))];
    const W = await realize(network, start.weights, fit);
    const errors = (await linear.outputs(W, fresh)).map((f, i) => Math.abs(f - g[i]));
    const problem = { evaluator: network, initial: start.weights, data, sets };
    const judge = (weights: Weights) => robustLoss(problem, weights, key.fold("judge", draw), { restarts: 3 });
    const judged = await judge(W);
    const scaled = await judge(plus(start.weights, plus(W, start.weights, -1), 4));
    results.push({
      rms: Math.sqrt(average(errors.map((e) => e * e))),
      maximum: Math.max(...errors),
      distance: weightDistance(W, start.weights),
      robustLoss: judged.loss,
      robustAccuracy: judged.accuracy,
      scaledRobustLoss: scaled.loss,
    });
    await Promise.all([network.release(), linear.release()]);
  }
  const meanOf = (name: keyof (typeof results)[number]) => average(results.map((result) => result[name]));
  return {
    m,
    rms: Math.sqrt(average(results.map(({ rms }) => rms ** 2))),
    maximum: meanOf("maximum"),
    distance: meanOf("distance"),
    norm: fit.norm,
    robustLoss: meanOf("robustLoss"),
    robustAccuracy: Math.min(...results.map(({ robustAccuracy }) => robustAccuracy)),
    scaledRobustLoss: meanOf("scaledRobustLoss"),
  };
}

/** The fit on caps whose radius is a fraction of half the least distance between opposite labels. */
function fitAt(key: Key, fraction: number, samples: number): { data: Labelled; δ: number; fit: KernelFit } {
  const data = standardData(key);
  const δ = (fraction * oppositeSeparation(data)) / 2;
  return { data, δ, fit: robustFit(kernel, data, caps(δ), { samples, tolerance, key: key.fold("samples") }) };
}
