import { afterAll, describe, expect, it } from "vitest";
import {
  type Attack,
  apgd,
  apgdTargeted,
  autoAttack,
  contains,
  exampleRows,
  fab,
  fabTargeted,
  losses,
  modelOracle,
  type Norm,
  patchShare,
  periods,
  perturbationSets,
  pgd,
  runAttack,
  square,
} from "../../src/attacks/index.ts";
import { evaluate, grad, input, sum } from "../../src/graph/index.ts";
import { assemble, flatten, linear, relu, sequential } from "../../src/models/index.ts";
import { cast, key, tensor, uniform } from "../../src/tensor/index.ts";

const root = key(5);
const [count, classes, shape] = [24, 5, [1, 6, 6]];
const width = 36;
const x = cast(uniform(root.fold("x"), [count, ...shape], 0.2, 0.8), "float32");
const net = assemble("net", sequential(flatten, linear(24), relu, linear(classes)), { inputShape: shape, classes }).initialize(
  root.fold("net"),
);
const binary = assemble("binary", sequential(flatten, linear(2)), { inputShape: shape, classes: 2 }).initialize(root.fold("binary"));
const oracle = modelOracle(net, { batchSize: 16, threads: 1 });
const binaryOracle = modelOracle(binary, { batchSize: 16, threads: 1 });
afterAll(async () => {
  await oracle.release();
  await binaryOracle.release();
});

/** What the model says of the inputs, so that every example begins as correctly classified. */
async function predicted(of = oracle): Promise<number[]> {
  const { cleanPredictions } = await runAttack(
    of,
    pgd(),
    { x, labels: new Int32Array(count) },
    { norm: "linf", epsilon: 0 },
    { key: root },
  );
  return Array.from(cleanPredictions);
}

it("the checkpoints of APGD are those of the paper: 22, 41, 57, 70, 80, 87, 93, 99 of 100", () => {
  let total = 0;
  expect(periods(100).map((length) => (total += length))).toEqual([22, 41, 57, 70, 80, 87, 93, 99]);
});

it("the patches of Square are halved after 10, 50, 200, 500, 1000, 2000, 4000, 6000 and 8000 queries", () => {
  expect([0, 10, 11, 51, 201, 501, 1001, 2001, 4001, 6001, 8001].map((query) => 0.8 / patchShare(0.8, query))).toEqual([
    1, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512,
  ]);
});

describe("the difference of logits ratio", () => {
  const z = input("z", [3, 5], "float64");
  const [labels, targets] = [input("y", [3], "int32"), input("t", [3], "int32")];
  const data = { z: [2, -1, 0.5, 3, 1, 1, 1, 4, 0, -2, 5, 4, 3, 2, 1], y: [0, 2, 1], t: [3, 0, 4] };
  const feeds = {
    z: tensor(data.z, [3, 5], "float64"),
    y: tensor(data.y, [3], "int32"),
    t: tensor(data.t, [3], "int32"),
  };
  const byHand = (row: number, targeted: boolean, at = data.z) => {
    const logits = at.slice(5 * row, 5 * row + 5);
    const sorted = [...logits].sort((a, b) => b - a);
    const own = logits[data.y[row]];
    if (targeted) return -(own - logits[data.t[row]]) / (sorted[0] - (sorted[2] + sorted[3]) / 2 + 1e-12);
    return -(own - Math.max(...logits.filter((_, j) => j !== data.y[row]))) / (sorted[0] - sorted[2] + 1e-12);
  };
  it.each(["dlr", "targeted-dlr"] as const)("%s and its derivative are those of sorted logits", (name) => {
    const loss = losses[name]({ logits: z, labels, targets });
    const [values, gradient] = evaluate([loss, grad(sum(loss), z)], feeds);
    for (let row = 0; row < 3; row++) {
      expect(values.data[row]).toBeCloseTo(byHand(row, name === "targeted-dlr"), 10);
      // The second row has ties among its larger logits; there a derivative is one of several.
      if (row === 1) continue;
      for (let j = 0; j < 5; j++) {
        const moved = (h: number) =>
          byHand(
            row,
            name === "targeted-dlr",
            data.z.map((v, i) => (i === 5 * row + j ? v + h : v)),
          );
        expect(gradient.data[5 * row + j]).toBeCloseTo((moved(1e-6) - moved(-1e-6)) / 2e-6, 5);
      }
    }
  });
});

