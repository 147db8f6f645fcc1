/**
 * The stochastic differential equations of (adversarial) training for any small model: drift and diffusion from its per-example gradients, many
 * paths in one graph, in float64. Beside them the discrete training that they stand for, on the same graph.
 *
 * With hᵢ the direction of example i, m their mean and W an N-dimensional Brownian motion, the noise of a batch of B drawn with replacement is
 * √(ηΣ) dW = √(η/(BN)) Σᵢ (hᵢ − m) dWᵢ, which needs no p × p root: a weighted sum of directions is the gradient of one weighted loss.
 * Derivations: papers/continuous-time, 1.3 d, e.
 */
import { add, constant, input, mul, reduceMean, sub, type Value, vmap } from "../graph/index.ts";
import { compile } from "../runtime/index.ts";
import { cast, full, integers, type Key, type Shape, type Tensor, tensor, toFloat64 } from "../tensor/index.ts";
import { type Adversary, SGD, selfDerivative, vulnerability, weightedDirection, weightGradient } from "./adversarial-direction.ts";
import { type Learner, unflatten, weightCount } from "./learner.ts";
import { repeated, type Snapshot, type StochasticEquation } from "./sde.ts";

/** Examples x [N, …] with y [N, …]. */
export interface TrainingSet {
  x: Tensor;
  y: Tensor;
}

/**
 * Which equation stands for training with rate η:
 * - "order 1": dΘ = −m dt + √(ηΣ) dW, weak error O(η) at fixed α;
 * - "order 2": drift −m − (η/2)(Dm)m, weak error O(η²) at fixed α;
 * - "order 2, α = cη": drift −∇[L + (η/4)|∇L|² + KαG], clean noise, weak error O(η²) where α shrinks with η.
 */
export type Approximation = "order 1" | "order 2" | "order 2, α = cη";

/** How the learner learns. Time t of the equation is η × number of steps. */
export interface TrainingRule {
  /** Learning rate. */
  η: number;
  /** Examples per step, drawn with replacement. */
  batch: number;
  adversary?: Adversary;
}

/** Something compiled; `release` gives its memory back. */
export interface Releasable {
  release(): Promise<void>;
}

/**
 * The equation of training a learner on a finite set, for [copies, p] weights at once. Its sources of noise are the N examples.
 * @throws RangeError for a perturbation shared by the batch, whose noise is not a sum over examples.
 */
