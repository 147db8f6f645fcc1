/** How large the experiment on pictures is, per mode. The numbers are ours, but for those of "paper" that are said to be the paper's. */
import { type Augmentation, augmentation } from "../../data/index.ts";
import { type Architecture, architecture } from "../../models/index.ts";
import { type OptimizerName, optimizers, type Schedule, schedule } from "../../training/index.ts";
import type { Mode } from "../laboratory.ts";

export interface Settings {
  /** Data set, and how much of it is trained on. */
  data: string;
  training: number;
  network(): Architecture;
  epochs: number;
  batch: number;
  optimizer(): ReturnType<(typeof optimizers)[OptimizerName]>;
  schedule: Schedule;
  augment?: Augmentation;
  /** Steps of ascents and of the power method. */
  iterations: number;
  /** Radii that are tried for ε_train, smallest first; the paper's own is given alone. */
  radii: readonly number[];
  /**
   * λ of both regularizers, by the paper's rule: the one whose clean accuracy is nearest to that of adversarial training. For quick it was looked for
   * among 0.02, 0.1, 0.3 and 3e-4, 0.01, 0.1, on 500 digits, for full among 0.3, 1, 3 and 0.01, 0.1, 0.3, on 1,000 of MNIST's training images; none of them
   * is trained or tested on. paper has the paper's.
   */
  lambdas: { dataDependent: number; global: number };
  /** Test examples that Jacobians are taken at, and that accuracy is counted on. */
  points: number;
  judged: number;
}

export const settings: Readonly<Record<Mode, Settings>> = {
  quick: {
    data: "digits",
    training: 4000,
    network: () => architecture("mlp", { width: 96 }),
    epochs: 16,
    batch: 100,
    optimizer: () => optimizers.adam(),
    schedule: schedule("cyclic", { rate: 3e-3, epochs: 16 }),
    iterations: 5,
    radii: [0.5, 0.75, 1, 1.25, 1.5, 2, 2.5],
    lambdas: { dataDependent: 0.1, global: 3e-4 },
    points: 100,
    judged: 500,
  },
  full: {
    data: "mnist",
    training: 20_000,
    network: () => architecture("mnist-fast"),
    epochs: 8,
    batch: 100,
    optimizer: () => optimizers.adam(),
    schedule: schedule("cyclic", { rate: 2e-3, epochs: 8 }),
    iterations: 10,
    radii: [1, 1.5, 2, 2.5, 3, 3.5, 4],
    lambdas: { dataDependent: 0.3, global: 0.01 },
    points: 200,
    judged: 1000,
  },
  paper: {
    data: "cifar10",
    training: 50_000,
    // Standardized inputs, to which the paper's ε = 1.75 refers as far as we can tell; in units of [0, 1] it is a quarter of that.
    network: () => architecture("cnn-7", { normalization: { mean: [0.4914, 0.4822, 0.4465], deviation: [0.25, 0.25, 0.25] } }),
    epochs: 100,
    batch: 128,
    optimizer: () => optimizers.sgd({ momentum: 0.9, weightDecay: 5e-4 }),
    schedule: schedule("step", { rate: 0.1, epochs: 100 }),
    augment: augmentation({ crop: 4, flip: true }),
    iterations: 10,
    radii: [1.75 / 4],
    lambdas: { dataDependent: 0.02, global: 3e-4 },
    points: 200,
    judged: 2000,
  },
};
