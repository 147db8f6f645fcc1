/**
 * Adversarial training of two-layer networks at several input scales (§2.4): does a smaller scale train faster? It depends on the learning rate,
 * and the paper's convention is not known to us; so all of them are run, side by side on the leading axis of one graph.
 */

import { norm, row } from "../../analysis/ascent-dynamics.ts";
import { ascend, ballProjection } from "../../attacks/ascent.ts";
import {
  add,
  broadcastTo,
  constant,
  grad,
  input,
  mul,
  reduceMean,
  reshape,
  square,
  stopGradient,
  sub,
  sum,
  type Value,
} from "../../graph/index.ts";
import { compile } from "../../runtime/index.ts";
import { type FloatDType, type Key, normal, type Tensor, tensor, toFloat64, zeros } from "../../tensor/index.ts";
import { drawEnsemble, outputs } from "./networks.ts";

/** Input dimension d of the trainings of §2.4. */
export const trainingDimension = 30;

/** One training: the input scale, the learning rate, and the seed that draws network and data. */
export interface TrainingRun {
  c: number;
  learningRate: number;
  seed: number;
}

export interface TrainingOptions {
  key: Key;
  rho: number;
  /** Dimension, width, number of examples: 30, 400, 100. */
  d?: number;
  m?: number;
  examples?: number;
  epochs?: number;
  /** Inner steps K, each of length 2.5ε/K along ∇/|∇|. */
  innerSteps?: number;
  /**
   * Default "float32", in which losses are those of float64 to 1e-6, but where a rate is large for its scale (10 at c = 10: rounding grows to some per cent of one seed's
   * loss). float64 takes four times as long: more than the quick laboratory has.
   */
  dtype?: FloatDType;
  progress?: (fraction: number) => void;
}

/**
 * The mean adversarial loss ½(f(x + δ) − y)² of every run before each epoch, [runs][epochs]. It is bounded, whatever the rate, since |f| ≤ √m.
 *
 * tanh networks, inputs x = c·x̂ on the sphere of radius c, labels by a linear teacher, W trained by full-batch gradient descent and a fixed;
 * δ by projected ascent from 0 on |δ| ≤ ε = ρc, and not differentiated through.
 */
export async function trainAdversarially(
  runs: readonly TrainingRun[],
  {
    key,
    rho,
    d = trainingDimension,
    m = 400,
    examples = 100,
    epochs = 60,
    innerSteps = 10,
    dtype = "float32",
    progress = () => {},
  }: TrainingOptions,
): Promise<number[][]> {
  const problems = runs.map(({ seed, c }) => drawProblem(key.fold("training", seed), { c, d, m, examples }));
  const L = runs.length;
  const stacked = (of: (problem: Problem) => Float64Array, shape: number[]) =>
    tensor(Float64Array.from(problems.flatMap((problem) => [...of(problem)])), [L, ...shape], dtype);
  const column = (values: readonly number[]) => tensor(values, [L, 1, 1], dtype);
  const data = {
    x: stacked(({ x }) => x, [examples, d]),
    y: stacked(({ y }) => y, [examples]),
    readout: stacked(({ readout }) => readout, [m, 1]),
    radius: column(runs.map(({ c }) => rho * c)),
    rate: column(runs.map(({ learningRate }) => learningRate)),
  };
  const epoch = await compileEpoch({ L, d, m, examples, innerSteps, dtype });
  let weights: Tensor = stacked((problem) => problem.weights, [d, m]);
  const losses: number[][] = runs.map(() => []);
  for (let t = 0; t < epochs; t++) {
    progress(t / epochs);
    const after = await epoch.run({ weights, ...data });
    const loss = toFloat64(after.loss);
    for (const [i, curve] of losses.entries()) curve.push(loss[i]);
    weights = after.weights;
  }
  await epoch.release();
  return losses;
}

/** One epoch of all runs as one graph: the ascent, the loss at its end, and the gradient step on the weights. */
function compileEpoch({
  L,
  d,
  m,
  examples,
  innerSteps,
  dtype,
}: Record<"L" | "d" | "m" | "examples" | "innerSteps", number> & { dtype: FloatDType }) {
  const [x, y] = [input("x", [L, examples, d], dtype), input("y", [L, examples], dtype)];
  const [weights, readout] = [input("weights", [L, d, m], dtype), input("readout", [L, m, 1], dtype)];
  const [radius, rate] = [input("radius", [L, 1, 1], dtype), input("rate", [L, 1, 1], dtype)];
  const losses = (delta: Value) => mul(square(sub(outputs("tanh", add(x, delta), weights, readout), y)), 0.5);
  // A step is made per row, so each example is a row: [L·examples, d].
  const apart = (rows: Value) => reshape(rows, [L, examples, d]);
  const perRow = reshape(broadcastTo(radius, [L, examples, 1]), [L * examples, 1]);
  const found = ascend(constant(zeros([L * examples, d], dtype)), innerSteps, (rows) => grad(sum(losses(apart(rows))), rows), {
    direction: "l2",
    stepSize: mul(perRow, 2.5 / innerSteps),
    projection: ballProjection(constant(zeros([], dtype)), "l2", perRow),
  });
  const loss = reduceMean(losses(stopGradient(apart(found))), [1]);
  return compile({ x, y, weights, readout, radius, rate }, { loss, weights: sub(weights, mul(rate, grad(sum(loss), weights))) });
}

export interface Problem {
  /** c·x̂, [examples, d]; labels ±1; w transposed [d, m]; a/√m [m] */
  x: Float64Array;
  y: Float64Array;
  weights: Float64Array;
  readout: Float64Array;
}

/** Network, inputs and teacher of one seed; the same at every scale but for c. */
export function drawProblem(key: Key, { c, d, m, examples }: { c: number; d: number; m: number; examples: number }): Problem {
  const { weights, readout } = drawEnsemble(key, { activation: "tanh", networks: 1, d, m });
  const teacher = normal(key.fold("teacher"), [d]).data;
  const x = normal(key.fold("inputs"), [examples, d]).data;
  const y = new Float64Array(examples);
  for (let i = 0; i < examples; i++) {
    const example = row(x, i, d);
    y[i] = Math.sign(example.reduce((total, v, j) => total + v * teacher[j], 0));
    const size = norm(example);
    for (let j = 0; j < d; j++) example[j] *= c / size;
  }
  return { x, y, weights: weights.data, readout: readout.data };
}
