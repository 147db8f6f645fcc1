import { describe, expect, it } from "vitest";
import { evaluate, input } from "../../src/graph/index.ts";
import { scalar, type Tensor, tensor } from "../../src/tensor/index.ts";
import { adam, adamw, type Optimizer, type ScheduleName, schedule, sgd } from "../../src/training/index.ts";

/** Runs an optimizer on f(w) = Σ aᵢwᵢ²/2 by its symbolic update in float64. */
function descend(optimizer: Optimizer, steps: number, rate: number): number[] {
  const a = [1, 0.1];
  let w = tensor([1, -2], [2], "float64");
  let slots: Record<string, Tensor> = Object.fromEntries(optimizer.slots.map((slot) => [slot, tensor([0, 0], [2], "float64")]));
  const names = Object.keys(optimizer.scalars(1));
  const symbols = Object.fromEntries(["w", "g", ...optimizer.slots].map((name) => [name, input(name, [2], "float64")]));
  const numbers = Object.fromEntries(["rate", ...names].map((name) => [name, input(name, [], "float64")]));
  const next = optimizer.update(symbols.w, symbols.g, symbols, numbers);
  for (let step = 1; step <= steps; step++) {
    const g = tensor(
      Array.from(w.data, (v, i) => a[i] * v),
      [2],
      "float64",
    );
    const scalars = Object.fromEntries(
      Object.entries({ rate, ...optimizer.scalars(step) }).map(([name, value]) => [name, scalar(value, "float64")]),
    );
    const [moved, ...kept] = evaluate([next.w, ...optimizer.slots.map((slot) => next.slots[slot])], { w, g, ...slots, ...scalars });
    w = moved;
    slots = Object.fromEntries(optimizer.slots.map((slot, i) => [slot, kept[i]]));
  }
  return [...w.data];
}

/** From torch.optim on the same function in float64, 5 steps (test/fixtures/optimizers.py prints them). */
const torch: [string, Optimizer, number, number[]][] = [
  ["sgd()", sgd(), 0.1, [0.5904900000000001, -1.9019800998]],
  ["sgd({ momentum: 0.9 })", sgd({ momentum: 0.9 }), 0.1, [-0.029159999999999978, -1.7432680517999999]],
  [
    "sgd({ momentum: 0.9, nesterov: true, weightDecay: 0.05 })",
    sgd({ momentum: 0.9, nesterov: true, weightDecay: 0.05 }),
    0.1,
    [-0.13485766051727502, -1.5251742172198215],
  ],
  ["adam()", adam(), 0.1, [0.507963661927221, -1.502955805956515]],
  ["adam({ weightDecay: 0.1 })", adam({ weightDecay: 0.1 }), 0.1, [0.5079636614430609, -1.5029557929767767]],
  ["adamw({ weightDecay: 0.1 })", adamw({ weightDecay: 0.1 }), 0.1, [0.4699526596188067, -1.4155665043202723]],
];

describe("optimizers take PyTorch's steps", () => {
  it.each(torch)("%s", (_, optimizer, rate, expected) => {
    descend(optimizer, 5, rate).forEach((w, i) => {
      expect(w).toBeCloseTo(expected[i], 12);
    });
  });
});

describe("schedules", () => {
  const settings = { rate: 2, epochs: 10 };
  const curves: [ScheduleName, ...[epoch: number, rate: number][]][] = [
    ["constant", [0, 2], [5, 2], [10, 2]],
    ["step", [0, 2], [4.99, 2], [5, 0.2], [7.5, 0.02]],
    ["cosine", [0, 2], [5, 1], [10, 0]],
    ["cyclic", [0, 0], [2, 1], [4, 2], [7, 1], [10, 0]],
    ["one-cycle", [0, 0.08], [3, 2], [6.5, 1.0001], [10, 0.0002]],
  ];
  it.each(curves)("%s passes through its closed form", (name, ...points) => {
    for (const [epoch, rate] of points) expect(schedule(name, settings)(epoch)).toBeCloseTo(rate, 12);
  });
});
