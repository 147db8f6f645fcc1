/** What an attack may ask about a model: logits at a point, and the gradient of a loss there. Questions are answered in padded batches. */
import { constant, grad, input, sum } from "../graph/index.ts";
import type { Model } from "../models/index.ts";
import { type CompileOptions, compile, type Executable } from "../runtime/index.ts";
import { aligned, type Shape, size, type Tensor } from "../tensor/index.ts";
import type { Lane } from "./lanes.ts";
import { fewestClasses, type LossName, losses } from "./losses.ts";

/** A question about one point. "logits" needs a forward evaluation, a loss also a backward one. */
export interface Query {
  readonly point: Float32Array;
  readonly want: "logits" | LossName;
  readonly label: number;
  /** Class aimed at, where the loss has one. */
  readonly target?: number;
}

/** Views on memory that the next question overwrites: copy what must last. */
export interface Answer {
  readonly logits: Float32Array;
  readonly loss: number;
  readonly gradient: Float32Array;
}

/** What a model tells of a point: the scores of the classes with gradients, scores alone, or the predicted class alone. */
export type Knowledge = "gradients" | "scores" | "classes";

export interface Oracle {
  readonly gives: Knowledge;
  readonly inputShape: Shape;
  readonly domain: { readonly low: number; readonly high: number };
  readonly classes: number;
  /** Most questions per call. */
  readonly batchSize: number;
  /** Answers to questions that all want the same. @throws AttackError when gradients are wanted of a model that only predicts. */
  answer(queries: readonly Query[]): Promise<Answer[]>;
  release(): Promise<void>;
  /** Other places with the same model that can run attacks at the same time. */
  readonly lanes?: readonly Lane[];
}

export interface OracleOptions extends CompileOptions {
  batchSize?: number;
}

/** An attack that cannot do what is asked. */
export class AttackError extends Error {
  override name = "AttackError";
}

const none = new Float32Array(0);

/** A model with its weights, in inference mode (examples do not influence each other). */
export function modelOracle({ network, weights }: Model, { batchSize = 128, ...runtime }: OracleOptions = {}): Oracle {
  const compiled = new Map<string, Promise<Station>>();
  const station = (want: Query["want"], length: number) => {
    const id = `${want} ${length}`;
    const ready = compiled.get(id) ?? build({ network, weights }, want, length, runtime);
    compiled.set(id, ready);
    return ready;
  };
  return {
    gives: "gradients",
    inputShape: network.inputShape,
    domain: network.domain,
    classes: network.classes,
    batchSize,
    async answer(queries) {
      if (queries.length === 0) return [];
      const { executable, x, labels, targets, into } = await station(queries[0].want, closeSize(queries.length, batchSize));
      const width = size(network.inputShape);
      queries.forEach(({ point, label, target = label }, i) => {
        x.data.set(point, i * width);
        labels.data[i] = label;
        targets.data[i] = target;
      });
      x.data.fill(network.domain.low, queries.length * width);
      await executable.run(queries[0].want === "logits" ? { x } : { x, labels, targets }, into);
      return queries.map((_, i) => ({
        logits: row(into.logits, i),
        loss: into.loss ? into.loss.data[i] : Number.NaN,
        gradient: into.gradient ? row(into.gradient, i) : none,
      }));
    },
    async release() {
      const stations = await Promise.allSettled(compiled.values());
      compiled.clear();
      for (const station of stations) if (station.status === "fulfilled") await station.value.executable.release();
    },
  };
}

/** A compiled graph with the buffers it reads and writes. */
interface Station {
  executable: Executable;
  x: Tensor<"float32">;
  labels: Tensor<"int32">;
  targets: Tensor<"int32">;
  into: { logits: Tensor<"float32">; loss?: Tensor<"float32">; gradient?: Tensor<"float32"> } & Record<string, Tensor>;
}

/** The weights of an oracle never change, so they are constants, which the runtime lays out once. */
async function build({ network, weights }: Model, want: Query["want"], batch: number, runtime: CompileOptions): Promise<Station> {
  const shape = [batch, ...network.inputShape];
  const x = input("x", shape);
  const buffers = {
    x: aligned(shape),
    labels: { dtype: "int32" as const, shape: [batch], data: new Int32Array(batch) },
    targets: { dtype: "int32" as const, shape: [batch], data: new Int32Array(batch) },
  };
  const logits = aligned([batch, network.classes]);
  const values = Object.fromEntries(Object.entries(weights).map(([name, weight]) => [name, constant(weight)]));
  if (want === "logits") {
    const executable = await compile({ x }, { logits: network.apply(x, values).logits }, runtime);
    return { executable, ...buffers, into: { logits } };
  }
  const fewest = fewestClasses[want] ?? 2;
  if (network.classes < fewest)
    throw new AttackError(`the loss "${want}" needs at least ${fewest} classes, but the model has ${network.classes}: use "margin"`);
  const [labels, targets] = [input("labels", [batch], "int32"), input("targets", [batch], "int32")];
  const z = network.apply(x, values).logits;
  const loss = losses[want]({ logits: z, labels, targets });
  const executable = await compile({ x, labels, targets }, { logits: z, loss, gradient: grad(sum(loss), x) }, runtime);
  return { executable, ...buffers, into: { logits, loss: aligned([batch]), gradient: aligned(shape) } };
}

/** The smallest of batchSize, batchSize/2, … ≥ 8 that holds `count`. */
export function paddedSize(count: number, batchSize: number): number {
  let padded = batchSize;
  while (padded / 2 >= Math.max(count, 8) && padded % 2 === 0) padded /= 2;
  return padded;
}

/** The padded size, or three quarters of it where that holds `count` too: less is computed for nothing, at the price of another session. */
function closeSize(count: number, batchSize: number): number {
  const padded = paddedSize(count, batchSize);
  return padded >= 32 && padded % 4 === 0 && count <= 0.75 * padded ? 0.75 * padded : padded;
}

/** One row of a tensor [N, …], as a view. */
function row(tensor: Tensor<"float32">, index: number): Float32Array {
  const width = tensor.data.length / tensor.shape[0];
  return tensor.data.subarray(index * width, (index + 1) * width);
}
