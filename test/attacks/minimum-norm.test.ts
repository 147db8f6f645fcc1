import { afterAll, describe, expect, it } from "vitest";
import {
  type Attack,
  bim,
  blackBox,
  carliniWagner,
  catalogue,
  contains,
  ddn,
  deepFool,
  distance,
  exampleRows,
  expectation,
  fab,
  fmn,
  hopSkipJump,
  mifgsm,
  modelOracle,
  type Norm,
  noise,
  noisy,
  perturbationSets,
  pgd,
  runAttack,
  spsa,
  square,
  transfer,
} from "../../src/attacks/index.ts";
import { assemble, flatten, linear, relu, sequential } from "../../src/models/index.ts";
import { cast, key, tensor, uniform } from "../../src/tensor/index.ts";

const root = key(7);
const [count, classes, width] = [16, 3, 12];
const shape = [width];
const x = cast(uniform(root.fold("x"), [count, width], 0.3, 0.7), "float32");
const net = assemble("net", sequential(flatten, linear(20), relu, linear(classes)), { inputShape: shape, classes }).initialize(
  root.fold("net"),
);
const binary = assemble("binary", sequential(flatten, linear(2)), { inputShape: shape, classes: 2 }).initialize(root.fold("binary"));
const oracle = modelOracle(net, { batchSize: 16, threads: 1 });
const binaryOracle = modelOracle(binary, { batchSize: 16, threads: 1 });
/** What the model says of the examples. */
async function predicted(): Promise<Int32Array> {
  const identity = { norm: "linf", epsilon: 0 } as const;
  return (await runAttack(oracle, noise(), { x, labels: new Int32Array(count) }, identity, { key: root })).cleanPredictions;
}
afterAll(async () => {
  await oracle.release();
  await binaryOracle.release();
});
const infinite = Number.POSITIVE_INFINITY;

const weight = binary.weights["fc1.weight"].data as Float32Array;
const bias = binary.weights["fc1.bias"].data as Float32Array;
const difference = Array.from({ length: width }, (_, i) => weight[width + i] - weight[i]);
// The boundary goes through the middle of the examples.
bias[0] = bias[1] + exampleRows(x).reduce((total, row) => total + row.reduce((sum, v, i) => sum + v * difference[i], 0) / count, 0);
const gap = exampleRows(x).map((row) => bias[1] - bias[0] + row.reduce((total, v, i) => total + v * difference[i], 0));
const labels = gap.map((g) => (g > 0 ? 1 : 0));
const dual: Record<string, number> = {
  linf: difference.reduce((total, v) => total + Math.abs(v), 0),
  l2: Math.hypot(...difference),
};

describe("on a linear model the distance to the boundary has a closed form", () => {
  it.each([
    ["carlini-wagner", "l2", carliniWagner({ steps: 200, searchSteps: 8, constant: 1e-2 }), 1.03],
    ["ddn", "l2", ddn({ steps: 200 }), 1.03],
    ["fmn", "l2", fmn({ steps: 200 }), 1.03],
    ["fmn", "linf", fmn({ steps: 300 }), 1.05],
    ["fab", "linf", fab(), 1.01],
    ["deepfool", "l2", deepFool(), 1.03],
    ["deepfool", "linf", deepFool(), 1.03],
    ["hop-skip-jump", "l2", hopSkipJump({ steps: 40 }), 1.1],
    ["hop-skip-jump", "linf", hopSkipJump({ steps: 40 }), 1.35],
  ] as [string, Norm, Attack, number][])("%s in %s", async (_, norm, chosen, factor) => {
    const result = await runAttack(binaryOracle, chosen, { x, labels }, { norm, epsilon: infinite }, { key: root });
    const ratios = gap.map((g, i) => result.distances[i] / (Math.abs(g) / dual[norm])).sort((a, b) => a - b);
    expect(Math.min(...result.success)).toBe(1);
    expect(ratios[0]).toBeGreaterThan(0.995);
    expect(ratios[count / 2]).toBeLessThan(factor);
  });

  it("fmn in l0 needs as few components as the best choice of them", async () => {
    const result = await runAttack(binaryOracle, fmn({ steps: 200 }), { x, labels }, { norm: "l0", epsilon: infinite }, { key: root });
    exampleRows(x).forEach((row, n) => {
      // The largest gains first: moving component i to the side of the box that its weight wants.
      const way = gap[n] > 0 ? -1 : 1;
      const gains = difference.map((w, i) => Math.abs(w) * (w * way > 0 ? 1 - row[i] : row[i])).sort((a, b) => b - a);
      let [needed, left] = [0, Math.abs(gap[n])];
      while (left >= 0 && needed < width) left -= gains[needed++];
      if (left < 0) {
        expect(result.distances[n]).toBeGreaterThanOrEqual(needed);
        expect(result.distances[n]).toBeLessThanOrEqual(needed + 1);
      }
    });
  });
});

