/** FOSC and dynamic adversarial training. */
import type { Laboratory } from "../laboratory.ts";
import { claims } from "./claims.ts";
import { experiment, type FoscLab } from "./experiment.ts";
import { figures } from "./figures.ts";

export { experiment, type FoscLab } from "./experiment.ts";
export { type Settings, settings } from "./settings.ts";
export * from "./theory.ts";

export const fosc: Laboratory<FoscLab> = {
  name: "fosc",
  reference:
    "Y. Wang, X. Ma, J. Bailey, J. Yi, B. Zhou, Q. Gu: On the Convergence and Robustness of Adversarial Training. ICML 2019, arXiv:2112.08304",
  setUp:
    "Standard (PGD-10), Curriculum and Dynamic training, FGSM and PGD early and late, the released code's deviations and other step sizes, on one network with the same seeds; FOSC against brute force, and the convergence theorem on a problem where everything is known. " +
    "quick: 1,500 drawn digits of 14×14 pixels, a quarter of the network, 5 epochs, one seed; full: MNIST, 20,000 images, the paper's network, 8 epochs with T′ and rate drops scaled alike, 3 seeds (1 for FGSM early and late, step sizes and deviations); paper: MNIST in full and CIFAR-10 on the 8-layer network, 3 seeds. C&W∞ is PGD-20 on the margin loss.",
  minutes: { full: 170 },
  run: (bench) => experiment(bench),
  claims,
  figures,
};
