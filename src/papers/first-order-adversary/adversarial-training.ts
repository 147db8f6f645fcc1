/**
 * Adversarial training of two-layer networks at several input scales (§2.4): does a smaller scale train faster? It depends on the learning rate,
 * and the paper's convention is not known to us; so all of them are run, each training to its end on one of the lanes.
 */

import { norm, row } from "../../analysis/ascent-dynamics.ts";
import { ascend, ballProjection } from "../../attacks/ascent.ts";
import {
  add,
  concat,
  constant,
  grad,
  input,
  mul,
  reduceMean,
  reshape,
  sliceAxis,
  square,
  stopGradient,
  sub,
  sum,
  type Value,
} from "../../graph/index.ts";
import { compile, overLanes } from "../../runtime/index.ts";
import { type FloatDType, type Key, normal, tensor, toFloat64, zeros } from "../../tensor/index.ts";
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
  /** Default "float64". In float32 losses are those of float64 to 1e-6, but where a rate is large for its scale (10 at c = 10: some per cent of one seed's loss). */
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
    dtype = "float64",
    progress = () => {},
  }: TrainingOptions,
): Promise<number[][]> {
  const sizes = { d, m, examples, epochs, innerSteps, dtype };
  const trainings: ReturnType<typeof compileTraining>[] = [];
  let ended = 0;
  try {
    return await overLanes(runs, async ({ c, learningRate, seed }, lane) => {
      trainings[lane] ??= compileTraining(sizes, lane);
      const problem = drawProblem(key.fold("training", seed), { c, d, m, examples });
      const losses = await (await trainings[lane]).train(problem, rho * c, learningRate);
      progress(++ended / runs.length);
      return losses;
    });
  } finally {
    for (const training of trainings) await (await training)?.release();
  }
}

/**
 * A whole training as one graph of an epoch, run again and again: the ascent, the loss at its end, and the gradient step on the weights. The losses of all
 * epochs move up by one in each.
 */
async function compileTraining(
  { d, m, examples, epochs, innerSteps, dtype }: Record<"d" | "m" | "examples" | "epochs" | "innerSteps", number> & { dtype: FloatDType },
  lane: number,
) {
  const shapes = {
    x: [1, examples, d],
    y: [1, examples],
    weights: [1, d, m],
    readout: [1, m, 1],
    radius: [],
    rate: [],
    losses: [epochs + 1],
  };
  const entries = Object.entries(shapes).map(([name, shape]) => [name, input(name, shape, dtype)]);
  const inputs = Object.fromEntries(entries) as Record<keyof typeof shapes, Value>;
  const { x, y, weights, readout, radius, rate } = inputs;
  const losses = (delta: Value) => mul(square(sub(outputs("tanh", add(x, delta), weights, readout), y)), 0.5);
  // A step is made per row, so each example is a row: [examples, d].
  const apart = (rows: Value) => reshape(rows, [1, examples, d]);
  const found = ascend(constant(zeros([examples, d], dtype)), innerSteps, (rows) => grad(sum(losses(apart(rows))), rows), {
    direction: "l2",
    stepSize: mul(radius, 2.5 / innerSteps),
    projection: ballProjection(constant(zeros([], dtype)), "l2", radius),
  });
  const loss = reduceMean(losses(stopGradient(apart(found))), [1]);
  const next = {
    weights: sub(weights, mul(rate, grad(sum(loss), weights))),
    losses: concat([sliceAxis(inputs.losses, 0, 1, epochs + 1), loss], 0),
  };
  const executable = await compile(inputs, next, { lane, threads: 1 });
  return {
    release: executable.release,
    async train(problem: Problem, ε: number, learningRate: number): Promise<number[]> {
      const data = { ...problem, radius: [ε], rate: [learningRate], losses: new Float64Array(epochs + 1) };
      const feeds = Object.fromEntries(
        Object.entries(data).map(([name, v]) => [name, tensor(v, shapes[name as keyof typeof shapes], dtype)]),
      );
      const each = Array.from({ length: epochs }, () => ({}));
      const { losses } = await executable.iterate(feeds, { each, carry: { weights: "weights", losses: "losses" } });
      return [...toFloat64(losses).subarray(1)];
    },
  };
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