describe("on a linear model the worst point has a closed form", () => {
  const weight = binary.weights["fc1.weight"].data as Float32Array;
  const bias = binary.weights["fc1.bias"].data as Float32Array;
  const difference = Array.from({ length: width }, (_, i) => weight[width + i] - weight[i]);
  const gap = exampleRows(x).map((row) => bias[1] - bias[0] + row.reduce((total, v, i) => total + v * difference[i], 0));
  const labels = gap.map((g) => (g > 0 ? 1 : 0));
  const dual: Record<string, number> = {
    linf: difference.reduce((total, v) => total + Math.abs(v), 0),
    l2: Math.hypot(...difference),
    l1: Math.max(...difference.map(Math.abs)),
  };
  for (const norm of ["linf", "l2"] as Norm[]) {
    it(`APGD in ${norm} breaks exactly the examples whose margin is below ε times the dual norm`, async () => {
      const radii = gap.map((g) => Math.abs(g) / dual[norm]).sort((a, b) => a - b);
      const epsilon = Math.min((radii[5] + radii[6]) / 2, 0.19);
      const result = await runAttack(binaryOracle, apgd(), { x, labels }, { norm, epsilon }, { key: root });
      gap.forEach((g, i) => {
        expect(result.success[i]).toBe(Math.abs(g) < epsilon * dual[norm] ? 1 : 0);
      });
      expect(result.success).toContain(1);
      expect(result.success).toContain(0);
    });
  }
  for (const norm of ["linf", "l2", "l1"] as Norm[]) {
    it(`FAB in ${norm} finds the distance to the boundary`, async () => {
      const result = await runAttack(binaryOracle, fab(), { x, labels }, { norm, epsilon: Number.POSITIVE_INFINITY }, { key: root });
      gap.forEach((g, i) => {
        // In L1 one component may not have the room; then the box makes the boundary farther.
        const exact = Math.abs(g) / dual[norm];
        expect(result.distances[i]).toBeGreaterThan(exact * 0.999);
        if (norm !== "l1" || exact < 0.19) expect(result.distances[i]).toBeLessThan(exact * 1.02 + 1e-5);
      });
    });
  }
});

describe.each([
  ["linf", 0.05],
  ["l2", 0.3],
  ["l1", 0.6],
] as [Norm, number][])("AutoAttack in %s", (norm, epsilon) => {
  const ensemble = autoAttack("standard", norm, oracle);
  it("breaks whatever PGD breaks, attack by attack within ε", async () => {
    const labels = await predicted();
    const sets = perturbationSets(exampleRows(x), { norm, epsilon }, oracle.domain);
    const success = async (chosen: Attack) => {
      const result = await runAttack(oracle, chosen, { x, labels }, { norm, epsilon }, { key: root, stopAtSuccess: true });
      exampleRows(result.adversarial).forEach((point, i) => {
        if (result.success[i]) expect(contains(sets[i], point)).toBe(true);
      });
      return result.success;
    };
    const weak = await success(pgd({ steps: 10 }));
    const short = [apgd(), apgdTargeted(), fabTargeted({ steps: 50 }), ...(norm === "l1" ? [] : [square({ queries: 300 })])];
    const broken: Uint8Array[] = [];
    for (const chosen of short) broken.push(await success(chosen));
    const any = labels.map((_, i) => broken.some((one) => one[i] === 1));
    weak.forEach((hit, i) => {
      if (hit) expect(any[i]).toBe(true);
    });
    const share = (of: ArrayLike<number>) => Array.from(of).reduce((a, b) => a + b, 0);
    expect(share(broken[0])).toBeGreaterThanOrEqual(share(weak));
    expect(share(weak)).toBeGreaterThan(0);
    expect(share(any.map(Number))).toBeLessThan(count);
  });
  it("has the published attacks", () => {
    expect(ensemble.attacks.map(({ name }) => name)).toEqual(
      norm === "l1" ? ["apgd", "apgd-t", "fab-t"] : ["apgd", "apgd-t", "fab-t", "square"],
    );
  });
});

describe("with few classes", () => {
  it.each([
    [2, "margin", "difference", 1],
    [3, "dlr", "difference", 2],
    [4, "dlr", "targeted-dlr", 3],
    [20, "dlr", "targeted-dlr", 9],
  ])("%i classes: %s, %s towards %i", (classes, untargeted, targeted, targets) => {
    const { attacks, notes } = autoAttack("plus", "linf", { gives: "gradients", classes, inputShape: shape });
    expect(attacks[1].parameters.loss).toBe(untargeted);
    const aimed = attacks.find(({ name }) => name === "apgd-t");
    expect(aimed?.parameters).toMatchObject({ loss: targeted, targetClasses: targets });
    expect(notes.length).toBe(classes < 4 ? 1 : 0);
  });
  it("a loss that the classes do not allow is refused", async () => {
    const labels = await predicted(binaryOracle);
    await expect(
      runAttack(binaryOracle, apgd({ loss: "dlr" }), { x, labels }, { norm: "linf", epsilon: 0.1 }, { key: root }),
    ).rejects.toThrow('"dlr" needs at least 3 classes');
  });
});
