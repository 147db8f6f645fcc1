/** What can be checked exactly (checks 1 to 3): FOSC against brute force, its independence of the batch, and when examples stop. */
import { dualNormOf, type FoscOptions, fosc, foscOf } from "../../attacks/index.ts";
import { crossEntropy, evaluate, grad, input, mean, sum, type Value } from "../../graph/index.ts";
import type { Architecture, Weights } from "../../models/index.ts";
import { compile } from "../../runtime/index.ts";
import { cast, integers, type Key, rows, type Tensor, tensor, uniform } from "../../tensor/index.ts";
import { innerAscent, randomStart, stoppingAscent } from "../../training/index.ts";

/** Largest relative deviations from brute force, and the smallest value found. */
export interface FormRecord {
  form: string;
  error: number;
  least: number;
  /** |c| at the point that a first-order step cannot improve */
  stationary: number;
}

/**
 * The symbolic form in float64 on random balls (d ≤ 12) against the largest ⟨z − x, g⟩ over the vertices of X: all corners for L∞ and the box, the
 * 2d vertices for L1. The L2 ball has none; there z = x⁰ + εg/‖g‖ attains the value, and Cauchy–Schwarz says that nothing exceeds it.
 */
export function studyForms(cases: number, key: Key): FormRecord[] {
  const forms: [string, FoscOptions["norm"], boolean][] = [
    ["L∞", "linf", false],
    ["L∞ in the box", "linf", true],
    ["L2", "l2", false],
    ["L1", "l1", false],
  ];
  return forms.map(([form, norm, inBox]) => {
    let [error, least, stationary] = [0, Number.POSITIVE_INFINITY, 0];
    for (let i = 0; i < cases; i++) {
      const source = key.fold(form, i);
      const d = 2 + (i % 11);
      const epsilon = 0.05 + 0.4 * uniform(source.fold("epsilon"), [1]).data[0];
      const center = uniform(source.fold("center"), [d]).data;
      const g = uniform(source.fold("gradient"), [d], -1, 1).data;
      const low = center.map((v) => (inBox ? Math.max(v - epsilon, 0) : v - epsilon));
      const high = center.map((v) => (inBox ? Math.min(v + epsilon, 1) : v + epsilon));
      const share = uniform(source.fold("x"), [d], -1, 1).data;
      const size = norm === "l2" ? Math.hypot(...share) : norm === "l1" ? share.reduce((total, v) => total + Math.abs(v), 0) : 1;
      const x = center.map((v, j) =>
        norm === "linf" ? low[j] + ((share[j] + 1) / 2) * (high[j] - low[j]) : v + (0.9 * epsilon * share[j]) / size,
      );
      const at = (point: Float64Array) => symbolic(point, { center, g, norm, epsilon, inBox });
      const best = bestVertex({ center, g, norm, epsilon, low, high });
      const expected = best.reduce((total, v, j) => total + (v - x[j]) * g[j], 0);
      const c = at(x);
      error = Math.max(error, Math.abs(c - expected) / expected);
      least = Math.min(least, c);
      stationary = Math.max(stationary, Math.abs(at(best)));
    }
    return { form, error, least, stationary };
  });
}

interface Case {
  center: Float64Array;
  g: Float64Array;
  norm: FoscOptions["norm"];
  epsilon: number;
}

/** The graph's value, which must agree with the numeric form to be returned. */
function symbolic(x: Float64Array, { center, g, norm, epsilon, inBox }: Case & { inBox: boolean }): number {
  const row = (v: Float64Array) => tensor(v, [1, v.length], "float64");
  const [point, middle, gradient] = ["x", "center", "gradient"].map((name) => input(name, [1, x.length], "float64"));
  const value = fosc(point, middle, gradient, { norm, epsilon, box: inBox ? { low: 0, high: 1 } : undefined });
  const c = evaluate([value], { x: row(x), center: row(center), gradient: row(g) })[0].data[0];
  const numeric = foscOf({ norm, epsilon, center, low: 0, high: 1 }, x, g, { box: inBox });
  return Math.abs(c - numeric) <= 1e-12 * (1 + Math.abs(c)) ? c : Number.NaN;
}

/** The vertex of X with the largest ⟨z, g⟩, by trying all. */
function bestVertex({ center, g, norm, epsilon, low, high }: Case & { low: Float64Array; high: Float64Array }): Float64Array {
  const d = center.length;
  const length = dualNormOf(g, "l2");
  if (norm === "l2") return center.map((v, j) => v + (epsilon * g[j]) / length);
  const vertices =
    norm === "l1"
      ? Array.from({ length: 2 * d }, (_, v) => center.map((c, j) => c + (v >> 1 === j ? (v % 2 ? epsilon : -epsilon) : 0)))
      : Array.from({ length: 2 ** d }, (_, corner) => center.map((_, j) => ((corner >> j) & 1 ? high[j] : low[j])));
  const value = (z: Float64Array) => z.reduce((total, v, j) => total + v * g[j], 0);
  return vertices.reduce((a, b) => (value(b) > value(a) ? b : a));
}

/** FOSC of the same 128 examples at several batch sizes: largest relative change, with the summed loss and with the mean. */
export interface ReductionRecord {
  summed: number;
  /** What dividing the loss by the batch size does: the ratio of FOSC at batch 1 and at batch 128. */
  meanRatio: number;
}

const BATCH = 128;

