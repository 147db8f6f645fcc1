/**
 * The theorem, step by step in float64: within the cell, projected gradient ascent with infinite steps on the ℓ_q change of the logits in the ℓ_p ball
 * walks exactly where the power method for ‖J‖_{p,q} walks.
 */
import { cellDistances } from "../../analysis/cells.ts";
import { modelMap, singularTriplets } from "../../analysis/jacobian.ts";
import { ascentStep, ballProjection, type Exponent, rowNorm } from "../../attacks/index.ts";
import { constant, grad, input, mul, reduceSum, square, sub, sum, type Value } from "../../graph/index.ts";
import { assemble, linear, type Model, relu, sequential } from "../../models/index.ts";
import { compile } from "../../runtime/index.ts";
import { type Key, normal, type Tensor, tensor, toFloat64 } from "../../tensor/index.ts";

export const sizes = { n: 20, h: 40, d: 10 };
const ITERATIONS = 15;
/** Stands for an infinite step. */
const STEP = 1e9;

export const normPairs: readonly (readonly [p: 2 | typeof Infinity, q: Exponent])[] = [2, Number.POSITIVE_INFINITY].flatMap((p) =>
  [1, 2, 3, Number.POSITIVE_INFINITY].map((q) => [p, q] as const),
);

/** One (p, q) pair: what came of both iterations from the same starts. */
export interface EquivalenceRecord {
  p: string;
  q: string;
  /** max over points and steps of |(x_k − x) − εv_k|∞/ε, with ε 0.9 of the distance to the cell's boundary, and with 50 times that distance. */
  difference: number;
  outside: number;
  /** Largest relative fall of ‖Jv_k‖_q from one step to the next; at most rounding where it never falls. */
  fall: number;
  /** p = q = 2: largest relative distance of the last value from σ₁ by a decomposition. */
  singularError?: number;
}

/** The two-layer ReLU network of the derivation, 20 → 40 → 10. */
export function reluNetwork(key: Key): Model {
  const { n, h, d } = sizes;
  return assemble("two-layer-relu", sequential(linear(h), relu, linear(d)), { inputShape: [n], classes: d }).initialize(key);
}

/** Both iterations at `points` random points for one pair of norms. */
export async function compareIterations(
  key: Key,
  [p, q]: (typeof normPairs)[number],
  { points = 32 }: { points?: number } = {},
): Promise<EquivalenceRecord> {
  const { n } = sizes;
  const model = reluNetwork(key.fold("network"));
  const x = normal(key.fold("points"), [points, n]).data;
  const map = modelMap(model, { batch: points, dtype: "float64" });
  const radii = (await cellDistances(model, x, { p, dtype: "float64" })).map(({ distance }) => distance);
  const start = unitRows(normal(key.fold("start"), [points, n]).data, n, p);

  const path = [start];
  const values: Float64Array[] = [];
  for (let k = 0; k < (p === 2 && q === 2 ? 400 : ITERATIONS); k++) {
    const { value, next } = await map.power(x, path[path.length - 1], { p, q });
    values.push(value);
    path.push(next);
  }
  const ascent = await compileAscent(model, points, p, q);
  const differenceAt = async (share: number) => {
    const epsilon = radii.map((radius) => share * radius);
    let at: Float64Array = x.map((v, i) => v + epsilon[Math.floor(i / n)] * start[i]);
    let worst = 0;
    for (let k = 1; k <= ITERATIONS; k++) {
      at = await ascent.step(at, x, epsilon);
      at.forEach((v, i) => {
        const ε = epsilon[Math.floor(i / n)];
        worst = Math.max(worst, Math.abs(v - x[i] - ε * path[k][i]) / ε);
      });
    }
    return worst;
  };
  const fall = Math.max(...values.slice(1).map((later, k) => Math.max(...later.map((value, b) => (values[k][b] - value) / values[k][b]))));
  const record: EquivalenceRecord = {
    p: String(p),
    q: String(q),
    difference: await differenceAt(0.9),
    outside: await differenceAt(50),
    fall,
  };
  if (p === 2 && q === 2) {
    const exact = await singularTriplets(map, x);
    const last = values[values.length - 1];
    record.singularError = Math.max(...exact.map(({ values: [σ] }, b) => Math.abs(last[b] / σ - 1)));
  }
  await Promise.all([map.release(), ascent.release()]);
  return record;
}

/** One step of projected gradient ascent on ½‖f(x′) − f(x)‖₂² (q = 2) or ‖f(x′) − f(x)‖_q, differentiated as it stands. */
async function compileAscent({ network, weights }: Model, points: number, p: 2 | typeof Infinity, q: Exponent) {
  const symbols = Object.fromEntries(Object.entries(weights).map(([name, weight]) => [name, constant(float64(weight))]));
  const shape = [points, sizes.n];
  const [at, center, epsilon] = [
    input("at", shape, "float64"),
    input("center", shape, "float64"),
    input("epsilon", [points, 1], "float64"),
  ];
  const z = sub(network.apply(at, symbols).logits, network.apply(center, symbols).logits);
  const loss = q === 2 ? mul(reduceSum(square(z), [1]), 0.5) : rowNorm(z, q);
  const next: Value = ascentStep(at, grad(sum(loss), at), {
    direction: p === 2 ? "l2" : "sign",
    stepSize: STEP,
    projection: ballProjection(center, p === 2 ? "l2" : "linf", epsilon),
  });
  const executable = await compile({ at, center, epsilon }, { next });
  return {
    async step(from: Float64Array, x: Float64Array, radii: readonly number[]): Promise<Float64Array> {
      const feeds = {
        at: tensor(from, shape, "float64"),
        center: tensor(x, shape, "float64"),
        epsilon: tensor(radii, [points, 1], "float64"),
      };
      return toFloat64((await executable.run(feeds)).next);
    },
    release: () => executable.release(),
  };
}

/** Rows scaled to unit ℓ_p norm. */
function unitRows(rows: Float64Array, n: number, p: Exponent): Float64Array {
  for (let start = 0; start < rows.length; start += n) {
    const row = rows.subarray(start, start + n);
    const length = p === 2 ? Math.hypot(...row) : Math.max(...row.map(Math.abs));
    row.forEach((v, i) => {
      row[i] = v / length;
    });
  }
  return rows;
}

function float64({ data, shape }: Tensor): Tensor<"float64"> {
  return tensor(data, shape, "float64");
}