export async function sdeOf(
  learner: Learner,
  data: TrainingSet,
  { η, batch, adversary = SGD, approximation = "order 1", copies }: TrainingRule & { approximation?: Approximation; copies: number },
): Promise<StochasticEquation & Releasable> {
  if (adversary.shared) throw new RangeError("the equation is for perturbations of single examples, not for one shared by the batch");
  const N = data.x.shape[0];
  const shrinking = approximation === "order 2, α = cη";
  const moved = shrinking ? SGD : adversary;
  const deviation = Math.sqrt(η / (batch * N));
  // keep·θ + b(θ) dt + s(θ) dW: the weights of the examples hold the noise, and with dt/N the drift −m dt as well.
  const inputs = { θ: [weightCount(learner)], dW: [N], dt: [], keep: [] };
  const graph = await compileCopies(data, copies, inputs, ({ θ, dW, dt, keep }, x, y) => {
    const centred = sub(dW, reduceMean(dW, [0], { keepDimensions: true }));
    const pull = weightedDirection(learner, θ, x, y, sub(mul(dt, 1 / N), mul(centred, deviation)), moved);
    const moving = sub(mul(keep, θ), pull);
    const G = (weights: Readonly<Record<string, Value>>) => vulnerability((at) => learner.losses(weights, at, y), x);
    const bend = () => mul(selfDerivative(weightedDirection(learner, θ, x, y, full64([N], 1 / N), moved), θ), η / 2);
    const steepen = () => mul(weightGradient(learner, θ, G), adversary.K * adversary.α);
    const further = [...(approximation === "order 1" ? [] : [bend()]), ...(shrinking ? [steepen()] : [])];
    return { X: further.length > 0 ? sub(moving, mul(dt, further.reduce(add))) : moving };
  });
  const each = (value: number) => new Float64Array(copies).fill(value);
  const [zero, one] = [each(0), each(1)];
  const still = new Float64Array(copies * N);
  const move = async (θ: Float64Array, dW: Float64Array, dt: Float64Array, keep: Float64Array) => (await graph.run({ θ, dW, dt, keep })).X;
  return {
    dimension: weightCount(learner),
    sources: N,
    drift: (X) => move(X, still, one, zero),
    noise: (X, dW) => move(X, dW, zero, zero),
    step: (X, dt, dW) => move(X, dW, each(dt), one),
    release: graph.release,
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
  const { η, batch, adversary = SGD, copies, steps, records = 1, key } = options;
  if (steps % records !== 0) throw new RangeError(`${steps} steps cannot be recorded at ${records} equally spaced times`);
  if (adversary.shared && batch !== "all") throw new RangeError('a perturbation shared by the batch is trained with `batch: "all"` only');
  const N = data.x.shape[0];
  const p = weightCount(learner);
  if (start.length !== p && start.length !== copies * p) {
    throw new RangeError(`a start of ${start.length} numbers is neither one weight set (${p}) nor one for each of ${copies} copies`);
  }
  const graph = await compileCopies(data, copies, { θ: [p], w: [N] }, ({ θ, w }, x, y) => ({
    X: sub(θ, weightedDirection(learner, θ, x, y, w, adversary)),
  }));
  let X = repeated(start, copies * p);
  const snapshots: Snapshot[] = [{ t: 0, X }];
  for (let step = 1; step <= steps; step++) {
    const weights = batch === "all" ? new Float64Array(copies * N).fill(η / N) : batchWeights(key.fold(step), copies, N, batch, η);
    X = (await graph.run({ θ: X, w: weights })).X;
    if (step % (steps / records) !== 0) continue;
    if (!X.every(Number.isFinite)) throw new RangeError(`a copy left the finite numbers before step ${step}: take a smaller learning rate`);
    snapshots.push({ t: step * η, X });
  }
  await graph.release();
  return snapshots;
}

/** Scalars of each of the weight sets X [copies, p]: `quantities` makes them of the losses as a function of the inputs, and the inputs. */
export async function measureCopies<Name extends string>(
  learner: Learner,
  data: TrainingSet,
  X: Float64Array,
  quantities: (losses: (x: Value) => Value, x: Value) => Record<Name, Value>,
): Promise<Record<Name, Float64Array>> {
  const copies = X.length / weightCount(learner);
  const graph = await compileCopies(data, copies, { θ: [weightCount(learner)] }, ({ θ }, x, y) => {
    const weights = unflatten(learner, θ);
    return quantities((at) => learner.losses(weights, at, y), x);
  });
  const found = await graph.run({ θ: X });
  await graph.release();
  return found;
}

/** Mean loss L and vulnerability G = ½ mean |∇ₓℓ|² of each of the weight sets [copies, p]. */
export const observe = (
  learner: Learner,
  data: TrainingSet,
  X: Float64Array,
): Promise<{ loss: Float64Array; vulnerability: Float64Array }> =>
  measureCopies(learner, data, X, (losses, x) => ({ loss: reduceMean(losses(x)), vulnerability: vulnerability(losses, x) }));

/** Copies from which on the graph runs faster with the copies innermost. */
const manyCopies = 64;

/** Numbers per step (copies × examples) below which a second thread gains nothing, and loses much to waiting for it where the machine is busy. */
const smallStep = 4096;

/** Compiles what `build` makes of the inputs of one copy, which have the given shapes, for `copies` of them at once: [copies, …] each. */
async function compileCopies<Input extends string, Output extends string>(
  data: TrainingSet,
  copies: number,
  shapes: Readonly<Record<Input, Shape>>,
  build: (inputs: Record<Input, Value>, x: Value, y: Value) => Record<Output, Value>,
): Promise<Releasable & { run(feeds: Record<Input, Float64Array>): Promise<Record<Output, Float64Array>> }> {
  const N = data.x.shape[0];
  if (data.y.shape[0] !== N) throw new RangeError(`${N} examples x and ${data.y.shape[0]} labels y do not belong together`);
  const x = constant(cast(data.x, "float64"));
  const y = constant(data.y);
  const names = Object.keys(shapes) as Input[];
  const named = <T>(values: readonly T[]) => Object.fromEntries(names.map((name, i) => [name, values[i]])) as Record<Input, T>;
  const inputs = names.map((name) => input(name, [copies, ...shapes[name]], "float64"));
  let outputs: Output[] = [];
  const values = vmap(
    (...own) => {
      const built = build(named(own), x, y);
      outputs = Object.keys(built) as Output[];
      return outputs.map((name) => built[name]);
    },
    inputs,
    { innermost: copies >= manyCopies },
  );
  const results = Object.fromEntries(outputs.map((name, i) => [name, values[i]])) as Record<Output, Value>;
  const executable = await compile(named(inputs), results, { threads: copies * N < smallStep ? 1 : undefined });
  return {
    release: () => executable.release(),
    run: async (feeds) => {
      const given = named(names.map((name) => tensor(feeds[name], [copies, ...shapes[name]], "float64")));
      const found = await executable.run(given);
      return Object.fromEntries(Object.entries<Tensor>(found).map(([name, value]) => [name, toFloat64(value)])) as Record<
        Output,
        Float64Array
      >;
    },
  };
}

/** η/B for every time that an example is drawn into its copy's batch. */
function batchWeights(key: Key, copies: number, N: number, batch: number, η: number): Float64Array {
  const weights = new Float64Array(copies * N);
  integers(key, copies * batch, N).forEach((example, i) => {
    weights[Math.floor(i / batch) * N + example] += η / batch;
  });
  return weights;
}

const full64 = (shape: Shape, value: number): Value => constant(full(shape, value, "float64"));