export async function studyReduction(network: Architecture, key: Key): Promise<ReductionRecord> {
  const { weights } = network.initialize(key.fold("weights"));
  const data = drawExamples(network, key);
  const measured = async (batch: number, reduce: (losses: Value) => Value) => {
    const shape = [batch, ...network.inputShape];
    const [x, center, labels] = [input("x", shape), input("center", shape), input("labels", [batch], "int32")];
    const values = Object.fromEntries(Object.entries(weights).map(([name, weight]) => [name, input(name, weight.shape)]));
    const gradient = grad(reduce(crossEntropy(network.apply(x, values).logits, labels)), x);
    const executable = await compile(
      { x, center, labels, ...values },
      { c: fosc(x, center, gradient, { norm: "linf", epsilon: 0.1 }) },
      { threads: 1 },
    );
    const found: number[] = [];
    for (let from = 0; from < BATCH; from += batch) {
      const part = <D extends "float32" | "int32">(whole: Tensor<D>) => {
        const view = rows(whole, from, from + batch);
        return { ...view, data: view.data.slice() } as Tensor<D>;
      };
      const { c } = await executable.run({ ...weights, x: part(data.start), center: part(data.x), labels: part(data.y) });
      found.push(...(c.data as Float32Array));
    }
    await executable.release();
    return found;
  };
  const [one, all, averaged] = [await measured(1, sum), await measured(BATCH, sum), await measured(BATCH, mean)];
  const largest = Math.max(...one);
  return {
    summed: Math.max(...one.map((c, i) => Math.abs(c - all[i]) / largest)),
    meanRatio: one.reduce((total, c) => total + c, 0) / averaged.reduce((total, c) => total + c, 0),
  };
}

/** When examples stop, on an untrained network. */
export interface StoppingRecord {
  /** Examples that stopped before the fifth step, and how many of them are bit for bit the same after ten. */
  stopped: number;
  unchanged: number;
  /** Largest difference from PGD-10 at c_t = 0, with everyone in the batch and with batches that shrink. */
  maskedDifference: number;
  shrinkingDifference: number;
  /** Steps at c_t = ∞, smallest and largest. */
  stepsAtInfinity: [number, number];
}

export async function studyStopping(network: Architecture, key: Key): Promise<StoppingRecord> {
  const { weights } = network.initialize(key.fold("weights"));
  const { x, y, start } = drawExamples(network, key);
  const workbench = { network, batchSize: BATCH, epochs: 1, runtime: { threads: 1 } };
  const ascend = async (masked: boolean, steps: number, threshold: number) => {
    const ascent = stoppingAscent(workbench, { norm: "linf", masked });
    const { point, steps: made } = await ascent.ascend({ x, y, start, weights, steps, epsilon: 0.1, stepSize: 0.025, threshold });
    await ascent.release();
    return { point: point.data.slice(), made };
  };
  const plain = await innerAscent(workbench, { norm: "linf" });
  const reference = (await plain.ascend({ x, y, start, weights, steps: 10, epsilon: 0.1, stepSize: 0.025 })).data.slice();
  await plain.release();
  const difference = ({ point }: { point: Float32Array }) => point.reduce((worst, v, i) => Math.max(worst, Math.abs(v - reference[i])), 0);

  const threshold = await medianFosc({ network, weights, x, y, start });
  const [five, ten] = [await ascend(true, 5, threshold), await ascend(true, 10, threshold)];
  const width = x.data.length / BATCH;
  const early = Array.from(five.made.keys()).filter((i) => five.made[i] < 5);
  const same = (i: number) => five.point.subarray(i * width, (i + 1) * width).every((v, j) => v === ten.point[i * width + j]);
  const { made } = await ascend(true, 10, Number.POSITIVE_INFINITY);
  return {
    stopped: early.length,
    unchanged: early.filter(same).length,
    maskedDifference: difference(await ascend(true, 10, 0)),
    shrinkingDifference: difference(await ascend(false, 10, 0)),
    stepsAtInfinity: [Math.min(...made), Math.max(...made)],
  };
}

/** A threshold that about half of the examples have passed after three steps. */
async function medianFosc(setting: {
  network: Architecture;
  weights: Weights;
  x: Tensor<"float32">;
  y: Tensor<"int32">;
  start: Tensor<"float32">;
}) {
  const { network, weights, x, y, start } = setting;
  const shape = [BATCH, ...network.inputShape];
  const [point, labels] = [input("x", shape), input("labels", [BATCH], "int32")];
  const values = Object.fromEntries(Object.entries(weights).map(([name, weight]) => [name, input(name, weight.shape)]));
  const gradient = grad(sum(crossEntropy(network.apply(point, values).logits, labels)), point);
  const executable = await compile({ x: point, labels, ...values }, { gradient }, { threads: 1 });
  const ascent = await innerAscent({ network, batchSize: BATCH, epochs: 1, runtime: { threads: 1 } }, { norm: "linf" });
  const moved = await ascent.ascend({ x, y, start, weights, steps: 3, epsilon: 0.1, stepSize: 0.025 });
  const found = (await executable.run({ ...weights, x: moved, labels: y })).gradient.data as Float32Array;
  const width = x.data.length / BATCH;
  const gaps = Array.from({ length: BATCH }, (_, i) => {
    const part = (data: Float32Array) => data.subarray(i * width, (i + 1) * width);
    return foscOf({ norm: "linf", epsilon: 0.1, low: 0, high: 1, center: part(x.data) }, part(moved.data), part(found));
  }).sort((a, b) => a - b);
  await Promise.all([executable.release(), ascent.release()]);
  return gaps[BATCH / 2];
}

function drawExamples(network: Architecture, key: Key) {
  const x = cast(uniform(key.fold("x"), [BATCH, ...network.inputShape]), "float32");
  const y = tensor(integers(key.fold("y"), BATCH, network.classes), [BATCH], "int32");
  return { x, y, start: randomStart(x, { norm: "linf", epsilon: 0.1 }, key.fold("start"), network.domain) };
}
