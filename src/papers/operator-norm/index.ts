/** Adversarial training as data-dependent operator-norm regularization (Roth, Kilcher, Hofmann 2020). */
import type { Laboratory } from "../laboratory.ts";
import { claims } from "./claims.ts";
import { type Lab, run } from "./experiment.ts";
import { figures } from "./figures.ts";

export * from "./equivalence.ts";
export * from "./geometry.ts";
export * from "./identities.ts";
export * from "./theory.ts";
export * from "./trainings.ts";

export const operatorNormLaboratory: Laboratory<Lab> = {
  name: "operator-norm",
  reference:
    "Kevin Roth, Yannic Kilcher, Thomas Hofmann: Adversarial Training is a Form of Data-dependent Operator Norm Regularization. NeurIPS 2020, arXiv 1906.01527",
  setUp:
    "The theorem and its identities in float64 on a ReLU network of one hidden layer. Then one network trained in four ways from the same start: standard, adversarially (ℓ₂-PGA), with global spectral norms (Yoshida and Miyato, kernels reshaped) and with data-dependent operator norms (sum of squares). " +
    "ε_train is the smallest radius at which almost all perturbed inputs fool the standard network, as in the paper; λ is the one whose clean accuracy is nearest to that of adversarial training, the paper's rule (0.1 and 3e-4, looked for on the drawn digits; the paper's own 0.02 and 3e-4 in paper); geometry is measured without a box, accuracy within it. " +
    "quick: 4,000 drawn digits, a network of two hidden layers of 96 units, 5 ascent steps; full: 20,000 MNIST images, a convolutional network, 10 steps; paper: CIFAR-10, seven layers (their list is not printed: ours).",
  minutes: { full: 30, paper: 60_000 },
  run,
  claims,
  figures,
};

export { operatorNormLaboratory as laboratory };
