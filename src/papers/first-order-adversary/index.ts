/** The dynamics of the first-order adversary: projected gradient ascent on the input of a random two-layer network. */
import type { Laboratory } from "../laboratory.ts";
import { claims } from "./claims.ts";
import { experiment, type FirstOrderAdversaryLab } from "./experiment.ts";
import { figures } from "./figures.ts";

export * from "./adversarial-training.ts";
export * from "./ascents.ts";
export * from "./classifier.ts";
export type { FirstOrderAdversaryLab } from "./experiment.ts";
export * from "./images.ts";
export * from "./landscapes.ts";
export * from "./moments.ts";
export * from "./networks.ts";
export * from "./scale-control.ts";
export * from "./theory.ts";
export * from "./training-comparison.ts";
export * from "./trapping.ts";

export const firstOrderAdversary: Laboratory<FirstOrderAdversaryLab> = {
  name: "first-order-adversary",
  reference:
    "Z. Deng, H. He, J. Huang, W. J. Su: Towards Understanding the Dynamics of the First-Order Adversaries. ICML 2020, arXiv:2010.10650",
  setUp:
    "Projected gradient ascent on the squared loss of two-layer networks (tanh, softplus; ReLU as negative control) at random initialization, in float64, at five input scales with ε a fixed share of |x|; KKT and second-order checks, predicted times and rates, landscapes, restarts; adversarial training at five scales under three learning-rate conventions; pictures; a trained classifier. " +
    "quick: 20 networks per cell (6 at c > 1, and for restarts and trapping), adversarial training at ρ = .1; full and paper: 64 (32), one absolute step size and pictures up to c = 10, more dimensions and widths, adversarial training at ρ = .05 too, 28×28 pictures. Of the paper only the abstract was read: set-up and theory are derived.",
  minutes: { full: 25 },
  run: (bench) => experiment(bench),
  claims,
  figures,
};
