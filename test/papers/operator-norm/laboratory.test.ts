import { Matrix, SVD } from "ml-matrix";
import { describe, expect, it } from "vitest";
import { example } from "../../../examples/operator-norm.ts";
import { digits, take, whole } from "../../../src/data/index.ts";
import { architecture } from "../../../src/models/index.ts";
import { asExpected, checkClaims } from "../../../src/papers/claims.ts";
import type { Lab, NetworkRecord } from "../../../src/papers/operator-norm/experiment.ts";
import { measureGeometry, multiples } from "../../../src/papers/operator-norm/geometry.ts";
import { operatorNormLaboratory } from "../../../src/papers/operator-norm/index.ts";
import { type Settings, settings } from "../../../src/papers/operator-norm/settings.ts";
import { accuracyCurve, defenseOf, trainingRadius, trainings, trainNetwork } from "../../../src/papers/operator-norm/trainings.ts";
import { figureHtml } from "../../../src/report/index.ts";
import { key } from "../../../src/tensor/index.ts";
import { optimizers, schedule } from "../../../src/training/index.ts";

const tiny: Settings = {
  ...settings.quick,
  network: () => architecture("mlp", { width: 16 }),
  optimizer: () => optimizers.adam(),
  schedule: schedule("constant", { rate: 1e-2, epochs: 1 }),
  epochs: 1,
  batch: 20,
  iterations: 2,
};

/** A laboratory as the paper would have it. */
function ideal(): Lab {
  const network = (name: NetworkRecord["name"], σ: number, alignment: number, robust: number): NetworkRecord => ({
    name,
    accuracy: [name === "standard" ? 0.935 : 0.84, ...multiples.map((m) => Math.max(0, robust - 0.2 * (m - 1)))],
    geometry: {
      spectrum: [σ, σ / 2],
      perturbedSpectrum: [σ, σ / 2],
      alignment: name === "untrained" ? [0.2, 0.15] : [alignment, alignment / 2],
      randomAlignment: [0.01, 0.01],
      alignmentByLength: multiples.map((m) => alignment - 0.1 * (m - 1)),
      deviation: { adversarial: multiples.map((m) => m * σ), random: multiples.map((m) => (m * σ) / 10) },
      sigmaAlong: { adversarial: multiples.map(() => σ), random: multiples.map(() => σ) },
    },
  });
  return {
    equivalence: [{ p: "2", q: "2", difference: 1e-11, outside: 0.5, fall: -1e-3, singularError: 1e-9 }],
    bruteForce: { matrices: 10, reached: 10, excess: -0 },
    objectives: { value: 1e-12, gradient: 1e-12, singular: 1e-12, jacobianGradient: 1e-15 },
    rates: [{ stepRatio: 1, measured: 0.8, predicted: 0.8 }],
    global: { points: 10, violations: 0, largestShare: 0.5, gradient: 1e-9, differences: 1e-8 },
    dimension: 3072,
    points: 10,
    judged: 100,
    epsilon: 1.75,
    networks: [
      network("untrained", 0.2, 0.2, 0),
      network("standard", 10, 0.4, 0.05),
      network("adversarial", 2, 0.6, 0.5),
      network("global", 9, 0.35, 0.1),
      network("data-dependent", 2, 0.6, 0.5),
    ],
  };
}

