/**
 * Many two-layer networks at random initialization, side by side in one graph, each looking at one input:
 *
 *     f(x) = m^{-1/2} Σ_r a_r φ(w_r·x),   w_r ~ N(0, I_d),   a_r = ±1,    x = c·x̂,  |x̂| = 1,    y = ±1
 *
 * Weights stand on a leading axis, so one matrix product serves all networks and all the points that each is asked about.
 */
import { compileObjective, type Objective } from "../../analysis/objective.ts";
import { add, input, matMul, mul, relu, reshape, softplus, square, sub, tanh, type Value } from "../../graph/index.ts";
import { type Key, normal, type Tensor, tensor, uniform } from "../../tensor/index.ts";
import type { ActivationName } from "./moments.ts";

const symbolic: Record<ActivationName, (z: Value) => Value> = { tanh, softplus, relu };

/** S networks with an input direction and a label each; or one network with S inputs, whose weights then have the leading extent 1. */
export interface Ensemble {
  activation: ActivationName;
  /** Number S of networks (or inputs), input dimension d, width m. */
  networks: number;
  d: number;
  m: number;
  /** w, transposed: [S, d, m] or [1, d, m] */
  weights: Tensor<"float64">;
  /** a/√m: [S, m, 1] or [1, m, 1] */
  readout: Tensor<"float64">;
  /** x̂: [S, d], rows of length 1 */
  directions: Float64Array;
  /** y: ±1, [S] */
  labels: Float64Array;
}

/** Draws S independent networks; network i depends on the key and i only, and is the same for every activation. */
export function drawEnsemble(key: Key, { activation, networks, d, m }: Pick<Ensemble, "activation" | "networks" | "d" | "m">): Ensemble {
  const weights = new Float64Array(networks * d * m);
  const readout = new Float64Array(networks * m);
  const directions = new Float64Array(networks * d);
  const labels = new Float64Array(networks);
  for (let s = 0; s < networks; s++) {
    const own = key.fold("network", s);
    weights.set(normal(own.fold("w"), [d, m]).data, s * d * m);
    readout.set(
      uniform(own.fold("a"), [m]).data.map((u) => (u < 0.5 ? -1 : 1) / Math.sqrt(m)),
      s * m,
    );
    directions.set(unit(normal(own.fold("x"), [d]).data), s * d);
    labels[s] = uniform(own.fold("y"), [1]).data[0] < 0.5 ? -1 : 1;
  }
  return {
    activation,
    networks,
    d,
    m,
    weights: tensor(weights, [networks, d, m], "float64"),
    readout: tensor(readout, [networks, m, 1], "float64"),
    directions,
    labels,
  };
}

/** f at points [S, R, d] of every network: [S, R]. Weights are [S, d, m] and the readout a/√m [S, m, 1], or [1, …] for one network that sees all points. */
export function outputs(activation: ActivationName, points: Value, weights: Value, readout: Value): Value {
  const [networks, count, d] = points.shape;
  const together = weights.shape[0] === 1 ? reshape(points, [1, networks * count, d]) : points;
  return reshape(matMul(symbolic[activation](matMul(together, weights)), readout), [networks, count]);
}

/** What a function of the perturbation is made of: δ [S, R, d], f(x + δ) [S, R] and y [S, 1]. */
export interface AtPoint {
  delta: Value;
  f: Value;
  y: Value;
}

/**
 * A function of δ for `points` perturbations of every network's input, rows (network s, point j) ↦ s·R + j, at any input scale c. `build` gives its
 * values [S, R]; `extra` are further placeholders with their data.
 */
export function ensembleObjective(
  ensemble: Ensemble,
  points: number,
  build: (at: AtPoint) => Value,
  extra: Readonly<Record<string, readonly [placeholder: Value, data: Tensor]>> = {},
): (c: number, labels?: Float64Array) => Objective {
  const { activation, networks, d, weights, readout, directions } = ensemble;
  const x = input("x", [networks, 1, d], "float64");
  const y = input("y", [networks, 1], "float64");
  const w = input("weights", weights.shape, "float64");
  const a = input("readout", readout.shape, "float64");
  const bind = compileObjective(
    (rows) => {
      const delta = reshape(rows, [networks, points, d]);
      return reshape(build({ delta, f: outputs(activation, add(delta, x), w, a), y }), [networks * points]);
    },
    {
      batch: networks * points,
      dimension: d,
      inputs: { x, y, weights: w, readout: a, ...mapValues(extra, ([placeholder]) => placeholder) },
      // Products of a matrix with few vectors are bound by memory: a second thread gains little, and costs much on a busy machine.
      threads: 1,
    },
  );
  return (c, labels = ensemble.labels) =>
    bind({
      x: tensor(
        directions.map((v) => c * v),
        [networks, 1, d],
        "float64",
      ),
      y: tensor(labels, [networks, 1], "float64"),
      weights,
      readout,
      ...mapValues(extra, ([, data]) => data),
    });
}

/** The two functions that the laboratory ascends, at any input scale c. */
export interface EnsembleObjectives {
  /** F(δ) = ½(f(x + δ) − y)² */
  loss(c: number): Objective;
  /** ±f(x + δ), with one sign per network (default +) */
  output(c: number, signs?: Float64Array): Objective;
}

/** F and f for `points` perturbations of every network's input. */
export function ensembleObjectives(ensemble: Ensemble, points: number): EnsembleObjectives {
  const output = ensembleObjective(ensemble, points, ({ f, y }) => mul(f, y));
  return {
    loss: ensembleObjective(ensemble, points, ({ f, y }) => mul(square(sub(f, y)), 0.5)),
    output: (c, signs = new Float64Array(ensemble.networks).fill(1)) => output(c, signs),
  };
}

function mapValues<T, U>(record: Readonly<Record<string, T>>, f: (value: T) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, f(value)]));
}

function unit(vector: Float64Array): Float64Array {
  const size = Math.hypot(...vector);
  return vector.map((v) => v / size);
}
