/** What follows from the theorem, in float64: equal objectives and gradients, the rate of finite steps, restarts against brute force, the global bound. */
import { Matrix, SVD } from "ml-matrix";
import { followAscent } from "../../analysis/ascent.ts";
import { cellDistances } from "../../analysis/cells.ts";
import { exampleMap, modelMap, spectralNorms } from "../../analysis/jacobian.ts";
import { compileObjective } from "../../analysis/objective.ts";
import { operatorNorms } from "../../analysis/operator-norm.ts";
import { globalBound } from "../../analysis/spectral.ts";
import { powerStep } from "../../attacks/index.ts";
import {
  add,
  concat,
  constant,
  flatten,
  grad,
  input,
  jvp,
  matMul,
  mul,
  reduceSum,
  reshape,
  square,
  sub,
  sum,
  type Value,
  vjp,
} from "../../graph/index.ts";
import { compile } from "../../runtime/index.ts";
import { type Key, normal, type Tensor, tensor, toFloat64, zeros } from "../../tensor/index.ts";
import { reluNetwork, sizes } from "./equivalence.ts";
import { contraction, jacobianWeight } from "./theory.ts";

/** Check 2, the hard norm: ‖A‖_{∞,1} with restarts against all sign vectors. */
export interface BruteForceRecord {
  matrices: number;
  /** Matrices whose maximum was reached (to 1e-9), and the largest relative excess over it. */
  reached: number;
  excess: number;
}

export async function compareWithBruteForce(key: Key, { matrices = 60, n = 8, d = 8, restarts = 20 } = {}): Promise<BruteForceRecord> {
  const A = normal(key, [matrices, d, n]);
  const map = exampleMap((x) => reshape(matMul(constant(A), reshape(x, [matrices, n, 1])), [matrices, d]), {
    shape: [matrices, n],
    dtype: "float64",
  });
  const origin = new Float64Array(matrices * n);
  const { values } = await operatorNorms(map, origin, {
    p: Number.POSITIVE_INFINITY,
    q: 1,
    key: key.fold("starts"),
    restarts,
    iterations: 30,
  });
  await map.release();
  let [reached, excess] = [0, Number.NEGATIVE_INFINITY];
  for (const [b, value] of values.entries()) {
    const exact = largestOverSigns(A.data.subarray(b * d * n, (b + 1) * d * n), d, n);
    if (value >= exact * (1 - 1e-9)) reached++;
    excess = Math.max(excess, value / exact - 1);
  }
  return { matrices, reached, excess };
}

/** max ‖As‖₁ over s ∈ {−1, 1}ⁿ. */
function largestOverSigns(A: Float64Array, d: number, n: number): number {
  let best = 0;
  for (let signs = 0; signs < 2 ** (n - 1); signs++) {
    let total = 0;
    for (let k = 0; k < d; k++) {
      let entry = 0;
      for (let j = 0; j < n; j++) entry += (signs >> j) & 1 ? -A[k * n + j] : A[k * n + j];
      total += Math.abs(entry);
    }
    best = Math.max(best, total);
  }
  return best;
}

/** Check 3: relative differences, largest over points (values) or over weights (gradients, in max-norm). */
export interface ObjectiveRecord {
  /** λ/2 ‖f(x*) − f(x)‖² of the ascent against λ/2 ‖f(x + εv) − f(x)‖² of the power method: value and weight gradient. */
  value: number;
  gradient: number;
  /** Both against (λε²/2)σ_k². */
  singular: number;
  /** The weight gradient of ½(u·Jv)² with u = Jv/‖Jv‖ fixed against that of ½‖Jv‖². */
  jacobianGradient: number;
}

