import { afterAll, describe, expect, it } from "vitest";
import {
  type Attack,
  AttackError,
  attack,
  blackBox,
  exampleRows,
  fgsm,
  modelOracle,
  type Norm,
  pgd,
  runAttack,
  SoundnessError,
  ThreatError,
} from "../../src/attacks/index.ts";
import { assemble, flatten, linear, type Model, relu, sequential } from "../../src/models/index.ts";
import { cast, key, rows, tensor, uniform } from "../../src/tensor/index.ts";

const [count, width, classes] = [24, 6, 3];
const root = key(11);
const x = cast(uniform(root.fold("x"), [count, width], 0.3, 0.7), "float32");
const labels = Array.from({ length: count }, (_, i) => i % classes);

/** A linear model with two classes: the worst case over a ball has a closed form. */
const twoClasses = assemble("linear", sequential(linear(2)), { inputShape: [width], classes: 2 });
const affine: Model = twoClasses.initialize(root.fold("affine"));
/** A small net. */
const net = assemble("net", sequential(flatten, linear(16), relu, linear(classes)), { inputShape: [width], classes }).initialize(
  root.fold("net"),
);

const open = (model: Model, batchSize = 16) => modelOracle(model, { batchSize, threads: 1 });
const oracle = open(net);
const affineOracle = open(affine);
afterAll(async () => {
  await oracle.release();
  await affineOracle.release();
});

describe("on a linear model the worst point has a closed form", () => {
  const weight = affine.weights["fc1.weight"].data as Float32Array;
  const bias = affine.weights["fc1.bias"].data as Float32Array;
  const difference = Array.from({ length: width }, (_, i) => weight[width + i] - weight[i]);
  const dual: Record<string, number> = {
    linf: difference.reduce((total, v) => total + Math.abs(v), 0),
    l2: Math.hypot(...difference),
  };
  const gap = exampleRows(x).map((row) => bias[1] - bias[0] + row.reduce((total, v, i) => total + v * difference[i], 0));
  const twoLabels = gap.map((g) => (g > 0 ? 1 : 0));
  for (const norm of ["linf", "l2"] as Norm[]) {
    for (const [name, chosen] of [
      ["fgsm", fgsm()],
      ["pgd", pgd({ steps: 20 })],
    ] as [string, Attack][]) {
      it(`${name} ${norm} breaks exactly the examples whose margin is below ε times the dual norm`, async () => {
        // ε half-way up the margins, so that both outcomes occur; points stay away from the box.
        const radii = gap.map((g) => Math.abs(g) / dual[norm]).sort((a, b) => a - b);
        const epsilon = Math.min((radii[count / 2] + radii[count / 2 - 1]) / 2, 0.25);
        const result = await runAttack(affineOracle, chosen, { x, labels: twoLabels }, { norm, epsilon }, { key: root });
        gap.forEach((g, i) => {
          expect(result.success[i]).toBe(Math.abs(g) < epsilon * dual[norm] ? 1 : 0);
        });
        expect(result.success).toContain(1);
        expect(result.success).toContain(0);
      });
    }
  }
});

it("a batch gives what each example gives alone, whatever the batch size, and a vector of ε what its entries give", async () => {
  const epsilon = Array.from({ length: count }, (_, i) => 0.02 + 0.01 * (i % 5));
  const options = { key: root, stopAtSuccess: false };
  const together = await runAttack(oracle, pgd({ steps: 5, restarts: 2 }), { x, labels }, { norm: "linf", epsilon }, options);
  const small = open(net, 8);
  for (let i = 0; i < count; i += 5) {
    const alone = await runAttack(
      small,
      pgd({ steps: 5, restarts: 2 }),
      { x: rows(x, i, i + 1), labels: [labels[i]], indices: [i] },
      { norm: "linf", epsilon: epsilon[i] },
      options,
    );
    const points = [exampleRows(together.adversarial)[i], exampleRows(alone.adversarial)[0]];
    for (let j = 0; j < width; j++) expect(points[1][j]).toBeCloseTo(points[0][j], 5);
    expect(alone.gradientEvaluations[0]).toBe(together.gradientEvaluations[i]);
  }
  await small.release();
});

it("ε = 0 is the identity and costs one forward evaluation", async () => {
  const result = await runAttack(oracle, pgd(), { x, labels }, { norm: "l2", epsilon: 0 }, { key: root });
  expect(result.adversarial.data).toEqual(x.data);
  expect([...result.forwardEvaluations]).toEqual(new Array(count).fill(1));
  expect(result.success).toEqual(Uint8Array.from(result.cleanPredictions, (prediction, i) => (prediction === labels[i] ? 0 : 1)));
});

