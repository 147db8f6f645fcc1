/**
 * The ascent is written twice, as a graph (`ascent.ts`: training, theory, analysis) and in place on arrays (`steps.ts`, `threat.ts`: the attacks on a
 * minibatch, whose examples stand at different steps). Where both can do the same they are the same, to rounding.
 */
import { fc, test } from "@fast-check/vitest";
import { describe, expect, it } from "vitest";
import {
  argMax,
  ascend,
  ascentStep,
  attack,
  ballProjection,
  losses,
  modelOracle,
  pgd,
  project,
  projection,
  runAttack,
  stepAlong,
} from "../../src/attacks/index.ts";
import { add, constant, grad, input, matMul, mul, reduceSum, reshape, square, sum, type Value } from "../../src/graph/index.ts";
import { architecture } from "../../src/models/index.ts";
import { compile } from "../../src/runtime/index.ts";
import { cast, key, tensor, toFloat64, uniform } from "../../src/tensor/index.ts";

const [count, width] = [3, 6];
const shape = [count, width];
const box = { low: 0, high: 1 };
const everywhere = { low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY };
const directions = { linf: "sign", l2: "l2" } as const;
const cases = (["linf", "l2"] as const).flatMap((norm) => [true, false].map((boxed) => ({ norm, boxed })));

/** One step and its projection as a graph, in float64: points, gradients and centers [count, width], α and ε per example. */
function compiledStep(norm: "linf" | "l2", boxed: boolean, projected = true) {
  const [x, gradient, center] = ["x", "gradient", "center"].map((name) => input(name, shape, "float64"));
  const [stepSize, epsilon] = ["stepSize", "epsilon"].map((name) => input(name, [count, 1], "float64"));
  const options = { direction: directions[norm], stepSize };
  const next = projected
    ? ascentStep(x, gradient, { ...options, projection: ballProjection(center, norm, epsilon, boxed ? box : undefined) })
    : ascentStep(x, gradient, options);
  return compile({ x, gradient, center, stepSize, epsilon }, { next });
}

const numbers = (value: fc.Arbitrary<number>, length: number) =>
  fc.array(value, { minLength: length, maxLength: length }).map((list) => Float32Array.from(list));
const between = (min: number, max: number) => fc.double({ min, max, noNaN: true });
/** Nothing between zero and the least normal float32: once the engine has run, a denormal is zero to some instructions and a number to others. */
const normalOrZero = (value: number) => (Math.abs(value) < 2 ** -126 ? 0 : value);
/** Components of every size, zeros among them; and rows of zeros. */
const slopes = fc.oneof(
  numbers(fc.oneof(between(-3, 3), fc.constant(0), between(-1e-25, 1e-25), between(-1e25, 1e25)).map(normalOrZero), width),
  fc.constant(new Float32Array(width)),
);
/** Points inside and outside of ball and box, steps and radii of each example's own (also 0). */
const situations = fc.array(
  fc.record({
    center: numbers(between(0, 1), width),
    point: numbers(between(-2, 3), width),
    slope: slopes,
    α: fc.oneof(between(0, 1), fc.constant(0)),
    ε: fc.oneof(between(0, 2), fc.constant(0)),
  }),
  { minLength: count, maxLength: count },
);

describe.each(cases)("$norm, box: $boxed", ({ norm, boxed }) => {
  const { low, high } = boxed ? box : everywhere;
  const [walled, free] = [compiledStep(norm, boxed), compiledStep(norm, boxed, false)];
  const sides = { low: new Float32Array(width).fill(low), high: new Float32Array(width).fill(high) };

  test.prop([situations])("a step and its projection are the same, on a graph and in place", async (examples) => {
    const all = (of: (example: (typeof examples)[number]) => Iterable<number>, extent = width) =>
      tensor(Float64Array.from(examples.flatMap((example) => [...of(example)])), [count, extent], "float64");
    const feeds = {
      x: all(({ point }) => point),
      gradient: all(({ slope }) => slope),
      center: all(({ center }) => center),
      stepSize: all(({ α }) => [α], 1),
      epsilon: all(({ ε }) => [ε], 1),
    };
    const [projected, unprojected] = await Promise.all([walled, free].map(async (made) => toFloat64((await (await made).run(feeds)).next)));
    for (const [b, { center, point, slope, α, ε }] of examples.entries()) {
      const set = { center, norm, epsilon: ε, ...sides };
      const moved = point.slice();
      stepAlong(set, moved, slope, α);
      const [once, fast] = [project(set, moved.slice()), moved.slice()];
      projection(set)(fast);
      for (let i = 0; i < width; i++) {
        // the arrays are in float32: half a unit in the last place per operation, of numbers up to |x| + α ≤ 4
        expect(Math.abs(moved[i] - unprojected[b * width + i])).toBeLessThanOrEqual(4 * 2 ** -24);
        expect(Math.abs(once[i] - projected[b * width + i])).toBeLessThanOrEqual(8 * 2 ** -24);
        expect(Math.abs(fast[i] - projected[b * width + i])).toBeLessThanOrEqual(8 * 2 ** -24);
      }
    }
  });
});