/** The two regularizers at the ends of both iterations, and their gradients in all weights. */
export async function compareObjectives(key: Key, { points = 16, lambda = 0.02 } = {}): Promise<ObjectiveRecord> {
  const { n, d } = sizes;
  const model = reluNetwork(key.fold("network"));
  const { network } = model;
  const x = normal(key.fold("points"), [points, n]).data;
  const map = modelMap(model, { batch: points, dtype: "float64" });
  const epsilon = (await cellDistances(model, x, { p: 2, dtype: "float64" })).map(({ distance }) => 0.9 * distance);
  // The power method's direction, and the adversary's point by the library's own ascent on ½‖f(x + δ) − f(x)‖².
  let v = normal(key.fold("start"), [points, n]).data;
  v = (await map.power(x, v, { p: 2, q: 2 })).next;
  const start = v.map((value, i) => epsilon[Math.floor(i / n)] * value);
  for (let k = 0; k < 15; k++) v = (await map.power(x, v, { p: 2, q: 2 })).next;
  const { value: σ } = await map.power(x, v, { p: 2, q: 2 });
  const fixed = Object.fromEntries(
    Object.entries(model.weights).map(([name, { data, shape }]) => [name, constant(tensor(data, shape, "float64"))]),
  );
  const center = constant(tensor(x, [points, n], "float64"));
  const logits = (at: Value, weights: Readonly<Record<string, Value>>) => network.apply(at, weights).logits;
  const objective = compileObjective((δ) => mul(reduceSum(square(sub(logits(add(center, δ), fixed), logits(center, fixed))), [1]), 0.5), {
    batch: points,
    dimension: n,
  })();
  const courses = await followAscent(objective, { start, radius: epsilon, stepSize: epsilon.map(() => 1e9), direction: "l2", steps: 15 });
  const found = Float64Array.from(courses.flatMap(({ path }) => [...path[path.length - 1]]));

  const symbols = Object.fromEntries(Object.entries(network.weights).map(([name, { shape }]) => [name, input(name, shape, "float64")]));
  const [δ, along, u] = [input("δ", [points, n], "float64"), input("v", [points, n], "float64"), input("u", [points, d], "float64")];
  const change = mul(reduceSum(square(sub(logits(add(center, δ), symbols), logits(center, symbols))), [1]), lambda / 2);
  const at = add(center, mul(δ, 0));
  const outputs = logits(at, symbols);
  const [Jv] = jvp([outputs], [at], [along]);
  const [Ju] = vjp([outputs], [at], [u]);
  const weights = Object.values(symbols);
  const gradientOf = (loss: Value) => joined(grad(sum(loss), weights));
  const placeholders = { ...symbols, δ, v: along, u };
  const penalty = await compile(placeholders, { change, gradient: gradientOf(change) });
  const jacobian = await compile(placeholders, {
    Jv,
    fixed: gradientOf(mul(square(reduceSum(mul(Ju, along), [1])), 0.5)),
    free: gradientOf(mul(reduceSum(square(Jv), [1]), 0.5)),
  });
  const own = Object.fromEntries(Object.entries(model.weights).map(([name, { data, shape }]) => [name, tensor(data, shape, "float64")]));
  const row = (data: Float64Array, width = n) => tensor(data.slice(), [points, width], "float64");
  const feeds = { ...own, v: row(v), u: row(new Float64Array(points * d), d), δ: row(found) };
  const [adversary, power] = [
    await penalty.run(feeds),
    await penalty.run({ ...feeds, δ: row(v.map((w, i) => epsilon[Math.floor(i / n)] * w)) }),
  ];
  const { Jv: image } = await jacobian.run(feeds);
  const both = await jacobian.run({ ...feeds, u: row(unit(toFloat64(image), d), d) });
  await Promise.all([penalty.release(), jacobian.release(), map.release()]);
  const expected = σ.map((value, b) => (jacobianWeight(lambda, epsilon[b]) / 2) * value ** 2);
  const [a, b] = [toFloat64(adversary.change), toFloat64(power.change)];
  return {
    value: Math.max(...a.map((value, i) => Math.abs(value / b[i] - 1))),
    gradient: relative(toFloat64(adversary.gradient), toFloat64(power.gradient)),
    singular: Math.max(...[a, b].map((values) => Math.max(...values.map((value, i) => Math.abs(value / expected[i] - 1))))),
    jacobianGradient: relative(toFloat64(both.fixed), toFloat64(both.free)),
  };
}

/** Check 4: the contraction of the angle to v₁, measured once it is small, and its formula. */
export interface RateRecord {
  /** α/ε */
  stepRatio: number;
  measured: number;
  predicted: number;
}

export async function measureRates(key: Key, { n = 20, d = 10, stepRatios = [0.2, 1, 10, 1e6] } = {}): Promise<RateRecord[]> {
  const A = normal(key.fold("matrix"), [d, n]);
  const { diagonal, leftSingularVectors: V } = new SVD(Matrix.from1DArray(d, n, Array.from(A.data)).transpose());
  const objective = compileObjective((δ) => mul(reduceSum(square(matMul(δ, constant(transposed(A)))), [1]), 0.5), {
    batch: 1,
    dimension: n,
  })();
  const records: RateRecord[] = [];
  for (const stepRatio of stepRatios) {
    const start = unit(normal(key.fold("start"), [1, n]).data, n);
    const [{ path }] = await followAscent(objective, { start, radius: [1], stepSize: [stepRatio], direction: "l2", steps: 300 });
    const tangents = path.map((δ) => Math.abs(inner(δ, V.getColumn(1)) / inner(δ, V.getColumn(0))));
    // From where the angle is small to where rounding begins to show.
    const usable = tangents.flatMap((t, k) => (t < 1e-3 && t > 1e-9 ? [k] : []));
    const [first, last] = [usable[0], usable[usable.length - 1]];
    const measured = (tangents[last] / tangents[first]) ** (1 / (last - first));
    records.push({ stepRatio, measured, predicted: contraction(stepRatio, diagonal[1] / diagonal[0]) });
  }
  return records;
}