describe("DDN and FMN start from an adversarial point", () => {
  it.each([ddn(), fmn(), fmn({ steps: 300 })])("%o nears the boundary of a model whose softmax is saturated", async (chosen) => {
    const factor = 1e5;
    const saturated = {
      network: binary.network,
      weights: Object.fromEntries(
        Object.entries(binary.weights).map(([name, { shape, data }]) => [
          name,
          tensor(
            Float32Array.from(data as Float32Array, (v) => v * factor),
            shape,
          ),
        ]),
      ),
    };
    const loud = modelOracle(saturated, { batchSize: 16, threads: 1 });
    const [{ gradient }] = await loud.answer([{ point: exampleRows(x)[0], want: "cross-entropy", label: labels[0] }]);
    expect(Math.max(...gradient.map(Math.abs))).toBe(0);
    const result = await runAttack(loud, chosen, { x, labels }, { norm: "l2", epsilon: infinite }, { key: root });
    const ratios = gap.map((g, i) => result.distances[i] / (Math.abs(g) / dual.l2)).sort((a, b) => a - b);
    expect(Math.min(...result.success)).toBe(1);
    expect(ratios[0]).toBeGreaterThan(0.995);
    expect(ratios[count / 2]).toBeLessThan(1.03);
    await loud.release();
  });

  it("and so pass a class that comes near and is never reached", async () => {
    // z = (0, −0.1 − max(0.2 − u, 0), 3v − 0.9): the second class stops short, the third begins at v = 0.3.
    const trap = assemble("trap", sequential(flatten, linear(2), relu, linear(3)), { inputShape: [2], classes: 3 }).initialize(root);
    (trap.weights["fc1.weight"].data as Float32Array).set([-1, 0, 0, 1]);
    (trap.weights["fc1.bias"].data as Float32Array).set([0.2, 0]);
    (trap.weights["fc2.weight"].data as Float32Array).set([0, 0, -1, 0, 0, 3]);
    (trap.weights["fc2.bias"].data as Float32Array).set([0, -0.1, -0.9]);
    const point = tensor(Float32Array.of(0.1, 0.1), [1, 2]);
    const search = async (chosen: Attack) => {
      const [result] = await chosen(trap, point, [0], { norm: "l2", threads: 1 });
      return result;
    };
    for (const chosen of [ddn(), fmn()]) expect((await search(chosen)).distances[0]).toBeCloseTo(0.2, 2);
    expect((await search(fmn({ startSteps: 0 }))).success[0]).toBe(0);
  });
});

/** Every attack that stays in a ball, with parameters that end soon. */
const bounded: [string, Attack, Norm[]][] = [
  ["bim", bim(), ["linf", "l2", "l1"]],
  ["mi-fgsm", mifgsm(), ["linf", "l2", "l1"]],
  ["pgd", pgd({ steps: 20 }), ["linf", "l2", "l1"]],
  ["apgd-ce", catalogue["apgd-ce"]({ steps: 30 }), ["linf", "l2", "l1"]],
  ["apgd-dlr", catalogue["apgd-dlr"]({ steps: 30 }), ["linf", "l2", "l1"]],
  ["square", square({ queries: 200 }), ["linf"]],
  ["spsa", spsa({ steps: 10, samples: 16, rate: 0.05 }), ["linf", "l2"]],
  ["noise", noise(), ["linf", "l2", "l1"]],
];
const radius = { linf: 0.12, l2: 0.3, l1: 0.8, l0: 3 };

describe.each(bounded)("%s", (name, chosen, norms) => {
  it.each(norms)("in %s changes only what a mask lets it, within ε, and repeats itself", async (norm) => {
    const mask = Uint8Array.from({ length: width }, (_, i) => (i % 3 === 0 ? 0 : 1));
    const threat = { norm, epsilon: radius[norm], mask };
    const data = { x, labels: await predicted() };
    const result = await runAttack(oracle, chosen, data, threat, { key: root, stopAtSuccess: false });
    const rows = exampleRows(x);
    exampleRows(result.adversarial).forEach((point, i) => {
      for (let j = 0; j < width; j += 3) expect(point[j]).toBe(rows[i][j]);
      expect(distance(point, rows[i], norm)).toBeLessThanOrEqual(radius[norm] * (1 + 1e-5));
    });
    if (name !== "noise") expect(Math.max(...result.distances)).toBeGreaterThan(0);
    const again = await runAttack(oracle, chosen, data, threat, { key: root, stopAtSuccess: false });
    expect(again.adversarial.data).toEqual(result.adversarial.data);
  });
});

