/** One descent step as one compiled graph: loss, gradients, clipping, optimizer, statistics and weight average. */
import { add, argMax, cast, div, equal, grad, input, min, mul, sqrt, square, sum, type Value } from "../graph/index.ts";
import { type Network, type Weights, weightNames } from "../models/index.ts";
import { type CompileOptions, compile, type Executable } from "../runtime/index.ts";
import { alignedCopies, scalar, type Tensor, zeros } from "../tensor/index.ts";
import type { Forward, PreparedDefense } from "./defense.ts";
import type { Optimizer } from "./optimizers.ts";

export interface UpdateOptions {
  batchSize: number;
  optimizer: Optimizer;
  /** Largest Euclidean norm of the whole gradient; longer ones are scaled down to it. */
  clipNorm?: number;
  /** Decay of the exponential moving average of the weights; without it none is kept. */
  averageDecay?: number;
}

/** Everything that a step changes. All tensors are owned, and replaced or overwritten by the next step. */
export interface TrainingState {
  weights: Weights;
  /** Optimizer slots by "slot/weight". */
  slots: Readonly<Record<string, Tensor>>;
  /** Moving average of trained weights, where one is kept. */
  average: Readonly<Record<string, Tensor>>;
}

export interface StepResult {
  loss: number;
  /** Share of the batch that the logits of the loss classify correctly. */
  accuracy: number;
  /** Euclidean norm of the gradient before clipping. */
  gradientNorm: number;
  /** What the defense asked for beside. */
  outputs: Record<string, Tensor>;
}

export interface Update {
  /** Applies one step to `state`, which is overwritten. */
  run(state: TrainingState, feeds: Readonly<Record<string, Tensor>>, rate: number, step: number): Promise<StepResult>;
  release(): Promise<void>;
}

export function initialState(
  { network, weights }: { network: Network; weights: Weights },
  { optimizer, averageDecay }: Pick<UpdateOptions, "optimizer" | "averageDecay">,
): TrainingState {
  const trained = weightNames(network, "trained");
  const chosen = (names: readonly string[]) => alignedCopies(Object.fromEntries(names.map((name) => [name, weights[name]])));
  const slots = optimizer.slots.flatMap((slot) => trained.map((name) => [`${slot}/${name}`, zeros(weights[name].shape)] as const));
  return {
    weights: chosen(Object.keys(network.weights)),
    slots: alignedCopies(Object.fromEntries(slots)),
    average: averageDecay === undefined ? {} : chosen(trained),
  };
}

