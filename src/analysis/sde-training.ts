/**
 * The stochastic differential equations of (adversarial) training for any small model: drift and diffusion from its per-example gradients, many
 * paths in one graph, in float64. Beside them the discrete training that they stand for, on the same graph.
 *
 * With hᵢ the direction of example i, m their mean and W an N-dimensional Brownian motion, the noise of a batch of B drawn with replacement is
 * √(ηΣ) dW = √(η/(BN)) Σᵢ (hᵢ − m) dWᵢ, which needs no p × p root: a weighted sum of directions is the gradient of one weighted loss.
 * Derivations: papers/continuous-time, 1.3 d, e.
 */
import { add, constant, input, mul, reduceMean, sub, type Value } from "../graph/index.ts";
import { compile } from "../runtime/index.ts";
import { type FloatDType, full, integers, type Key, type Tensor, tensor, toFloat64 } from "../tensor/index.ts";
import {
  type Adversary,
  penalties,
  SGD,
  selfDerivative,
  vulnerability,
  weightedDirection,
  weightGradient,
} from "./adversarial-direction.ts";
import { overCopies, type Releasable, smallStep, type TrainingSet } from "./copies.ts";
import { type Learner, unflatten, weightCount } from "./learner.ts";
import { march, type Snapshot } from "./march.ts";
import { repeated, type StochasticEquation } from "./sde.ts";
import { compileSteps } from "./steps.ts";

/**
 * Which equation stands for training with rate η:
 * - "order 1": dΘ = −m dt + √(ηΣ) dW, weak error O(η) at fixed α;
 * - "order 2": drift −m − (η/2)(Dm)m, weak error O(η²) at fixed α;
 * - "order 2, α = cη": drift −∇[L + (η/4)|∇L|² + P], clean noise, weak error O(η²) where α shrinks with η; P is the adversary's mean penalty,
 *   KαG for raw steps.
 */
export type Approximation = "order 1" | "order 2" | "order 2, α = cη";

/** How the learner learns. Time t of the equation is η × number of steps. */
export interface TrainingRule {
  /** Learning rate. */
  η: number;
  /** Examples per step, drawn with replacement. */
  batch: number;
  adversary?: Adversary;
  /** What gradients are computed in (default: float64, as theory is checked in). Weights are float64, and are added up as such, in either. */
  precision?: FloatDType;
}

/**
 * The equation of training a learner on a finite set, for [copies, p] weights at once. Its sources of noise are the N examples.
 * @throws RangeError for a perturbation shared by the batch, whose noise is not a sum over examples.
 */
export async function sdeOf(
  learner: Learner,
  data: TrainingSet,
  options: TrainingRule & { approximation?: Approximation; copies: number },
): Promise<StochasticEquation & Releasable> {
  const { η, batch, adversary = SGD, precision = "float64", approximation = "order 1", copies } = options;
  if (adversary.shared) throw new RangeError("the equation is for perturbations of single examples, not for one shared by the batch");
  const N = data.x.shape[0];
  const shrinking = approximation === "order 2, α = cη";
  const moved = shrinking ? SGD : adversary;
  const steepened = shrinking && adversary.α * adversary.K > 0;
  const steps = await compileSteps(data, { copies, precision, weights: weightCount(learner), drives: N }, ({ θ, drive, dt }, x, y) => {
    const pull = (w: Value) => weightedDirection(learner, θ, x, y, w, moved);
    // Weights of the examples, which hold drift and noise of order 1: Σ wᵢhᵢ = m dt − √(η/BN) Σ (hᵢ − m) dWᵢ.
    const centred = sub(drive, reduceMean(drive, [0], { keepDimensions: true }));
    const first = pull(sub(mul(dt, 1 / N), mul(centred, Math.sqrt(η / (batch * N)))));
    const P = (weights: Readonly<Record<string, Value>>) => reduceMean(penalties((at) => learner.losses(weights, at, y), x, adversary));
    const bend = () => mul(selfDerivative(pull(constant(full([N], 1 / N, precision))), θ), η / 2);
    const further = [...(approximation === "order 1" ? [] : [bend()]), ...(steepened ? [weightGradient(learner, θ, P)] : [])];
    return further.length > 0 ? add(first, mul(dt, further.reduce(add))) : first;
  });
  const still = new Float64Array(copies * N);
  const moves = async (X: Float64Array, dt: number, dW: Float64Array) => (await steps.follow(X, dt, [dW])).map((v, i) => v - X[i]);
  return {
    dimension: weightCount(learner),
    sources: N,
    drift: (X) => moves(X, 1, still),
    noise: (X, dW) => moves(X, 0, dW),
    follow: steps.follow,
    release: steps.release,
  };
}

