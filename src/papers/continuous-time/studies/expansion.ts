/** R1.1: the expansion of adversarial training in its inner step size on a smooth network, and the penalties of its variants (1.3 b, f). */
import { type Adversary, modifiedLoss, weightedDirection } from "../../../analysis/adversarial-direction.ts";
import { unflatten, weightInput } from "../../../analysis/learner.ts";
import { constant, grad, reduceSum, sqrt, square, sub, type Value } from "../../../graph/index.ts";
import { compile } from "../../../runtime/index.ts";
import { full, tensor, toFloat64 } from "../../../tensor/index.ts";
import { claim } from "../../laboratory.ts";
import { logSlope } from "../../statistics.ts";
import { remainders } from "../theory/expansion.ts";
import { noisyWave, starts, tanhRegression } from "./learners.ts";
import { study } from "./study.ts";

interface Curve {
  name: string;
  α: number[];
  size: number[];
  slope: number;
}

interface Result {
  /** |remainder| after orders 0, 1, 2, for each K. */
  orders: (Curve & { K: number; order: number })[];
  /** |m − ∇(modified loss)| for each kind of step. */
  variants: Curve[];
}

const αs = [0.008, 0.004, 0.002, 0.001];
const variants: Readonly<Record<string, (α: number) => Adversary>> = {
  raw: (α) => ({ α, K: 3 }),
  "l₂-normalized": (α) => ({ α, K: 3, direction: "l2" }),
  sign: (α) => ({ α, K: 3, direction: "sign" }),
  "raw, projected": (α) => ({ α, K: 3, ε: α }),
  "shared by the batch": (α) => ({ α, K: 3, shared: true }),
};

export const expansion = study<Result>({
  name: "expansion",
  share: 4,
  run: async (bench) => {
    const learner = tanhRegression(3, 8);
    const data = noisyWave(bench.key.fold("expansion"), 8, 3);
    const θ = weightInput(learner);
    const [x, y] = [constant(data.x), constant(data.y)];
    const w = constant(full([8], 1 / 8, "float64"));
    const length = (v: Value) => sqrt(reduceSum(square(v)));

    // Everything in one graph, whose common parts are computed once.
    const outputs: Record<string, Value> = {};
    for (const K of [1, 3, 5]) {
      for (const α of αs) {
        remainders(learner, θ, x, y, { α, K }).forEach((r, order) => {
          outputs[`order ${order}, K = ${K}, ${α}`] = length(r);
        });
      }
    }
    for (const [name, adversary] of Object.entries(variants)) {
      for (const α of αs) {
        const losses = (at: Value) => learner.losses(unflatten(learner, θ), at, y);
        const h = weightedDirection(learner, θ, x, y, w, adversary(α));
        outputs[`${name}, ${α}`] = length(sub(h, grad(modifiedLoss(losses, x, adversary(α)), θ)));
      }
    }
    const executable = await compile({ θ }, outputs);
    const found = await executable.run({ θ: tensor(starts(learner, bench.key.fold("expansion weights"), 1), θ.shape, "float64") });
    await executable.release();

    const curve = (name: string, prefix: string): Curve => {
      const size = αs.map((α) => toFloat64(found[`${prefix}, ${α}`])[0]);
      return { name, α: αs, size, slope: logSlope(αs, size) };
    };
    return {
      orders: [1, 3, 5].flatMap((K) =>
        [0, 1, 2].map((order) => ({ ...curve(`K = ${K}, after order ${order}`, `order ${order}, K = ${K}`), K, order })),
      ),
      variants: Object.keys(variants).map((name) => curve(name, name)),
    };
  },
  claims: [
    claim<Result>({
      id: "R1.1",
      statement: "h = ∇ℓ + (Kα/2)∇|∇ₓℓ|² + O(α²): the adversary adds a gradient penalty, to first order in its step",
      provenance: "derived",
      criterion: "slope of the remainder in α in [1.9, 2.1] with the term and in [.9, 1.1] without it, K ∈ {1, 3, 5}",
      measure: ({ orders }) => {
        const slopes = (order: number) => orders.filter((o) => o.order === order).map((o) => o.slope);
        const range = (values: number[]) => `${Math.min(...values).toFixed(3)} … ${Math.max(...values).toFixed(3)}`;
        const within = (values: number[], low: number, high: number) => values.every((v) => v >= low && v <= high);
        return {
          measured: {
            "slope without the term": range(slopes(0)),
            "with it": range(slopes(1)),
            "with the second order too": range(slopes(2)),
          },
          holds: within(slopes(0), 0.9, 1.1) && within(slopes(1), 1.9, 2.1) && within(slopes(2), 2.85, 3.15),
          note: "a tanh network with 3 inputs and 8 units on 8 examples, float64; the second-order terms must bring the slope to 3",
        };
      },
    }),
    claim<Result>({
      id: "R1.1-variants",
      statement:
        "Every kind of step has its penalty: Kα|g|₂ for normalized, Kα|g|₁ for sign steps, a Huber function under projection, (Kα/2)|E g|² for one δ shared by the batch",
      provenance: "derived",
      criterion: "slope of m − ∇(L + penalty) in α in [1.85, 2.15] for every kind, K = 3",
      measure: ({ variants }) => ({
        measured: Object.fromEntries(variants.map(({ name, slope }) => [name, slope])),
        holds: variants.every(({ slope }) => slope >= 1.85 && slope <= 2.15),
        note: "the same network; projection on |δ| ≤ ε = α",
      }),
    }),
  ],
  figures: ({ orders, variants }) => [
    {
      kind: "chart",
      title: "Expansion of the adversarial direction, K = 3",
      caption: "Length of m minus its expansion cut after order 0, 1, 2 in α, tanh network. Dashed: slopes 1, 2, 3.",
      x: { label: "inner step size α", scale: "log" },
      y: { label: "|remainder|", scale: "log" },
      series: orders
        .filter(({ K }) => K === 3)
        .flatMap(({ order, α, size }) => [
          { name: `after order ${order}`, x: α, y: size, mark: "points" as const },
          { name: `slope ${order + 1}`, x: α, y: α.map((v) => size[0] * (v / α[0]) ** (order + 1)), mark: "reference" as const },
        ]),
    },
    {
      kind: "chart",
      title: "The penalties of the variants",
      caption: "Length of m − ∇(L + penalty) for each kind of inner step; all of second order.",
      x: { label: "inner step size α", scale: "log" },
      y: { label: "|remainder|", scale: "log" },
      series: variants.map(({ name, α, size }) => ({ name, x: α, y: size })),
    },
  ],
});
