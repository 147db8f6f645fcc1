import { describe, expect, it } from "vitest";
import { example } from "../../../examples/continuous-time.ts";
import { asExpected, checkClaims } from "../../../src/papers/claims.ts";
import { continuousTime } from "../../../src/papers/continuous-time/index.ts";
import { expansion } from "../../../src/papers/continuous-time/studies/expansion.ts";
import { factorTwo } from "../../../src/papers/continuous-time/studies/linear-regression.ts";
import { logisticRegression } from "../../../src/papers/continuous-time/studies/logistic.ts";
import { insideBand, networkSde } from "../../../src/papers/continuous-time/studies/network-sde.ts";
import { robustness, strictlyFalling } from "../../../src/papers/continuous-time/studies/robustness.ts";
import type { Study } from "../../../src/papers/continuous-time/studies/study.ts";
import { weakOrder } from "../../../src/papers/continuous-time/studies/weak-order.ts";
import type { Bench } from "../../../src/papers/laboratory.ts";
import { key } from "../../../src/tensor/index.ts";

const bench: Bench = {
  mode: "quick",
  key: key(4),
  progress: () => {},
  remember: async (_name, compute) => JSON.parse(JSON.stringify(await compute())),
};

it("has every numbered check of the specification, each once", () => {
  const ids = continuousTime.claims.map(({ id }) => id);
  for (let n = 1; n <= 12; n++) expect(ids).toContain(`R1.${n}`);
  expect(new Set(ids).size).toBe(ids.length);
  expect(continuousTime.claims.filter(({ expected }) => expected === "fails").map(({ id }) => id)).toEqual([
    "R1.6-large-steps",
    "R1.7-all-t",
  ]);
});

describe("studies that take seconds come out as expected, with a seed of their own", () => {
  const quick = [expansion, weakOrder, robustness, logisticRegression] as Study<unknown>[];
  it.each(quick)("$name", async (study) => {
    const result = await bench.remember(study.name, () => study.run(bench));
    for (const record of await checkClaims(study, result)) expect(asExpected(record), JSON.stringify(record)).toBe(true);
    for (const figure of study.figures(result)) {
      if (figure.kind !== "chart") continue;
      for (const { name, x, y } of figure.series) {
        expect(x.length, name).toBe(y.length);
        expect([...x, ...y].every(Number.isFinite), name).toBe(true);
      }
    }
  });
});

describe("the judgement of R1.10", () => {
  const curve = (shift: number) => ({ mean: [1, 1, 1, 1].map((v) => v + shift), error: [0.1, 0.1, 0.1, 0.1] });
  const ensemble = (loss: number, G: number) => {
    const course = { loss: curve(loss), vulnerability: curve(G) };
    return { name: "", t: [1, 2, 3, 4], all: course, tests: [course] };
  };
  const judged = async (second: [number, number], sgd: [number, number], mixed = sgd) => {
    const equations = [ensemble(...second), ensemble(...sgd), ensemble(...mixed)];
    return (await networkSde.claims[0].measure({ runs: 200, fineness: 10, training: ensemble(0, 0), equations })).holds;
  };
  it("counts times inside the band of two estimated means", () => {
    expect(insideBand(curve(0), { ...curve(0), mean: [1, 1.2, 1.3, 2] })).toBe(0.5);
  });
  it("fails where the equation leaves the band, and where SGD's drift cannot be told apart", async () => {
    expect(await judged([0, 0], [0, 1])).toBe(true);
    expect(await judged([1, 0], [0, 1])).toBe(false);
    expect(await judged([0, 1], [0, 1])).toBe(false);
    expect(await judged([0, 0], [0, 0])).toBe(false);
    expect(await judged([0, 0], [0, 1], [0, 0])).toBe(false);
  });
});

it("the factor two has the specification's values", () => {
  const { seen, descended } = factorTwo([0.6, 0.3, 0.4], { α: 1e-3, K: 3 });
  expect(seen).toBeCloseTo(2.0031, 4);
  expect(descended).toBeCloseTo(1.0022, 4);
});

it("strictlyFalling notices a rise in K and a tie in α", () => {
  expect(
    strictlyFalling({
      G: [
        [3, 2, 1],
        [3, 1.5, 0.5],
      ],
    }),
  ).toBe(true);
  expect(
    strictlyFalling({
      G: [
        [3, 2, 2.5],
        [3, 1.5, 0.5],
      ],
    }),
  ).toBe(false);
  expect(
    strictlyFalling({
      G: [
        [3, 2, 1],
        [3, 2, 0.5],
      ],
    }),
  ).toBe(false);
});

it("the example runs: the SDE follows the training, the adversary lowers G, and so does the modified loss", async () => {
  const [training, sde, sgd, modified] = await example(100);
  expect(Math.abs(sde.vulnerability / training.vulnerability - 1)).toBeLessThan(0.1);
  expect(Math.abs(sde.loss / training.loss - 1)).toBeLessThan(0.1);
  expect(training.vulnerability).toBeLessThan(0.95 * sgd.vulnerability);
  expect(modified.vulnerability).toBeLessThan(0.95 * sgd.vulnerability);
});