/** Check 5: the product of the layers' norms against Jacobians, and the gradient λσuvᵀ against differentiating (λ/2)σ². */
export interface GlobalRecord {
  points: number;
  /** Points at which σ(J) exceeds the bound, and the largest σ(J)/bound. */
  violations: number;
  largestShare: number;
  /** Largest difference of the penalty's gradient from λσuvᵀ, relative to the largest entry: of the graph, and of central differences of σ². */
  gradient: number;
  differences: number;
}

export async function checkGlobalBound(key: Key, { points = 1000, lambda = 0.3 } = {}): Promise<GlobalRecord> {
  const model = reluNetwork(key.fold("network"));
  const { bound } = await globalBound(model, { dtype: "float64" });
  const map = modelMap(model, { batch: points, dtype: "float64" });
  const norms = await spectralNorms(map, normal(key.fold("points"), [points, sizes.n], 3).data);
  await map.release();
  const shares = norms.map((norm) => norm / bound);

  const { data, shape } = model.weights["fc1.weight"];
  const [rows, columns] = shape;
  const entries = Array.from(data, Number);
  const { diagonal, leftSingularVectors: U, rightSingularVectors: V } = new SVD(Matrix.from1DArray(rows, columns, entries));
  const expected = Float64Array.from(entries, (_, i) => lambda * diagonal[0] * U.get(Math.floor(i / columns), 0) * V.get(i % columns, 0));
  // The defense's way: u and v by the power method, held fixed while (λ/2)(u·Wv)² is differentiated.
  const [W, v, u] = [input("W", shape, "float64"), input("v", [columns, 1], "float64"), input("u", [rows, 1], "float64")];
  const h = input("h", [1, columns], "float64");
  const direction = input("direction", [1, columns], "float64");
  const step = powerStep(flatten(matMul(W, reshape(h, [columns, 1])), 0), h, direction, { p: 2, q: 2 });
  const iterate = await compile({ W, h, direction }, { next: step.next, u: step.u });
  const product = sum(mul(u, matMul(W, v)));
  const gradient = await compile({ W, v, u }, { g: grad(mul(square(product), lambda / 2), W) });
  const matrix = tensor(entries, shape, "float64");
  let at: Tensor = normal(key.fold("warm start"), [1, columns]);
  let left: Tensor = zeros([1, rows], "float64");
  for (let k = 0; k < 500; k++) {
    const found = await iterate.run({ W: matrix, h: zeros([1, columns], "float64"), direction: at });
    [at, left] = [found.next, found.u];
  }
  const { g } = await gradient.run({ W: matrix, v: tensor(at.data, [columns, 1], "float64"), u: tensor(left.data, [rows, 1], "float64") });
  await Promise.all([iterate.release(), gradient.release()]);
  const σ2 = (moved: readonly number[]) => new SVD(Matrix.from1DArray(rows, columns, [...moved])).diagonal[0] ** 2;
  const some = [0, 7, 101, entries.length - 1];
  const numeric = some.map((j) => {
    const moved = (h: number) => σ2(entries.map((w, i) => (i === j ? w + h : w)));
    return ((lambda / 2) * (moved(1e-6) - moved(-1e-6))) / 2e-6;
  });
  const scale = Math.max(...expected.map(Math.abs));
  return {
    points,
    violations: shares.filter((share) => share > 1 + 1e-12).length,
    largestShare: Math.max(...shares),
    gradient: relative(toFloat64(g), expected),
    differences: Math.max(...numeric.map((value, i) => Math.abs(value - expected[some[i]]) / scale)),
  };
}

/** max |a − b| / max |b| */
function relative(a: Float64Array, b: Float64Array): number {
  const scale = b.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
  return a.reduce((largest, value, i) => Math.max(largest, Math.abs(value - b[i])), 0) / scale;
}

/** Rows of `width` numbers scaled to unit length. */
function unit(rows: Float64Array, width: number): Float64Array {
  return rows.map((value, i) => value / Math.hypot(...rows.subarray(i - (i % width), i - (i % width) + width)));
}

function inner(a: Float64Array, b: readonly number[]): number {
  return a.reduce((total, value, i) => total + value * b[i], 0);
}

function transposed({ data, shape: [rows, columns] }: Tensor<"float64">): Tensor<"float64"> {
  return tensor(
    data.map((_, i) => data[(i % rows) * columns + Math.floor(i / rows)]),
    [columns, rows],
    "float64",
  );
}

/** Gradients as one vector. */
function joined(parts: readonly Value[]): Value {
  return concat(
    parts.map((part) => reshape(part, [-1])),
    0,
  );
}