it("an ε for each component is kept for each component", async () => {
  const scale = Float64Array.from({ length: width }, (_, i) => i / (width - 1));
  const threat = { norm: "linf", epsilon: 0.2, scale } as const;
  for (const chosen of [pgd({ steps: 10 }), square({ queries: 100 }), catalogue["apgd-ce"]({ steps: 20 })]) {
    const result = await runAttack(oracle, chosen, { x, labels: await predicted() }, threat, { key: root, stopAtSuccess: false });
    const rows = exampleRows(x);
    const sets = perturbationSets(rows, threat, oracle.domain);
    exampleRows(result.adversarial).forEach((point, i) => {
      expect(contains(sets[i], point)).toBe(true);
      point.forEach((v, j) => {
        expect(Math.abs(v - rows[i][j])).toBeLessThanOrEqual(0.2 * scale[j] + 1e-6);
      });
    });
    expect(Math.max(...result.distances)).toBeGreaterThan(0.1);
  }
});

it("attacks by logits do without gradients, and break what PGD breaks on a smooth model", async () => {
  const box = blackBox(
    async ({ data, shape: [n] }) => {
      const rows = exampleRows(tensor(data, [n, width]));
      const answers = await oracle.answer(rows.map((point) => ({ point, want: "logits", label: 0 })));
      return tensor(Float32Array.from(answers.flatMap(({ logits }) => [...logits])), [n, classes]);
    },
    { inputShape: shape, domain: { low: 0, high: 1 }, classes, batchSize: 16 },
  );
  const threat = { norm: "linf", epsilon: 0.3 } as const;
  const labels = await predicted();
  const data = { x, labels };
  const white = await runAttack(oracle, pgd(), data, threat, { key: root });
  const share = (success: Uint8Array) => success.reduce((a, b) => a + b, 0);
  for (const chosen of [square({ queries: 1000 }), spsa({ steps: 40, samples: 32, rate: 0.05 })]) {
    const black = await runAttack(box, chosen, data, threat, { key: root });
    expect([chosen.name, share(black.success) >= share(white.success)]).toEqual([chosen.name, true]);
    expect(Math.max(...black.gradientEvaluations)).toBe(0);
  }
  expect(share(white.success)).toBeGreaterThan(0);
});

it("called with data an attack takes several ε, and a minimum-norm attack runs once for all of them", async () => {
  const labels = await predicted();
  const epsilons = [0.1, 0.5, 1.2];
  const share = (success: Uint8Array) => success.reduce((a, b) => a + b, 0);
  for (const chosen of [pgd({ steps: 20 }), fmn()]) {
    const results = await chosen(net, x, labels, { norm: "l2", epsilons, threads: 1, batchSize: 16 });
    const broken = results.map(({ success }) => share(success));
    expect(broken[0]).toBeLessThanOrEqual(broken[1]);
    expect(broken[1]).toBeLessThanOrEqual(broken[2]);
    expect(broken[2]).toBeGreaterThan(0);
    results.forEach(({ success, distances }, k) => {
      success.forEach((hit, i) => {
        if (hit) expect(distances[i]).toBeLessThanOrEqual(epsilons[k] * (1 + 1e-5));
      });
    });
  }
});

it("points made on one model are tried on another, moved into its set", async () => {
  const made = await runAttack(oracle, pgd(), { x, labels: new Int32Array(count) }, { norm: "linf", epsilon: 0.3 }, { key: root });
  const threat = { norm: "linf", epsilon: 0.1 } as const;
  const result = await runAttack(binaryOracle, transfer(made.adversarial, "net"), { x, labels }, threat, { key: root });
  expect(Math.max(...result.distances)).toBeLessThanOrEqual(0.1 * (1 + 1e-5));
  const rows = exampleRows(result.adversarial);
  result.success.forEach((hit, i) => {
    const g = bias[1] - bias[0] + rows[i].reduce((total, v, j) => total + v * difference[j], 0);
    expect(hit).toBe(g > 0 !== gap[i] > 0 ? 1 : 0);
  });
});

it("an expectation over noise has the mean gradient, and repeats less than a single draw strays", async () => {
  const point = exampleRows(x)[0];
  const query = [{ point, want: "difference", label: 0, target: 1 }] as const;
  const exact = (await binaryOracle.answer(query))[0];
  const [loss, gradient] = [exact.loss, exact.gradient.slice()];
  const loud = (seed: number) => noisy(binaryOracle, 0.5, key(seed));
  const [single] = await loud(1).answer(query);
  expect(Math.abs(single.loss - loss)).toBeGreaterThan(0);
  const [mean] = await expectation(loud(2), 400).answer(query);
  // A linear model: the mean of the noisy loss is the loss, with deviation 0.5‖w‖/√400.
  expect(Math.abs(mean.loss - loss)).toBeLessThan((4 * 0.5 * dual.l2) / 20);
  mean.gradient.forEach((v, i) => {
    expect(v).toBeCloseTo(gradient[i], 4);
  });
});