describe("whole ascents", () => {
  const [classes, steps, epsilon] = [3, 12, 0.15];
  const model = architecture("mlp", { inputShape: [width], classes, width: 16, activation: "tanh" }).initialize(key(5));
  const x = cast(uniform(key(6), shape, 0.05, 0.95), "float32");
  const weights = Object.fromEntries(Object.entries(model.weights).map(([name, w]) => [name, constant(w)]));
  /** What the network says, so that there is something to attack. */
  async function predictions(): Promise<number[]> {
    const at = input("x", shape);
    const made = await compile({ x: at }, { logits: model.network.apply(at, weights).logits });
    const logits = toFloat64((await made.run({ x })).logits);
    await made.release();
    return Array.from({ length: count }, (_, b) => argMax(logits.subarray(b * classes, (b + 1) * classes)));
  }

  /** PGD whose last point is kept, whatever it does to the prediction: the questions are those of `pgd`. */
  it.each(["linf", "l2"] as const)("the %s attack asks about the points that the graph visits", async (norm) => {
    const labels = await predictions();
    const visited: Float32Array[][] = labels.map(() => []);
    const watched = attack("watched pgd", {}, function* (example) {
      const inner = pgd({ steps, randomStart: false }).steps(example);
      for (let next = inner.next(); !next.done; ) {
        visited[example.index].push(next.value.point.slice());
        next = inner.next(yield next.value);
      }
    });
    const oracle = modelOracle(model, { batchSize: 4, threads: 1 });
    await runAttack(oracle, watched(), { x, labels }, { norm, epsilon }, { key: key(7) });
    await oracle.release();

    const at = input("x", shape);
    const classesOf = constant({ dtype: "int32", shape: [count], data: Int32Array.from(labels) });
    const loss = (point: Value) =>
      losses["cross-entropy"]({ logits: model.network.apply(point, weights).logits, labels: classesOf, targets: classesOf });
    const options = {
      direction: directions[norm],
      stepSize: (2.5 * epsilon) / steps,
      projection: ballProjection(at, norm, epsilon, box),
    };
    const ends = [0, 1, 5, steps].map((k) => ascend(at, k, (point) => grad(sum(loss(point)), point), options));
    const path = await compile({ x: at }, Object.fromEntries(ends.map((end, i) => [`${i}`, add(end, 0)])));
    const found = await path.run({ x });
    await path.release();
    for (const [i, k] of [0, 1, 5, steps].entries()) {
      const rows = toFloat64(found[`${i}`]);
      for (const [b, points] of visited.entries()) {
        if (k >= points.length) continue; // the attack stops an example that has fallen
        for (let j = 0; j < width; j++) expect(points[k][j]).toBeCloseTo(rows[b * width + j], 5);
      }
    }
    expect(Math.max(...visited.map((points) => points.length))).toBe(steps + 1);
  });

  it("without a projection follows the linear recursion r ← (1 + α|g|²) r, and the steps |g|₂ and |g|₁, beyond any ball", async () => {
    const g = [1, -2, 0.5, 0, 1, -1];
    const [square2, absolute] = [g.reduce((s, v) => s + v * v, 0), g.reduce((s, v) => s + Math.abs(v), 0)];
    const [α, K, r0] = [0.2, 30, -0.7];
    const start = input("start", [1, width], "float64");
    const residual = (δ: Value) => add(reshape(matMul(δ, constant(tensor(g, [width, 1], "float64"))), [1]), r0);
    const gradient = (δ: Value) => grad(sum(mul(square(residual(δ)), 0.5)), δ);
    const made = await compile(
      { start },
      Object.fromEntries(
        (["raw", "l2", "sign"] as const).map((direction) => [direction, residual(ascend(start, K, gradient, { direction, stepSize: α }))]),
      ),
    );
    const { raw, l2, sign } = await made.run({ start: tensor(new Float64Array(width), [1, width], "float64") });
    expect(toFloat64(raw)[0] / (r0 * (1 + α * square2) ** K)).toBeCloseTo(1, 12);
    expect(toFloat64(l2)[0]).toBeCloseTo(r0 - K * α * Math.sqrt(square2), 12);
    expect(toFloat64(sign)[0]).toBeCloseTo(r0 - K * α * absolute, 12);
    expect(Math.abs(toFloat64(raw)[0])).toBeGreaterThan(1e10);
    await made.release();
  });

  it("goes to the boundary of the ball with a projection, and stays", async () => {
    const center = input("center", shape, "float64");
    const gradient = (x: Value) => grad(reduceSum(x, [0, 1]), x);
    const options = { direction: "l2", stepSize: 0.3, projection: ballProjection(center, "l2", 0.5) } as const;
    const made = await compile({ center }, { end: ascend(center, 9, gradient, options) });
    const end = toFloat64((await made.run({ center: tensor(new Float64Array(count * width), shape, "float64") })).end);
    for (const v of end) expect(v).toBeCloseTo(0.5 / Math.sqrt(width), 14);
    await made.release();
  });
});
