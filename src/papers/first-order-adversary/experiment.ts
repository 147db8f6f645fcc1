/** What is run, piece by piece: each piece is remembered by the bench, so a stopped run goes on where it was. */
import { regularityIndex } from "../../analysis/ascent-dynamics.ts";
import type { Bench, Mode } from "../laboratory.ts";
import { type AscentRecord, ascendFromMany, ascendFromZero, type RestartRecord, type TrappingRecord, watchTrapping } from "./ascents.ts";
import { attackImages, type ImageRecord } from "./images.ts";
import { type LandscapeRecord, surveyLandscape } from "./landscapes.ts";
import { type ActivationName, activations } from "./moments.ts";
import { drawEnsemble, ensembleObjectives } from "./networks.ts";
import { compareScales, type ScaleControl } from "./scale-control.ts";
import { predict } from "./theory.ts";
import { compareLearningRates, type TrainingComparison, type TrainingSizes } from "./training-comparison.ts";

export const smoothActivations = ["tanh", "softplus"] as const;
export type SmoothActivation = (typeof smoothActivations)[number];
/** Input scales c and perturbation ratio ρ of the reference table. */
export const scales = [0.1, 0.3, 1, 3, 10] as const;
export const rho = 0.1;
/** d of the networks of growing width. */
export const widthDimension = 20;

/** One activation at one input scale, on the networks of the reference table (d = 50, m = 1000). */
export interface Cell {
  activation: SmoothActivation;
  c: number;
  ascents: AscentRecord[];
  restarts: RestartRecord[];
  trapping: TrappingRecord[];
}

/** Medians of κ over networks of dimension d and width 20d, and the prediction. */
export interface DimensionRecord {
  activation: SmoothActivation;
  c: number;
  d: number;
  kappas: number[];
  predicted: number;
}

/** Networks of width m at c = 1. */
export interface WidthRecord {
  activation: SmoothActivation;
  /** m/d, at d = 20 */
  ratio: number;
  g: number[];
  h: number[];
  /** Share of seeds that end at a strict local maximum on the sphere (the criterion of R2.1). */
  success: number;
}

export interface FirstOrderAdversaryLab {
  cells: Cell[];
  /** Ascents at half the perturbation ratio, c ≤ 1. */
  halfRatio: { activation: SmoothActivation; c: number; ascents: AscentRecord[] }[];
  /** n3 with one absolute step size for all scales. */
  oneStepSize: { activation: SmoothActivation; c: number; stepSize: number; n3: number[] }[];
  dimensions: DimensionRecord[];
  widths: WidthRecord[];
  controls: Record<ActivationName, ScaleControl>;
  landscapes: Record<SmoothActivation, LandscapeRecord[]>;
  training: TrainingComparison;
  images: ImageRecord[];
}

/** Everything that grows with the budget. `paper` is `full`: the paper's own sizes are not known to us. */
export interface Sizes {
  /** Networks of the table: at c ≤ 1, where R2.1 wants many; and at larger c, where ascents are long, and for restarts and trapping. */
  seeds: readonly [many: number, few: number];
  restarts: number;
  dimensions: readonly (readonly [d: number, seeds: number])[];
  ratios: readonly number[];
  widthSeeds: number;
  landscapeSeeds: number;
  training: TrainingSizes;
  images: { scales: readonly number[]; count: number; trainingCount: number; side: number; m: number };
}

const sizes: Record<Mode, Sizes> = {
  quick: {
    seeds: [20, 8],
    restarts: 8,
    dimensions: [
      [25, 96],
      [50, 40],
    ],
    ratios: [0.2, 0.5, 1, 2, 5, 10, 20],
    widthSeeds: 64,
    landscapeSeeds: 8,
    training: { ratios: [0.05], seeds: 5, gridSeeds: 2, grid: [1, 5, 25, 100], epochs: 60 },
    images: { scales: [0.1, 1, 3], count: 8, trainingCount: 100, side: 14, m: 1000 },
  },
  full: fullSizes(),
  paper: fullSizes(),
};

function fullSizes(): Sizes {
  return {
    seeds: [64, 32],
    restarts: 16,
    dimensions: [
      [25, 256],
      [50, 128],
      [100, 64],
    ],
    ratios: [0.2, 0.5, 1, 2, 5, 10, 20, 40],
    widthSeeds: 400,
    landscapeSeeds: 16,
    training: { ratios: [0.05, 0.1], seeds: 20, gridSeeds: 8, grid: [0.3, 1, 3, 10, 30, 100], epochs: 60 },
    images: { scales: [0.1, 0.3, 1, 3], count: 16, trainingCount: 1000, side: 28, m: 4000 },
  };
}

