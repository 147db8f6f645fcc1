/** The settings of a training run: what its config.json holds, and how names become defenses and optimizers. */
import type { Dataset } from "../data/index.ts";
import type { Activation, NetworkMode } from "../models/index.ts";
import type { Device } from "../runtime/index.ts";
import { sameShape } from "../tensor/index.ts";
import {
  adam,
  adamw,
  awp,
  curriculum,
  type Defense,
  dynamic,
  fgsmRs,
  free,
  globalSpectral,
  inputGradient,
  type MonitorOptions,
  mart,
  none,
  type Optimizer,
  type OptimizerName,
  operatorNorm,
  pgdTraining,
  type ScheduleName,
  sgd,
  trades,
} from "../training/index.ts";
import { RunError } from "./errors.ts";

export interface TrainingSettings {
  data: string;
  dataDir?: string;
  /** Smallest and largest value of an input, where the data do not lie in [0, 1]. */
  bounds?: readonly number[];
  /** At most this many training examples (validation included). */
  examples?: number;
  /** Examples of the training set that are kept for validation. */
  validation: number;
  augment: "none" | "crop-flip" | "rotate-shift";

  /** Name of a built-in network, or path of an ONNX file. */
  model: string;
  width?: number;
  depth?: number;
  activation?: Activation;
  /** Per-channel normalization of the data, applied inside the model. */
  mean?: number[];
  deviation?: number[];
  /** Output of an ONNX file that holds the scores, where it has several. */
  output?: string;
  /** Shape of one example: that of the data; for an ONNX file only what the file leaves open. */
  inputShape?: readonly number[];
  classes: number;

  defense: DefenseName;
  norm: "linf" | "l2";
  eps: number;
  /** Steps of the attack inside training. */
  steps: number;
  /** Length of a step, in input units; by default the defense's own. */
  stepSize?: number;
  attackMode: NetworkMode;
  /** Epochs over which ε grows from 0. */
  warmup: number;
  /** Start of fgsm-rs clipped to the input domain, where it is published unclipped. */
  clipStart?: boolean;
  /** dynamic: c_max, T′, and the deviations Q1 and Q2 of the released code. */
  foscMax?: number;
  foscEpochs?: number;
  foscInBox?: boolean;
  foscFromStart?: boolean;
  selfWeighted?: boolean;
  /** Weight of the divergence in trades and mart. */
  beta?: number;
  /** Relative length of awp's weight perturbation. */
  gamma?: number;
  /** Weight steps per batch of free. */
  replays?: number;
  /** Accuracy at which a lesson of curriculum is learnt. */
  learnt?: number;
  /** λ of operator-norm, global-spectral and input-gradient; by default the defense's own. */
  lambda?: number;
  /** operator-norm: the norm of the logits, and how the penalty is written. */
  outputNorm?: "l1" | "l2" | "linf";
  normForm?: "sum-of-squares" | "jacobian";
  /** global-spectral: what a convolution's norm is taken of. */
  spectralConvolution?: "reshaped" | "exact";
  /** What the monitor does when the validation shows overfitting; without it nothing is watched. */
  onOverfitting?: "ignore" | NonNullable<MonitorOptions["onOverfitting"]>;

  epochs: number;
  batch: number;
  optimizer: OptimizerName;
  rate: number;
  schedule: ScheduleName;
  /** Epochs at which the "step" schedule divides the rate by ten. */
  milestones?: number[];
  momentum: number;
  nesterov: boolean;
  weightDecay: number;
  /** Largest norm of the gradient. */
  clip?: number;
  /** Decay of the moving average of the weights. */
  ema?: number;

  seed: number;
  threads?: number;
  device?: Device;
  checkpointSeconds: number;
}

/** Settings as they are asked for: what the data decide is still open. */
export type TrainingRequest = Omit<TrainingSettings, "eps" | "classes"> & { eps?: number };

/** The ε usual in the literature of a data set, in input units. */
const usualEpsilon: Readonly<Record<string, Record<TrainingSettings["norm"], number>>> = {
  digits: { linf: 0.2, l2: 1.5 },
  mnist: { linf: 0.3, l2: 1.5 },
  "fashion-mnist": { linf: 0.1, l2: 1.5 },
  cifar10: { linf: 8 / 255, l2: 0.5 },
  "cifar10-jpeg": { linf: 8 / 255, l2: 0.5 },
};

/** Settings complete. @throws RunError when ε is neither given nor known for the data. */
export function resolveSettings(
  request: TrainingRequest,
  { classes, bounds }: Pick<Dataset, "classes" | "bounds">,
  inputShape: TrainingSettings["inputShape"],
): TrainingSettings {
  const eps = request.eps ?? usualEpsilon[request.data]?.[request.norm];
  if (eps === undefined)
    throw new RunError(`no ε is usual for ${request.data}`, "give one with --eps, in the units of the inputs (images are in 0..1)");
  const own = sameShape(bounds, [0, 1]) ? {} : { bounds };
  return { ...request, eps, ...own, inputShape, classes: classes.length };
}

export const defenseNames = [
  "none",
  "pgd",
  "fgsm-rs",
  "dynamic",
  "curriculum",
  "trades",
  "mart",
  "free",
  "awp-pgd",
  "awp-trades",
  "operator-norm",
  "global-spectral",
  "input-gradient",
] as const;
export type DefenseName = (typeof defenseNames)[number];

export function chooseDefense(settings: TrainingSettings): Defense {
  const { defense, norm, eps, steps, stepSize, attackMode, warmup, foscMax, foscEpochs, beta, gamma } = settings;
  const shared = { norm, epsilon: eps, mode: attackMode, warmup, stepSize };
  switch (defense) {
    case "none":
      return none();
    case "pgd":
      return pgdTraining({ ...shared, steps });
    case "fgsm-rs":
      return fgsmRs({ ...shared, clipStart: settings.clipStart });
    case "dynamic": {
      const { foscInBox, foscFromStart, selfWeighted } = settings;
      return dynamic({ ...shared, steps, maximum: foscMax, controlEpochs: foscEpochs, foscInBox, foscFromStart, selfWeighted });
    }
    case "curriculum":
      return curriculum({ ...shared, steps, learnt: settings.learnt });
    case "trades":
      return trades({ ...shared, steps, beta });
    case "mart":
      return mart({ ...shared, steps, beta });
    case "free":
      return free({ ...shared, replays: settings.replays });
    case "awp-pgd":
      return awp(pgdTraining({ ...shared, steps }), { gamma });
    case "awp-trades":
      return awp(trades({ ...shared, steps, beta }), { gamma: gamma ?? 0.005 });
    case "operator-norm": {
      const { lambda, outputNorm, normForm } = settings;
      return operatorNorm({ norm, epsilon: eps, mode: attackMode, warmup, lambda, outputNorm, form: normForm, iterations: steps });
    }
    case "global-spectral":
      return globalSpectral({ lambda: settings.lambda, convolution: settings.spectralConvolution });
    case "input-gradient":
      return inputGradient({ norm, lambda: settings.lambda, mode: attackMode });
  }
}

export function chooseOptimizer({ optimizer, momentum, nesterov, weightDecay }: TrainingSettings): Optimizer {
  switch (optimizer) {
    case "sgd":
      return sgd({ momentum, nesterov, weightDecay });
    case "adam":
      return adam({ weightDecay });
    case "adamw":
      return adamw({ weightDecay });
  }
}