it("leaves an example at its first success, and counts what it asked", async () => {
  const result = await runAttack(
    oracle,
    pgd({ steps: 7, restarts: 3, randomStart: false }),
    { x, labels },
    { norm: "linf", epsilon: 0.2 },
    { key: root },
  );
  result.cleanPredictions.forEach((prediction, i) => {
    if (prediction !== labels[i]) expect(result.gradientEvaluations[i]).toBe(0);
    else if (!result.success[i]) expect([result.gradientEvaluations[i], result.forwardEvaluations[i]]).toEqual([21, 25]);
    else expect(result.gradientEvaluations[i]).toBeGreaterThan(0);
  });
});

it("more steps never lose what fewer steps found, since the best point is kept", async () => {
  const threat = { norm: "linf", epsilon: 0.05 } as const;
  const broken = async (restarts: number) =>
    (await runAttack(oracle, pgd({ steps: 10, restarts }), { x, labels }, threat, { key: root })).success;
  const [one, five] = [await broken(1), await broken(5)];
  one.forEach((success, i) => {
    expect(five[i]).toBeGreaterThanOrEqual(success);
  });
});

it("an attack that leaves its ball gets no credit for it", async () => {
  const cheat = attack("cheat", {}, function* ({ set }) {
    yield { point: set.high.slice(), want: "logits" };
  });
  const result = await runAttack(oracle, cheat(), { x, labels }, { norm: "linf", epsilon: 1e-3 }, { key: root });
  result.distances.forEach((d) => {
    expect(d).toBeLessThanOrEqual(1e-3);
  });
  expect(new SoundnessError("x").name).toBe("SoundnessError");
});

it("attacks with targets aim at them", async () => {
  const targets = labels.map((label) => (label + 1) % classes);
  const aimed = pgd({ steps: 30, loss: "targeted-cross-entropy" });
  const result = await runAttack(oracle, aimed, { x, labels, targets }, { norm: "linf", epsilon: 0.3 }, { key: root });
  result.success.forEach((success, i) => {
    expect(success).toBe(result.predictions[i] === targets[i] ? 1 : 0);
  });
  expect(result.success.reduce((a, b) => a + b, 0)).toBeGreaterThan(0);
});

describe("what cannot be is refused in words", () => {
  const threat = { norm: "linf", epsilon: 0.1 } as const;
  const run = (data: object, chosen: Attack = fgsm(), at: object = threat) =>
    runAttack(oracle, chosen, { x, labels, ...data }, { ...threat, ...at }, { key: root });
  it.each([
    ["a negative ε", () => run({}, fgsm(), { epsilon: -1 }), ThreatError, "ε must be a finite number"],
    ["ε that is no number", () => run({}, fgsm(), { epsilon: Number.NaN }), ThreatError, "ε must be a finite number"],
    ["a list of ε that is too short", () => run({}, fgsm(), { epsilon: [0.1] }), ThreatError, "1 values of ε for 24 examples"],
    ["a wrong width", () => run({ x: tensor(new Float32Array(10), [2, 5]) }), AttackError, "takes inputs [N,6]"],
    ["too few labels", () => run({ labels: [0] }), AttackError, "1 labels for 24 inputs"],
    ["a label out of range", () => run({ labels: labels.map(() => 7) }), AttackError, "class 7, but the model knows 0 … 2"],
    ["pixels in 0..255", () => run({ x: { ...x, data: x.data.map((v) => 255 * v) } }), AttackError, "outside the input domain [0, 1]"],
    ["NaN in the inputs", () => run({ x: { ...x, data: x.data.map(() => Number.NaN) } }), AttackError, "has the value NaN"],
  ])("%s", async (_, act, type, message) => {
    const error = await act().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(type);
    expect((error as Error).message).toContain(message);
  });
  it("an unknown hyper-parameter", () => {
    expect(() => pgd({ step: 3 } as object)).toThrow('pgd has no parameter "step"');
  });
  it("gradients of a model that only predicts", async () => {
    const box = blackBox(({ shape }) => tensor(new Float32Array(shape[0] * classes), [shape[0], classes]), {
      inputShape: [width],
      domain: { low: 0, high: 1 },
      classes,
    });
    await expect(runAttack(box, fgsm(), { x, labels: labels.map(() => 0) }, threat, { key: root })).rejects.toThrow("only predicts");
  });
});