/** Runs the laboratory, at the sizes of the bench's mode unless others are given. */
export async function experiment({ mode, key, progress, remember }: Bench, size: Sizes = sizes[mode]): Promise<FirstOrderAdversaryLab> {
  const cells: Cell[] = [];
  const halfRatio: FirstOrderAdversaryLab["halfRatio"] = [];
  const oneStepSize: FirstOrderAdversaryLab["oneStepSize"] = [];
  for (const [i, activation] of smoothActivations.entries()) {
    const [many, few] = size.seeds.map((networks) => drawEnsemble(key.fold("table"), { activation, networks, d: 50, m: 1000 }));
    const [manyOne, fewOne] = [many, few].map((ensemble) => ensembleObjectives(ensemble, 1));
    const fewStarts = ensembleObjectives(few, size.restarts);
    for (const [j, c] of scales.entries()) {
      const [ensemble, one] = c <= 1 ? [many, manyOne] : [few, fewOne];
      progress(`${activation}, c = ${c}: ascents, restarts, trapping`, 0.2 * (i + j / scales.length));
      const own = key.fold(activation, c);
      cells.push(
        await remember(`table ${activation} c=${c}`, async () => {
          const ascents = await ascendFromZero(ensemble, one, { c, rho, key: own });
          const restarts = await ascendFromMany(few, fewStarts, ascents.slice(0, few.networks), {
            c,
            rho,
            restarts: size.restarts,
            key: own,
          });
          const trapping = await watchTrapping(few, fewOne, { c, rho, key: own });
          return { activation, c, ascents, restarts, trapping };
        }),
      );
      if (c > 3) continue;
      const stepSize = 0.1 / few.d;
      oneStepSize.push(
        await remember(`one step size ${activation} c=${c}`, async () => {
          const ascents = await ascendFromZero(few, fewOne, { c, rho, key: own, stepSize, tolerance: 1e-8 });
          return { activation, c, stepSize, n3: ascents.map(({ n3 }) => n3) };
        }),
      );
      if (c > 1) continue;
      halfRatio.push(
        await remember(`half ratio ${activation} c=${c}`, async () => ({
          activation,
          c,
          ascents: await ascendFromZero(ensemble, one, { c, rho: rho / 2, key: own, tolerance: 1e-10 }),
        })),
      );
    }
  }

  const dimensions: DimensionRecord[] = [];
  for (const activation of smoothActivations) {
    for (const [d, networks] of size.dimensions) {
      progress(`${activation}: regularity at d = ${d}`, 0.42);
      dimensions.push(
        ...(await remember(`dimension ${activation} d=${d}`, () => regularities(activation, d, networks, key.fold("dimension")))),
      );
    }
  }

  const widths: WidthRecord[] = [];
  for (const activation of smoothActivations) {
    for (const ratio of size.ratios) {
      progress(`${activation}: width ${ratio}d`, 0.48);
      widths.push(
        await remember(`width ${activation} m/d=${ratio}`, async () => {
          const ensemble = drawEnsemble(key.fold("width", ratio), {
            activation,
            networks: size.widthSeeds,
            d: widthDimension,
            m: widthDimension * ratio,
          });
          const found = await ascendFromZero(ensemble, ensembleObjectives(ensemble, 1), {
            c: 1,
            rho,
            key: key.fold("width"),
            tolerance: 1e-12,
          });
          return {
            activation,
            ratio,
            g: found.map(({ g }) => g),
            h: found.map(({ h }) => h),
            success: found.filter(isLocalMaximum).length / found.length,
          };
        }),
      );
    }
  }

  const landscapes: FirstOrderAdversaryLab["landscapes"] = { tanh: [], softplus: [] };
  const controls: Partial<FirstOrderAdversaryLab["controls"]> = {};
  for (const [i, activation] of (["tanh", "softplus", "relu"] as const).entries()) {
    const ensemble = drawEnsemble(key.fold("landscape"), { activation, networks: size.landscapeSeeds, d: 50, m: 1000 });
    progress(`${activation}: the same ascent at three scales`, 0.52 + 0.05 * i);
    controls[activation] = await remember(`control ${activation}`, () =>
      compareScales(ensemble, ensembleObjectives(ensemble, 1), { scales: [0.1, 1, 10], rho }),
    );
    if (activation === "relu") continue;
    for (const c of [0.1, 1, 10]) {
      progress(`${activation}: landscape at c = ${c}`, 0.54 + 0.05 * i);
      landscapes[activation].push(
        await remember(`landscape ${activation} c=${c}`, () =>
          surveyLandscape(ensemble, { c, rho, key: key.fold("landscape", activation, c) }),
        ),
      );
    }
  }

  progress("adversarial training at five scales", 0.65);
  const training = await compareLearningRates({ key, remember, progress }, size.training);
  progress("pictures", 0.92);
  const images = await remember("pictures", () => attackImages({ ...size.images, rho, key: key.fold("pictures") }));
  progress("done", 1);
  return {
    cells,
    halfRatio,
    oneStepSize,
    dimensions,
    widths,
    controls: controls as FirstOrderAdversaryLab["controls"],
    landscapes,
    training,
    images,
  };
}

/** R2.1: on the sphere (1e-9), KKT residual below 1e-6, strict second order. */
export function isLocalMaximum({ offSphere, residual, margin }: AscentRecord): boolean {
  return offSphere < 1e-9 && residual < 1e-6 && margin < 0;
}

async function regularities(activation: SmoothActivation, d: number, networks: number, key: Bench["key"]): Promise<DimensionRecord[]> {
  const ensemble = drawEnsemble(key.fold(d), { activation, networks, d, m: 20 * d });
  const objectives = ensembleObjectives(ensemble, 1);
  const records: DimensionRecord[] = [];
  for (const c of [0.3, 1, 3]) {
    const radius = new Float64Array(networks).fill(rho * c);
    const found = await regularityIndex(objectives.output(c), new Float64Array(networks * d), radius, { key });
    records.push({
      activation,
      c,
      d,
      kappas: found.map(({ kappa }) => kappa),
      predicted: predict(activations[activation], { c, d, rho }).kappa,
    });
  }
  return records;
}