/**
 * Discrete training itself, `copies` independent runs of `steps` steps from `start` ([p] or [copies, p]): the weights at `records + 1` equally
 * spaced times t = η × step, the start included. Batches are drawn with replacement; `batch: "all"` takes every example in every step.
 * @throws RangeError when start or records do not fit, a shared perturbation would meet single batches, or a copy leaves the finite numbers.
 */
export async function trainCopies(
  learner: Learner,
  data: TrainingSet,
  start: ArrayLike<number>,
  options: Omit<TrainingRule, "batch"> & { batch: number | "all"; copies: number; steps: number; records?: number; key: Key },
): Promise<Snapshot[]> {
  const { η, batch, adversary = SGD, precision = "float64", copies, steps, records = 1, key } = options;
  if (steps % records !== 0) throw new RangeError(`${steps} steps cannot be recorded at ${records} equally spaced times`);
  if (adversary.shared && batch !== "all") throw new RangeError('a perturbation shared by the batch is trained with `batch: "all"` only');
  const N = data.x.shape[0];
  const p = weightCount(learner);
  if (start.length !== p && start.length !== copies * p) {
    throw new RangeError(`a start of ${start.length} numbers is neither one weight set (${p}) nor one for each of ${copies} copies`);
  }
  const program = await compileSteps(data, { copies, precision, weights: p, drives: N }, ({ θ, drive }, x, y) =>
    weightedDirection(learner, θ, x, y, drive, adversary),
  );
  try {
    return await march(repeated(start, copies * p), {
      steps,
      records,
      dt: η,
      width: copies * N,
      drive: (step, w) => (batch === "all" ? w.fill(η / N) : batchWeights(key.fold(step + 1), { copies, N, batch, η }, w)),
      follow: (θ, drives, into) => program.follow(θ, η, drives, into),
      advice: "take a smaller learning rate",
    });
  } finally {
    await program.release();
  }
}

/** Scalars of each of the weight sets X [copies, p]: `quantities` makes them of the losses as a function of the inputs, and the inputs. */
export async function measureCopies<Name extends string>(
  learner: Learner,
  data: TrainingSet,
  X: Float64Array,
  quantities: (losses: (x: Value) => Value, x: Value) => Record<Name, Value>,
): Promise<Record<Name, Float64Array>> {
  const copies = X.length / weightCount(learner);
  const θ = input("θ", [copies, weightCount(learner)], "float64");
  const values = overCopies(data, { copies }, { θ }, ({ θ }, x, y) => {
    const weights = unflatten(learner, θ);
    return quantities((at) => learner.losses(weights, at, y), x);
  });
  const executable = await compile({ θ }, values, copies * data.x.shape[0] < smallStep ? { threads: 1 } : {});
  const found = await executable.run({ θ: tensor(X, θ.shape, "float64") });
  await executable.release();
  return Object.fromEntries(Object.entries<Tensor>(found).map(([name, value]) => [name, toFloat64(value)])) as Record<Name, Float64Array>;
}

/** Mean loss L and vulnerability G = ½ mean |∇ₓℓ|² of each of the weight sets [copies, p]. */
export const observe = (
  learner: Learner,
  data: TrainingSet,
  X: Float64Array,
): Promise<{ loss: Float64Array; vulnerability: Float64Array }> =>
  measureCopies(learner, data, X, (losses, x) => ({ loss: reduceMean(losses(x)), vulnerability: vulnerability(losses, x) }));

/** η/B for every time that an example is drawn into its copy's batch. */
function batchWeights(key: Key, { copies, N, batch, η }: Record<"copies" | "N" | "batch" | "η", number>, into: Float64Array): Float64Array {
  into.fill(0);
  integers(key, copies * batch, N).forEach((example, i) => {
    into[Math.floor(i / batch) * N + example] += η / batch;
  });
  return into;
}
