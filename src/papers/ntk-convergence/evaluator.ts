/** A network compiled in float64 for what the theory asks of it: outputs, ascent of the loss in the inputs, its gradient in the weights. */
import { ascentStep } from "../../attacks/index.ts";
import { grad, greater, input, mean, mul, neg, reshape, softplus, stopGradient, sum, type Value, where } from "../../graph/index.ts";
import { type Network, weightNames } from "../../models/index.ts";
import { compile, type Executable } from "../../runtime/index.ts";
import { scalar, type Tensor, tensor } from "../../tensor/index.ts";
import { scalarOutput } from "./networks.ts";
import type { PerturbationSets } from "./sets.ts";
import type { Weights } from "./theory.ts";

/** Points [n, d] (images flattened), labels ±1 [n]. The loss is ℓ(f, y) = log(1 + exp(−yf)). */
export interface Evaluator {
  network: Network;
  /** f(W, x) [n]. */
  outputs(W: Weights, points: Tensor<"float64">): Promise<Float64Array>;
  /**
   * Projected normalized gradient ascent of ℓ from `start` [n, d] in the sets around `centres` [n, d] (or steps to the rim of the sets along the
   * gradient): the highest loss of each row over all points visited, and where.
   */
  ascend(W: Weights, request: AscentRequest): Promise<Visited>;
  /** The losses [n] and the gradient of their mean in the trained weights. */
  descent(W: Weights, points: Tensor<"float64">, labels: Float64Array): Promise<{ losses: Float64Array; gradient: Weights }>;
  /** Σ_i c_i ∇_W f(W, x_i) in the trained weights: the tangent features of the points, combined by `coefficients` [n]. */
  combine(W: Weights, points: Tensor<"float64">, coefficients: Float64Array): Promise<Weights>;
  /** Gives the compiled functions back. */
  release(): Promise<void>;
}

export interface AscentRequest {
  centres: Tensor<"float64">;
  labels: Float64Array;
  start: Tensor<"float64">;
  sets: PerturbationSets;
  steps: number;
  /** Length of a step before it is projected; "rim": each step goes from the centre to `sets.rim` along the gradient. */
  stepSize: number | "rim";
}

/** The best point of each row, [n, d], and its loss, [n]. */
export interface Visited {
  losses: Float64Array;
  points: Tensor<"float64">;
}

/** Ascent steps in one graph: attacks of 1, 5 and 20 steps are runs of one of two programs. */
const UNROLLED = 5;

type Symbols = Readonly<Record<string, Value>>;

