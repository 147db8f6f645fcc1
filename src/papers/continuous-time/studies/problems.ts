/** The problems that several studies share. */
import { Matrix } from "ml-matrix";
import { type Key, normal, uniform } from "../../../tensor/index.ts";
import type { Inner } from "../theory/inner.ts";
import type { GaussianModel } from "../theory/linear-regression.ts";
import type { BinaryData } from "../theory/logistic.ts";

/** Plain stochastic gradient descent: no adversary. */
export const SGD: Inner = { α: 0, K: 0 };

/** A = 1, θ* = 1, τ = .5: the specification's reference table, whose rows are `tableRows`. */
export const scalarModel: GaussianModel = { A: new Matrix([[1]]), θstar: [1], τ: 0.5 };

export const tableRows: readonly Inner[] = [
  SGD,
  { α: 0.01, K: 1 },
  { α: 0.05, K: 1 },
  { α: 0.1, K: 1 },
  { α: 0.1, K: 2 },
  { α: 0.1, K: 5 },
  { α: 0.1, K: 10 },
];

/** The specification's three-dimensional check. */
export const spatialModel: GaussianModel = {
  A: new Matrix([
    [1, 0.2, 0.2],
    [0.2, 0.5, 0.2],
    [0.2, 0.2, 2],
  ]),
  θstar: [1, -0.5, 0.8],
  τ: 0.5,
};

/** n points x ~ N(0, I₂) whose label is the side of a line, flipped with probability .2: not separable, so every root exists. */
export function noisyLabels(key: Key, n = 200): BinaryData {
  const z = normal(key.fold("x"), [n, 2]).data;
  const flips = uniform(key.fold("flips"), [n]).data;
  const x = Array.from({ length: n }, (_, i) => [z[2 * i], z[2 * i + 1]]);
  return { x, y: x.map(([a, b], i) => Math.sign(a + 0.5 * b) * (flips[i] < 0.2 ? -1 : 1)) };
}
