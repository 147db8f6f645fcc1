/**
 * Convergence of adversarial training in the NTK regime (Gao, Cai, Li, Wang, Hsieh, Lee 2019): the theory as functions that work on any network of
 * one output or two classes, and the laboratory that checks it.
 */
import type { Laboratory } from "../laboratory.ts";
import { claims } from "./claims.ts";
import { type Lab, run } from "./experiment.ts";
import { figures } from "./figures.ts";

export * from "./capacity.ts";
export * from "./evaluator.ts";
export * from "./existence.ts";
export * from "./linearization.ts";
export * from "./networks.ts";
export * from "./points.ts";
export * from "./problem.ts";
export * from "./regret.ts";
export * from "./sets.ts";
export * from "./shattering.ts";
export * from "./studies/distance.ts";
export * from "./theory.ts";
export * from "./training.ts";

export const ntkConvergence: Laboratory<Lab> = {
  name: "ntk-convergence",
  reference:
    "Ruiqi Gao, Tianle Cai, Haochuan Li, Liwei Wang, Cho-Jui Hsieh, Jason D. Lee: Convergence of Adversarial Training in Overparametrized Neural Networks. NeurIPS 2019, arXiv 1906.07916",
  setUp:
    "The paper has no experiments; these are ours. Two-layer and deep networks on points of the sphere, trained by projected gradient descent against attacks on caps; tangent kernels in closed form; widths found by training. Quick uses narrower networks, fewer steps, data sets and draws.",
  minutes: { full: 20 },
  run,
  claims,
  figures,
};