/** The compiled functions of a network, each compiled once per number of points, on first use. */
export function evaluator(network: Network): Evaluator {
  const trained = weightNames(network, "trained");
  const programs = new Map<string, Promise<Executable>>();
  /** Sets are told apart as objects: names need not be unique, and what is compiled is their projection. */
  const known = new WeakMap<PerturbationSets, number>();
  let count = 0;
  const numberOf = (sets: PerturbationSets) => {
    const number = known.get(sets) ?? count++;
    known.set(sets, number);
    return number;
  };

  /** Runs the program `id`, built on first use from the weights and from points and numbers of the shapes that are fed. */
  const run = async (
    id: string,
    W: Weights,
    feeds: Readonly<Record<string, Tensor<"float64">>>,
    build: (W: Symbols, fed: Symbols) => Symbols,
  ) => {
    const signature = `${id} ${Object.values(feeds).map(({ shape }) => `[${shape}]`)}`;
    const program = programs.get(signature) ?? compiled(feeds, build);
    programs.set(signature, program);
    return (await program).run({ ...prefixed(W), ...feeds }) as Promise<Record<string, Tensor<"float64">>>;
  };
  const compiled = (feeds: Readonly<Record<string, Tensor>>, build: (W: Symbols, fed: Symbols) => Symbols) => {
    const W = Object.fromEntries(Object.entries(network.weights).map(([name, { shape }]) => [name, input(name, shape, "float64")]));
    const fed = Object.fromEntries(Object.entries(feeds).map(([name, { shape }]) => [name, input(name, shape, "float64")]));
    return compile({ ...prefixed(W), ...fed }, build(W, fed), { threads: 1 });
  };
  const losses = (W: Symbols, x: Value, y: Value) => logistic(scalarOutput(network, x, W), y);
  const gradients = (objective: Value, W: Symbols) => {
    const values = grad(
      objective,
      trained.map((name) => W[name]),
    );
    return Object.fromEntries(trained.map((name, i) => [`∇${name}`, values[i]]));
  };
  const inWeights = (results: Weights): Weights => Object.fromEntries(trained.map((name) => [name, results[`∇${name}`]]));

  return {
    network,
    outputs: async (W, points) => (await run("outputs", W, { x: points }, (w, { x }) => ({ f: scalarOutput(network, x, w) }))).f.data,
    async ascend(W, { centres, labels, start, sets, steps, stepSize }) {
      const unrolled = steps % UNROLLED === 0 ? UNROLLED : 1;
      const n = labels.length;
      let x = start;
      let best: Visited = { losses: new Float64Array(n).fill(Number.NEGATIVE_INFINITY), points: start };
      for (let step = 0; step < Math.max(steps, 1); step += unrolled) {
        const feeds = {
          x,
          centres,
          y: vector(labels),
          ...(stepSize === "rim" ? {} : { stepSize: scalar(stepSize, "float64") }),
          highest: vector(best.losses),
          at: best.points,
        };
        const id = `ascend ${numberOf(sets)} ${stepSize === "rim" ? "rim" : "step"} ${Math.min(unrolled, steps)}`;
        const result = await run(id, W, feeds, (w, fed) =>
          ascent((point) => losses(w, point, fed.y), fed, stepOf(sets, fed), Math.min(unrolled, steps)),
        );
        x = result.last;
        best = { losses: result.highest.data, points: result.at };
      }
      return best;
    },
    async descent(W, points, labels) {
      const results = await run("descent", W, { x: points, y: vector(labels) }, (w, { x, y }) => {
        const ℓ = losses(w, x, y);
        return { ℓ, ...gradients(mean(ℓ), w) };
      });
      return { losses: results.ℓ.data, gradient: inWeights(results) };
    },
    combine: async (W, points, coefficients) =>
      inWeights(
        await run("combine", W, { x: points, c: vector(coefficients) }, (w, { x, c }) =>
          gradients(sum(mul(scalarOutput(network, x, w), c)), w),
        ),
      ),
    async release() {
      for (const program of programs.values()) await (await program).release();
      programs.clear();
    },
  };
}

/** log(1 + exp(−yf)) of each example. */
export function logistic(f: Value, y: Value): Value {
  return softplus(neg(mul(y, f)));
}

/** x and its gradient → the next x: a projected normalized step where its size is fed, else to the rim. */
function stepOf(sets: PerturbationSets, { centres, stepSize }: Symbols): (x: Value, gradient: Value) => Value {
  if (stepSize === undefined) return (_, gradient) => sets.rim(centres, gradient);
  const projection = sets.projection(centres);
  return (x, gradient) => ascentStep(x, gradient, { direction: "l2", stepSize, projection });
}

/** `steps` ascent steps from x with the best point of each row kept, the start and the end included. */
function ascent(losses: (x: Value) => Value, fed: Symbols, next: (x: Value, gradient: Value) => Value, steps: number): Symbols {
  let [x, highest, at] = [fed.x, fed.highest, fed.at];
  for (let k = 0; ; k++) {
    const ℓ = losses(x);
    const better = greater(ℓ, highest);
    highest = where(better, ℓ, highest);
    at = where(reshape(better, [...better.shape, 1]), x, at);
    if (k === steps) return { highest, at, last: x };
    x = stopGradient(next(x, grad(sum(ℓ), x)));
  }
}

/** The names of weights, kept apart from those of points and numbers. */
function prefixed<T>(W: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(W).map(([name, value]) => [`weight/${name}`, value]));
}

function vector(values: Float64Array): Tensor<"float64"> {
  return tensor(values, [values.length], "float64");
}
