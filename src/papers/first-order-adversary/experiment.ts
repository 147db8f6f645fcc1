/** What is run, piece by piece: each piece is remembered by the bench, so a stopped run goes on where it was. */
import { regularityIndex } from "../../analysis/ascent-dynamics.ts";
import type { Bench } from "../laboratory.ts";
import { type AscentRecord, ascendFromMany, ascendFromZero, type RestartRecord } from "./ascents.ts";
import { attackClassifier, type ClassifierRecord } from "./classifier.ts";
import { attackImages, type ImageRecord } from "./images.ts";
import { type LandscapeRecord, surveyLandscape } from "./landscapes.ts";
import { type ActivationName, activations } from "./moments.ts";
import { drawEnsemble, ensembleObjectives } from "./networks.ts";
import { compareScales, type ScaleControl } from "./scale-control.ts";
import { type Sizes, sizes } from "./sizes.ts";
import { predict } from "./theory.ts";
import { compareLearningRates, type TrainingComparison } from "./training-comparison.ts";
import { followResidual, type ResidualRecord } from "./trapping.ts";

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
  /** Ascents with s = 1/L_F, at both perturbation ratios. */
  trapping: { activation: SmoothActivation; c: number; rho: number; paths: ResidualRecord[] }[];
  /** n3 with one absolute step size for all scales. */
  oneStepSize: { activation: SmoothActivation; c: number; stepSize: number; n3: number[] }[];
  dimensions: DimensionRecord[];
  widths: WidthRecord[];
  controls: Record<ActivationName, ScaleControl>;
  /** Ascents on F of ReLU networks, as for the others, for a fixed number of steps. */
  reluAscents: { c: number; steps: number; ascents: AscentRecord[] }[];
  landscapes: Record<SmoothActivation, LandscapeRecord[]>;
  training: TrainingComparison;
  images: ImageRecord[];
  classifier: ClassifierRecord[];
}

/** Runs the laboratory, at the sizes of the bench's mode unless others are given. */
export async function experiment({ mode, key, progress, remember }: Bench, size: Sizes = sizes[mode]): Promise<FirstOrderAdversaryLab> {
  const cells: Cell[] = [];
  const halfRatio: FirstOrderAdversaryLab["halfRatio"] = [];
  const trapping: FirstOrderAdversaryLab["trapping"] = [];
  const oneStepSize: FirstOrderAdversaryLab["oneStepSize"] = [];
  for (const [i, activation] of smoothActivations.entries()) {
    const [many, few] = size.seeds.map((networks) => drawEnsemble(key.fold("table"), { activation, networks, d: 50, m: 1000 }));
    const [manyOne, fewOne] = [many, few].map((ensemble) => ensembleObjectives(ensemble, 1));
    const fewStarts = ensembleObjectives(few, size.restarts);
    for (const [j, c] of scales.entries()) {
      const [ensemble, one] = c <= 1 ? [many, manyOne] : [few, fewOne];
      progress(`${activation}, c = ${c}: ascents and restarts`, 0.2 * (i + j / scales.length));
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
          return { activation, c, ascents, restarts };
        }),
      );
      for (const ratio of [rho, rho / 2]) {
        trapping.push(
          await remember(`trapping ${activation} c=${c} ρ=${ratio}`, async () => ({
            activation,
            c,
            rho: ratio,
            paths: await followResidual(few, fewOne, { c, rho: ratio, key: own }),
          })),
        );
      }
      if (size.oneStepScales.includes(c)) {
        const stepSize = 0.1 / few.d;
        oneStepSize.push(
          await remember(`one step size ${activation} c=${c}`, async () => {
            const ascents = await ascendFromZero(few, fewOne, { c, rho, key: own, stepSize, steps: 20_000, tolerance: 1e-8 });
            return { activation, c, stepSize, n3: ascents.map(({ n3 }) => n3) };
          }),
        );
      }
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
  const reluAscents: FirstOrderAdversaryLab["reluAscents"] = [];
  for (const [i, activation] of (["tanh", "softplus", "relu"] as const).entries()) {
    const ensemble = drawEnsemble(key.fold("landscape"), { activation, networks: size.landscapeSeeds, d: 50, m: 1000 });
    const objectives = ensembleObjectives(ensemble, 1);
    progress(`${activation}: the same ascent at every scale`, 0.5 + 0.03 * i);
    controls[activation] = await remember(`control ${activation}`, () => compareScales(ensemble, objectives, { scales, rho }));
    if (activation === "relu") {
      for (const c of scales) {
        progress(`relu, c = ${c}: an ascent that does not converge`, 0.58);
        reluAscents.push(
          await remember(`relu c=${c}`, async () => ({
            c,
            steps: size.reluSteps,
            ascents: await ascendFromZero(ensemble, objectives, { c, rho, key: key.fold("relu", c), steps: size.reluSteps }),
          })),
        );
      }
      continue;
    }
    for (const c of [0.1, 1, 10]) {
      progress(`${activation}: landscape at c = ${c}`, 0.52 + 0.03 * i);
      landscapes[activation].push(
        await remember(`landscape ${activation} c=${c}`, () =>
          surveyLandscape(ensemble, { c, rho, key: key.fold("landscape", activation, c) }),
        ),
      );
    }
  }

  progress("adversarial training at five scales", 0.6);
  const training = await compareLearningRates({ key, remember, progress }, size.training);
  progress("pictures", 0.9);
  const images = await remember("pictures", () => attackImages({ ...size.images, rho, key: key.fold("pictures") }));
  progress("a trained classifier", 0.95);
  const classifier = await remember("classifier", () => attackClassifier({ ...size.classifier, rho, key: key.fold("classifier") }));
  progress("done", 1);
  return {
    cells,
    halfRatio,
    trapping,
    oneStepSize,
    dimensions,
    widths,
    controls: controls as FirstOrderAdversaryLab["controls"],
    reluAscents,
    landscapes,
    training,
    images,
    classifier,
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
  for (const c of [0.1, 0.3, 1, 3]) {
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
