/** How much is run, per mode: everything that grows with the budget. `paper` is `full`: the paper's own sizes are not known to us. */
import type { Mode } from "../laboratory.ts";
import type { TrainingSizes } from "./training-comparison.ts";

export interface Sizes {
  /** Networks of the table: at c ≤ 1, where R2.1 wants many; and at larger c, where ascents are long, and for restarts and trapping. */
  seeds: readonly [many: number, few: number];
  restarts: number;
  /** Input scales with one absolute step size: at c = 10 tanh takes thousands of steps. */
  oneStepScales: readonly number[];
  dimensions: readonly (readonly [d: number, seeds: number])[];
  ratios: readonly number[];
  widthSeeds: number;
  landscapeSeeds: number;
  /** Steps of the ascent on ReLU networks, which does not converge. */
  reluSteps: number;
  training: TrainingSizes;
  images: { scales: readonly number[]; count: number; trainingCount: number; side: number; m: number };
  classifier: { scales: readonly number[]; count: number; trainingCount: number; epochs: number; width: number };
}

const full: Sizes = {
  seeds: [64, 32],
  restarts: 16,
  oneStepScales: [0.1, 0.3, 1, 3, 10],
  dimensions: [
    [25, 256],
    [50, 128],
    [100, 64],
    [200, 16],
  ],
  ratios: [0.2, 0.5, 1, 2, 5, 10, 20, 40],
  widthSeeds: 400,
  landscapeSeeds: 16,
  reluSteps: 1000,
  training: {
    ratios: [0.05, 0.1],
    searched: [0.05, 0.1],
    seeds: 20,
    grid: [0.3, 3, 10, 30, 100, 300, 1000],
    gridSeeds: 8,
    epochs: 60,
  },
  images: { scales: [0.1, 0.3, 1, 3, 10], count: 16, trainingCount: 1000, side: 28, m: 4000 },
  classifier: { scales: [0.3, 1, 3, 10, 30], count: 16, trainingCount: 2000, epochs: 5, width: 64 },
};

export const sizes: Record<Mode, Sizes> = {
  quick: {
    seeds: [20, 6],
    restarts: 6,
    oneStepScales: [0.1, 0.3, 1, 3],
    dimensions: [
      [25, 96],
      [50, 40],
    ],
    ratios: [0.2, 0.5, 1, 2, 5, 10, 20],
    widthSeeds: 64,
    landscapeSeeds: 6,
    reluSteps: 300,
    training: { ratios: [0.1], searched: [0.1], seeds: 5, grid: [10, 100, 1000], gridSeeds: 3, epochs: 60 },
    images: { scales: [0.1, 1, 3], count: 6, trainingCount: 100, side: 14, m: 1000 },
    classifier: { scales: [1, 3, 10], count: 6, trainingCount: 1000, epochs: 5, width: 64 },
  },
  full,
  paper: full,
};
