/** The attack inside training: ascent steps on a whole minibatch, compiled once and fed with the weights of the moment. */
import { ascentStep, ballProjection, type Direction, fosc, type LossName, losses } from "../attacks/index.ts";
import { grad, input, sum, type Value } from "../graph/index.ts";
import type { Network, NetworkMode, Weights } from "../models/index.ts";
import { compile, type Executable } from "../runtime/index.ts";
import { aligned, fillNormal, fillUniform, type Key, scalar, type Tensor } from "../tensor/index.ts";
import type { Workbench } from "./defense.ts";

export interface InnerAscentOptions {
  norm: "linf" | "l2";
  /** What is ascended: an adversary's loss, or a function [N] of the logits and of reference logits [N, classes]. */
  loss?: LossName | ((logits: Value, reference: Value) => Value);
  /** The network's mode while gradients for the attack are taken. */
  mode?: NetworkMode;
  /** Whether iterates are clipped to the input domain after every step. */
  box?: boolean;
  /** Whether FOSC takes the input domain into account. */
  foscInBox?: boolean;
}

/** One ascent: where it begins, around which inputs, and how far it may go (ε and the step α in input units). */
export interface AscentRequest {
  x: Tensor<"float32">;
  start: Tensor<"float32">;
  y: Tensor<"int32">;
  weights: Weights;
  steps: number;
  epsilon: number;
  stepSize: number;
  /** For a loss that compares with given logits. */
  reference?: Tensor<"float32">;
}

export interface InnerAscent {
  /** The point after the last step. It is a buffer that the next call overwrites. */
  ascend(request: AscentRequest): Promise<Tensor<"float32">>;
  release(): Promise<void>;
}

/** x ← Π(x + α·steepest(∇ₓ ℓ)) for batches of the workbench's size. */
export async function innerAscent(workbench: Workbench, options: InnerAscentOptions): Promise<InnerAscent> {
  const { batchSize, network } = workbench;
  const executable = await compileAscentStep(workbench, options, batchSize, ["next"]);
  const shape = [batchSize, ...network.inputShape];
  const buffers = [aligned(shape), aligned(shape)];
  return {
    async ascend({ start, steps, ...request }) {
      await executable.hold(weightFeeds(request.weights));
      const feeds = ascentFeeds(request);
      let point = start;
      for (let step = 0; step < steps; step++) {
        const next = buffers[step % 2];
        await executable.run({ ...feeds, x: point }, { next });
        point = next;
      }
      return point;
    },
    release: () => executable.release(),
  };
}

/** The step as one graph that holds the weights: the `next` point from x, and `fosc` at x itself (around `origin`) from the same gradient. */
export function compileAscentStep<Output extends "next" | "fosc">(
  { network, runtime }: Workbench,
  { norm, loss = "cross-entropy", mode = "inference", box = true, foscInBox = false }: InnerAscentOptions,
  batchSize: number,
  outputs: readonly Output[],
): Promise<Executable<Output>> {
  const shape = [batchSize, ...network.inputShape];
  const [x, center, origin] = ["x", "center", "origin"].map((name) => input(name, shape));
  const [labels, reference] = [input("labels", [batchSize], "int32"), input("reference", [batchSize, network.classes])];
  const weights = weightInputs(network);
  const [epsilon, stepSize] = [input("epsilon", []), input("stepSize", [])];
  const { logits } = network.apply(x, weights, mode);
  const ascended = typeof loss === "string" ? losses[loss]({ logits, labels, targets: labels }) : loss(logits, reference);
  const gradient = grad(sum(ascended), x);
  const direction: Direction = norm === "linf" ? "sign" : "l2";
  const made = {
    next: () =>
      ascentStep(x, gradient, {
        direction,
        stepSize,
        projection: ballProjection(center, norm, epsilon, box ? network.domain : undefined),
      }),
    fosc: () => fosc(x, origin, gradient, { norm, epsilon, box: foscInBox ? network.domain : undefined }),
  };
  const wanted = Object.fromEntries(outputs.map((name) => [name, made[name]()])) as Record<Output, Value>;
  const inputs = { x, center, origin, labels, reference, epsilon, stepSize, ...weightFeeds(weights) };
  return compile(inputs, wanted, { ...runtime, held: Object.keys(weightFeeds(weights)) });
}

