/** The attack inside training: ascent steps on a whole minibatch, compiled once and fed with the weights of the moment. */
import { ascentStep, ballProjection, type Direction, type LossName, losses } from "../attacks/index.ts";
import { grad, input, sum } from "../graph/index.ts";
import type { NetworkMode, Weights } from "../models/index.ts";
import { compile } from "../runtime/index.ts";
import { fillUniform, type Key, type Shape, scalar, size, type Tensor } from "../tensor/index.ts";
import type { Workbench } from "./defense.ts";

export interface InnerAscentOptions {
  norm: "linf" | "l2";
  loss?: LossName;
  /** The network's mode while gradients for the attack are taken. */
  mode?: NetworkMode;
  /** Whether iterates are clipped to the input domain after every step. */
  box?: boolean;
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
}

export interface InnerAscent {
  /** The point after the last step. It is a buffer that the next call overwrites. */
  ascend(request: AscentRequest): Promise<Tensor<"float32">>;
  release(): Promise<void>;
}

/** x ← Π(x + α·steepest(∇ₓ ℓ)) for batches of the workbench's size. */
export async function innerAscent(
  { network, batchSize, runtime }: Workbench,
  { norm, loss = "cross-entropy", mode = "inference", box = true }: InnerAscentOptions,
): Promise<InnerAscent> {
  const shape = [batchSize, ...network.inputShape];
  const [x, center, labels] = [input("x", shape), input("center", shape), input("labels", [batchSize], "int32")];
  const weights = Object.fromEntries(
    Object.entries(network.weights).map(([name, weight]) => [name, input(`weight/${name}`, weight.shape)]),
  );
  const [epsilon, stepSize] = [input("epsilon", []), input("stepSize", [])];
  const { logits } = network.apply(x, weights, mode);
  const gradient = grad(sum(losses[loss]({ logits, labels, targets: labels })), x);
  const direction: Direction = norm === "linf" ? "sign" : "l2";
  const next = ascentStep(x, gradient, {
    direction,
    stepSize,
    projection: ballProjection(center, norm, epsilon, box ? network.domain : undefined),
  });
  const executable = await compile({ x, center, labels, epsilon, stepSize, ...prefixed(weights) }, { next }, runtime);
  const buffers = [emptyBatch(shape), emptyBatch(shape)];
  return {
    async ascend({ x: center, start, y: labels, weights: values, steps, epsilon, stepSize }) {
      const feeds = { center, labels, epsilon: scalar(epsilon), stepSize: scalar(stepSize), ...prefixed(values) };
      let point = start;
      for (let step = 0; step < steps; step++) {
        const next = buffers[step % 2];
        await executable.run({ x: point, ...feeds }, { next });
        point = next;
      }
      return point;
    },
    release: () => executable.release(),
  };
}

/** x plus noise in the ball: uniform in the cube for L∞, a random direction with a radius uniform in volume for L2. Optionally clipped to the domain. */
export function randomStart(
  x: Tensor<"float32">,
  { norm, epsilon }: { norm: "linf" | "l2"; epsilon: number },
  key: Key,
  domain?: { low: number; high: number },
): Tensor<"float32"> {
  const start = new Float32Array(x.data.length);
  if (norm === "linf") fillUniform(key, start, -epsilon, epsilon);
  else fillBall(start, x.shape[0], epsilon, key);
  for (let i = 0; i < start.length; i++) start[i] += x.data[i];
  if (domain) for (let i = 0; i < start.length; i++) start[i] = Math.min(Math.max(start[i], domain.low), domain.high);
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

/** Standard normal numbers by Box–Muller on 24-bit uniforms. */
function fillNormal(key: Key, out: Float32Array): void {
  const u = fillUniform(key, new Float32Array(2 * Math.ceil(out.length / 2)), 0, 1);
  for (let i = 0; i < out.length; i += 2) {
    const radius = Math.sqrt(-2 * Math.log(1 - u[i]));
    out[i] = radius * Math.cos(2 * Math.PI * u[i + 1]);
    if (i + 1 < out.length) out[i + 1] = radius * Math.sin(2 * Math.PI * u[i + 1]);
  }
}

function prefixed<T>(weights: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(weights).map(([name, value]) => [`weight/${name}`, value]));
}

function emptyBatch(shape: Shape): Tensor<"float32"> {
  return { dtype: "float32", shape, data: new Float32Array(size(shape)) };
}