describe("the claims", () => {
  it("hold of what the paper reports, and are the twelve of the specification", async () => {
    const records = await checkClaims(operatorNormLaboratory, ideal());
    expect(records.map(({ id }) => id)).toEqual(Array.from({ length: 12 }, (_, i) => `O${i + 1}`));
    expect(records.filter((record) => !asExpected(record))).toEqual([]);
  });

  it.each<[string, (lab: Lab) => void]>([
    ["O1", (lab) => (lab.equivalence[0].outside = 1e-5)],
    ["O2", (lab) => (lab.bruteForce.reached = 8)],
    ["O3", (lab) => (lab.objectives.gradient = 1e-5)],
    ["O4", (lab) => (lab.rates[0].measured = 0.83)],
    ["O5", (lab) => (lab.global.violations = 1)],
    ["O6", (lab) => (lab.networks[4].accuracy[0] = 0.89)],
    ["O7", (lab) => (lab.networks[3].geometry.spectrum[0] = 1)],
    ["O8", (lab) => (lab.networks[0].geometry.alignment = [0.5, 0.1])],
    ["O9", (lab) => lab.networks[2].geometry.alignmentByLength.reverse()],
    ["O10", (lab) => (lab.networks[2].geometry.deviation = lab.networks[1].geometry.deviation)],
    ["O11", (lab) => (lab.networks[4].geometry.sigmaAlong.random[1] = 6)],
    ["O12", (lab) => (lab.networks[3].accuracy = lab.networks[2].accuracy)],
  ])("%s fails where it should", async (id, spoil) => {
    const lab = structuredClone(ideal());
    spoil(lab);
    const failed = (await checkClaims(operatorNormLaboratory, lab)).filter(({ holds }) => !holds);
    expect(failed.map((record) => record.id)).toContain(id);
  });

  it("come with figures that can be drawn", () => {
    for (const figure of operatorNormLaboratory.figures(ideal())) expect(figureHtml(figure)).toContain(figure.title);
  });
});

it("on a linear model geometry is that of its matrix", async () => {
  const model = architecture("linear").initialize(key(1));
  const W = Matrix.from1DArray(10, 784, Array.from(model.weights["fc1.weight"].data as Float32Array));
  const { diagonal } = new SVD(W, { autoTranspose: true });
  const { spectrum, perturbedSpectrum, deviation, sigmaAlong } = await measureGeometry(
    model,
    whole(digits({ split: "test", count: 10 })),
    1,
    3,
    key(2),
  );
  for (const values of [spectrum, perturbedSpectrum]) {
    expect(values).toEqual(diagonal.map((value) => expect.closeTo(value, 5)));
  }
  for (const value of [...deviation.adversarial, ...deviation.random]) expect(value).toBeLessThan(1e-5);
  for (const value of sigmaAlong.adversarial) expect(value).toBeCloseTo(diagonal[0], 5);
});

it("takes the smallest radius at which almost nothing stands, or the largest tried", () => {
  expect(trainingRadius([0.5, 1, 1.5], [0.6, 0.1, 0])).toBe(1);
  expect(trainingRadius([0.5, 1, 1.5], [0.9, 0.8, 0.7])).toBe(1.5);
});

it("every training starts alike, learns, and its accuracy falls with the radius", async () => {
  const data = digits({ split: "train", count: 400 });
  const test = whole(take(digits({ split: "test", count: 60 }), 60));
  const network = tiny.network();
  for (const training of trainings) {
    const fractions: number[] = [];
    const options = { key: key(3), progress: (fraction: number) => fractions.push(fraction) };
    const weights = await trainNetwork(network, data, defenseOf(training, 0.5, tiny), tiny, options);
    expect(fractions[fractions.length - 1]).toBe(1);
    const curve = await accuracyCurve({ network, weights }, test, [0, 1, 4], 3, key(4));
    expect(curve[0]).toBeGreaterThan(training === "global" ? 0.1 : 0.3);
    expect(curve[2]).toBeLessThanOrEqual(curve[1]);
    expect(curve[1]).toBeLessThanOrEqual(curve[0]);
  }
});

it("the example's regularized network has smaller norms", { timeout: 120_000 }, async () => {
  const [plain, regularized] = await example({ examples: 300, epochs: 4 });
  expect(regularized.σ1).toBeLessThan(plain.σ1);
  expect(regularized["∞ to 1"]).toBeLessThan(plain["∞ to 1"]);
  for (const row of [plain, regularized]) {
    expect(row["global bound"]).toBeGreaterThan(row.σ1);
    expect(row["|cos(δ, v₁)|"]).toBeGreaterThan(3 * row["|cos|, random"]);
  }
});
