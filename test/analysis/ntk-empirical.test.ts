import { expect, it } from "vitest";
import { empiricalNtk } from "../../src/analysis/ntk-empirical.ts";
import { constant, evaluate, grad, sliceAxis, sub, sum, type Value } from "../../src/graph/index.ts";
import { architecture, weightNames } from "../../src/models/index.ts";
import { cast, key, normal, rows, uniform } from "../../src/tensor/index.ts";

it("of a convolutional network with three logits is the Gram matrix of gradients taken one by one in the reference evaluation", async () => {
  const model = architecture("small-cnn", { classes: 3 }).initialize(key(1));
  const x = cast(uniform(key(2), [3, 1, 28, 28]), "float32");
  const K = await empiricalNtk(model, x, x, { block: 2 });
  const W = Object.fromEntries(Object.entries(model.weights).map(([name, value]) => [name, constant(value)]));
  const trained = weightNames(model.network, "trained").map((name) => W[name]);
  const jacobians = [0, 1, 2].map((i) => {
    const { logits } = model.network.apply(constant(rows(x, i, i + 1)), W);
    return [0, 1, 2].map((k) => evaluate(grad(sum(sliceAxis(logits, 1, k, k + 1)), trained)));
  });
  for (let i = 0; i < 3; i++) {
    for (let j = 0; j <= i; j++) {
      let expected = 0;
      for (let k = 0; k < 3; k++) {
        jacobians[i][k].forEach((gradient, p) => {
          const other = jacobians[j][k][p].data;
          expected += gradient.data.reduce((total, g, q) => total + g * other[q], 0) / 3;
        });
      }
      expect(Math.abs(K.get(i, j) / expected - 1)).toBeLessThan(1e-4);
      expect(K.get(j, i)).toBe(K.get(i, j));
    }
  }
});

it("of one function of the logits is the Gram matrix of its own gradients, not the average over the logits", async () => {
  const single = architecture("mlp", { inputShape: [3], classes: 2, width: 6, activation: "tanh" }).initialize(key(3));
  const weights = Object.fromEntries(Object.entries(single.weights).map(([name, layer]) => [name, cast(layer, "float64")]));
  const model = { ...single, weights };
  const x = normal(key(4), [5, 3]);
  const logit = (logits: Value, k: number) => sliceAxis(logits, 1, k, k + 1);
  const output = (logits: Value) => sub(logit(logits, 1), logit(logits, 0));
  const [K, average] = [await empiricalNtk(model, x, x, { block: 2, output }), await empiricalNtk(model, x, x, { block: 2 })];
  const W = Object.fromEntries(Object.entries(model.weights).map(([name, value]) => [name, constant(value)]));
  const trained = weightNames(model.network, "trained").map((name) => W[name]);
  const gradients = Array.from({ length: 5 }, (_, i) => {
    const { logits } = model.network.apply(constant(rows(x, i, i + 1)), W);
    return evaluate(grad(sum(output(logits)), trained)).flatMap(({ data }) => Array.from(data, Number));
  });
  for (let i = 0; i < 5; i++) {
    for (let j = 0; j < 5; j++) {
      const inner = gradients[i].reduce((total, g, k) => total + g * gradients[j][k], 0);
      expect(K.get(i, j)).toBeCloseTo(inner, 12);
    }
    expect(Math.abs(K.get(i, i) / average.get(i, i) - 1)).toBeGreaterThan(0.1);
  }
  await expect(empiricalNtk(model, x, x, { output: (logits) => logits })).rejects.toThrow(/one number per example, not \[1,2\]/);
});
