import { expect, it } from "vitest";
import { empiricalNtk } from "../../src/analysis/ntk-empirical.ts";
import { constant, evaluate, grad, sliceAxis, sum } from "../../src/graph/index.ts";
import { architecture, weightNames } from "../../src/models/index.ts";
import { cast, key, rows, uniform } from "../../src/tensor/index.ts";

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