/** The logits of a batch with the weights of the moment. */
export async function compileLogits({ network, batchSize, runtime }: Workbench, mode: NetworkMode) {
  const x = input("x", [batchSize, ...network.inputShape]);
  const weights = weightInputs(network);
  const executable = await compile({ x, ...weightFeeds(weights) }, { logits: network.apply(x, weights, mode).logits }, runtime);
  return {
    async logits(x: Tensor<"float32">, values: Weights): Promise<Tensor<"float32">> {
      return (await executable.run({ x, ...weightFeeds(values) })).logits as Tensor<"float32">;
    },
    release: () => executable.release(),
  };
}

/** What an ascent step is fed with, but for the point and the weights. */
export function ascentFeeds({
  x,
  y,
  epsilon,
  stepSize,
  reference,
}: Omit<AscentRequest, "start" | "steps" | "weights">): Record<string, Tensor> {
  const feeds = { center: x, labels: y, epsilon: scalar(epsilon), stepSize: scalar(stepSize) };
  return reference ? { ...feeds, reference } : feeds;
}

/** ε and α at a position in training: they grow linearly from 0 in the first `warmup` epochs. */
export function budgetAt(epoch: number, { epsilon, stepSize, warmup }: { epsilon: number; stepSize: number; warmup: number }) {
  const share = warmup > 0 ? Math.min(1, epoch / warmup) : 1;
  return { epsilon: share * epsilon, stepSize: share * stepSize };
}

/**
 * x plus noise in the ball: uniform in the cube for L∞, a random direction with a radius uniform in volume for L2. Optionally clipped to the domain,
 * and written to memory that is there already.
 */
export function randomStart(
  x: Tensor<"float32">,
  { norm, epsilon }: { norm: "linf" | "l2"; epsilon: number },
  key: Key,
  domain?: { low: number; high: number },
  into: Tensor<"float32"> = aligned(x.shape),
): Tensor<"float32"> {
  const start = into.data;
  if (norm === "linf") fillUniform(key, start, -epsilon, epsilon);
  else fillBall(start, x.shape[0], epsilon, key);
  for (let i = 0; i < start.length; i++) start[i] += x.data[i];
  if (domain) for (let i = 0; i < start.length; i++) start[i] = Math.min(Math.max(start[i], domain.low), domain.high);
  return into;
}

/** x plus `deviation`·N(0, 1) in every component: the start of TRADES and MART. */
export function gaussianStart(x: Tensor<"float32">, deviation: number, key: Key): Tensor<"float32"> {
  const start = fillNormal(key, new Float32Array(x.data.length), deviation);
  for (let i = 0; i < start.length; i++) start[i] += x.data[i];
  return { dtype: "float32", shape: x.shape, data: start };
}

function fillBall(out: Float32Array, count: number, epsilon: number, key: Key): void {
  const width = out.length / count;
  const radii = fillUniform(key.fold("radius"), new Float32Array(count), 0, 1);
  fillNormal(key.fold("direction"), out);
  for (let i = 0; i < count; i++) {
    const row = out.subarray(i * width, (i + 1) * width);
    const factor = (epsilon * radii[i] ** (1 / width)) / Math.sqrt(row.reduce((total, v) => total + v * v, 0));
    for (let j = 0; j < width; j++) row[j] *= factor;
  }
}

/** Placeholders for a network's weights, to be fed with `weightFeeds`. */
export function weightInputs({ weights }: Network): Record<string, Value> {
  return Object.fromEntries(Object.entries(weights).map(([name, { shape }]) => [name, input(`weight/${name}`, shape)]));
}

/** Weights, or their placeholders, under the names that do not collide with those of other inputs. */
export function weightFeeds<T>(weights: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(weights).map(([name, value]) => [`weight/${name}`, value]));
}
