/** How large each study is, per mode. The paper has no experiments, so there is no budget of its own: "paper" is "full". */
import type { Mode } from "../laboratory.ts";

const quick = {
  regret: { m: 128, T: 100, R: 8, stepSizes: [0.25, 1, 4], activations: ["softplus"] },
  ordering: { n: 6, m: 64, radii: [0.1, 0.3], gridAngles: 200 },
  linearization: { widths: [128, 256, 512, 1024, 2048, 4096, 8192], R: 5, draws: 1, deepR: 1, deepDraws: 2, deepWidths: [16, 32, 64, 128] },
  convergence: { m: 64, T: 300, radii: [8] },
  nearInitialization: {
    widths: [32, 128, 512],
    draws: 6,
    longWidths: [32],
    longDraws: 6,
    longest: 12_000,
    deepWidths: [32, 64, 128],
    deepDraws: 2,
    T: 400,
    deepT: 100,
    R: 30,
  },
  existence: { samples: 200, widths: [256, 512, 1024, 2048, 4096], draws: 10, radii: [0.2, 0.4, 0.6, 0.8] },
  shattering: { dimensions: [3, 10, 100], labellings: 100, pairs: 5, networks: 5 },
  capacity: {
    n: 40,
    dimensions: [5, 10],
    radii: [0, 0.5, 0.9],
    dataSeeds: 3,
    steps: 1500,
    attackSteps: 4,
    widths: [1, 2, 4, 8, 16, 32, 64, 128],
  },
  spectrum: { n: 10, widths: [64, 256, 1024], deepWidths: [64, 128, 256], draws: 40, depths: [1, 2] },
} as const;

const full = {
  regret: { m: 512, T: 300, R: 8, stepSizes: [0.25, 1, 4, 16], activations: ["softplus", "quadratic-relu"] },
  ordering: { n: 8, m: 256, radii: [0.1, 0.2, 0.3, 0.4], gridAngles: 400 },
  linearization: {
    widths: [128, 256, 512, 1024, 2048, 4096, 8192],
    R: 5,
    draws: 5,
    deepR: 1,
    deepDraws: 5,
    deepWidths: [16, 32, 64, 128, 256, 512],
  },
  convergence: { m: 512, T: 400, radii: [6, 8, 12] },
  nearInitialization: {
    widths: [32, 64, 128, 256, 512, 1024, 2048, 4096],
    draws: 16,
    longWidths: [32, 128, 512, 2048],
    longDraws: 16,
    longest: 12_000,
    deepWidths: [32, 64, 128, 256, 512],
    deepDraws: 4,
    T: 400,
    deepT: 400,
    R: 30,
  },
  existence: {
    samples: 300,
    widths: [256, 512, 1024, 2048, 4096, 8192, 16384],
    draws: 20,
    radii: [0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9],
  },
  shattering: { dimensions: [3, 10, 30, 100], labellings: 100, pairs: 20, networks: 100 },
  capacity: {
    n: 40,
    dimensions: [5, 10, 20],
    radii: [0, 0.5, 0.9],
    dataSeeds: 9,
    steps: 1500,
    attackSteps: 10,
    widths: [1, 2, 4, 8, 16, 32, 64, 128],
  },
  spectrum: { n: 24, widths: [64, 256, 1024, 4096], deepWidths: [64, 128, 256, 512], draws: 60, depths: [1, 2, 3] },
} as const;

export type Settings = typeof quick | typeof full;

export const settings: Readonly<Record<Mode, Settings>> = { quick, full, paper: full };