/** Compiles the step of a defense on a network. */
export async function compileUpdate(
  network: Network,
  defense: PreparedDefense,
  options: UpdateOptions,
  runtime: CompileOptions,
): Promise<Update> {
  const { batchSize, optimizer, clipNorm, averageDecay } = options;
  const trained = weightNames(network, "trained");
  const placeholders: Record<string, Value> = {
    x: input("x", [batchSize, ...network.inputShape]),
    labels: input("labels", [batchSize], "int32"),
    rate: input("rate", []),
  };
  const scalarNames = Object.keys(optimizer.scalars(1));
  const placeholder = (group: string, name: string, shape: readonly number[], dtype: "float32" | "int32" = "float32") =>
    (placeholders[`${group}/${name}`] = input(`${group}/${name}`, shape, dtype as "float32"));
  const scalars = Object.fromEntries(scalarNames.map((name) => [name, placeholder("scalar", name, [])]));
  const crafted = Object.fromEntries(
    Object.entries(defense.crafted).map(([name, { shape, dtype }]) => [name, placeholder("crafted", name, shape, dtype)]),
  );
  const weights = Object.fromEntries(
    Object.entries(network.weights).map(([name, { shape }]) => [name, placeholder("weight", name, shape)]),
  );
  const slots = Object.fromEntries(
    optimizer.slots.flatMap((slot) =>
      trained.map((name) => [`${slot}/${name}`, placeholder("slot", `${slot}/${name}`, network.weights[name].shape)]),
    ),
  );

  const statistics: Record<string, Value> = {};
  const forward: Forward = (x, { mode = "training", weights: own = weights, statistics: collect = true } = {}) => {
    const result = network.apply(x, { ...own, ...statistics }, mode);
    if (collect) Object.assign(statistics, result.statistics);
    return result.logits;
  };
  const {
    loss,
    logits,
    outputs: wanted = {},
  } = defense.loss({ x: placeholders.x, labels: placeholders.labels, crafted, weights }, forward);
  const raw = grad(
    loss,
    trained.map((name) => weights[name]),
  );
  const norm = sqrt(raw.map((g) => sum(square(g))).reduce((total, term) => add(total, term)));
  const factor = clipNorm === undefined ? undefined : min(div(clipNorm, norm), 1);
  const outputs: Record<string, Value> = { ...prefixed("weight", statistics) };
  trained.forEach((name, i) => {
    const g = factor ? mul(raw[i], factor) : raw[i];
    const own = Object.fromEntries(optimizer.slots.map((slot) => [slot, slots[`${slot}/${name}`]]));
    const next = optimizer.update(weights[name], g, own, { rate: placeholders.rate, ...scalars });
    outputs[`weight/${name}`] = next.w;
    for (const slot of optimizer.slots) outputs[`slot/${slot}/${name}`] = next.slots[slot];
    if (averageDecay !== undefined) {
      const average = placeholder("average", name, network.weights[name].shape);
      outputs[`average/${name}`] = add(mul(average, averageDecay), mul(next.w, 1 - averageDecay));
    }
  });
  const correct = sum(cast(equal(cast(argMax(logits, 1), "int32"), placeholders.labels), "float32"));
  const report = { loss, norm, accuracy: div(correct, batchSize), ...prefixed("output", wanted) };
  const executable = await compile(placeholders, { ...outputs, ...report }, runtime);
  return runner(executable, Object.keys(outputs), Object.keys(wanted), optimizer);
}

/** Steps alternate between two sets of buffers: the graph reads one and writes the other. */
function runner(executable: Executable, changed: readonly string[], wanted: readonly string[], optimizer: Optimizer): Update {
  let spare: Record<string, Tensor> | undefined;
  const report = { loss: scalar(0), norm: scalar(0), accuracy: scalar(0) };
  return {
    async run(state, feeds, rate, step) {
      const current: Record<string, Tensor> = {
        ...prefixed("weight", state.weights),
        ...prefixed("slot", state.slots),
        ...prefixed("average", state.average),
      };
      const into = (spare ??= alignedCopies(Object.fromEntries(changed.map((name) => [name, current[name]]))));
      const scalars = prefixed(
        "scalar",
        Object.fromEntries(Object.entries({ ...optimizer.scalars(step) }).map(([name, value]) => [name, scalar(value)])),
      );
      const computed = await executable.run({ ...current, ...scalars, ...feeds, rate: scalar(rate) }, { ...into, ...report });
      spare = Object.fromEntries(changed.map((name) => [name, current[name]]));
      const next = { ...current, ...into };
      const group = (prefix: string) =>
        Object.fromEntries(
          Object.entries(next).flatMap(([name, tensor]) =>
            name.startsWith(`${prefix}/`) ? [[name.slice(prefix.length + 1), tensor]] : [],
          ),
        );
      Object.assign(state, { weights: group("weight"), slots: group("slot"), average: group("average") });
      const outputs = Object.fromEntries(wanted.map((name) => [name, computed[`output/${name}`]]));
      return { loss: report.loss.data[0], accuracy: report.accuracy.data[0], gradientNorm: report.norm.data[0], outputs };
    },
    release: () => executable.release(),
  };
}

function prefixed<T>(prefix: string, record: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [`${prefix}/${name}`, value]));
}
