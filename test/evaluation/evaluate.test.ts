import { afterAll, describe, expect, it } from "vitest";
import { apgd, exampleRows, fabTargeted, fgsm, modelOracle, noise, pgd, SoundnessError, square } from "../../src/attacks/index.ts";
import { evaluate, evaluateCurve, minimumDistances, type Piece, proportion, quantile, recheck } from "../../src/evaluation/index.ts";
import { assemble, flatten, linear, relu, sequential } from "../../src/models/index.ts";
import { cast, key, rows, takeRows, uniform } from "../../src/tensor/index.ts";

const root = key(3);
const [count, classes, shape] = [40, 4, [1, 5, 5]];
const x = cast(uniform(root.fold("x"), [count, ...shape], 0.3, 0.7), "float32");
const net = assemble("net", sequential(flatten, linear(20), relu, linear(classes)), { inputShape: shape, classes }).initialize(
  root.fold("net"),
);
const oracle = modelOracle(net, { batchSize: 16, threads: 1 });
afterAll(() => oracle.release());
const first = await evaluate(oracle, { x, labels: new Int32Array(count) }, { norm: "linf", epsilon: 0 }, { attacks: [noise()] });
// Every fifth label is wrong on purpose.
const labels = first.cleanPredictions.map((prediction, i) => (i % 5 === 0 ? (prediction + 1) % classes : prediction));
const attacks = [fgsm(), apgd({ steps: 30 }), fabTargeted({ steps: 30, targetClasses: 3 }), square({ queries: 200 })];
const threat = { norm: "linf", epsilon: 0.12 } as const;

describe("an evaluation", () => {
  it("gives every example one verdict, every broken one a witness that holds, and each attack what stands", async () => {
    const evaluation = await evaluate(oracle, { x, labels }, threat, { attacks, key: root });
    const tally = (verdict: string) => evaluation.verdicts.filter((one) => one === verdict).length;
    expect(tally("wrong")).toBe(8);
    expect(evaluation.clean.count).toBe(32);
    expect(evaluation.robust.count).toBe(tally("standing"));
    expect(tally("broken")).toBeGreaterThan(0);
    let standing = 32;
    for (const { attempted, broken } of evaluation.attacks) {
      expect(attempted).toBe(standing);
      standing -= broken;
    }
    expect(standing).toBe(tally("standing"));
    evaluation.verdicts.forEach((verdict, i) => {
      expect(evaluation.brokenBy[i] >= 0).toBe(verdict === "broken");
    });
    const total = evaluation.classes.reduce((sum, row) => sum + row.examples, 0);
    const robust = evaluation.classes.reduce((sum, row) => sum + row.robust * row.examples, 0);
    expect(total).toBe(count);
    expect(robust).toBeCloseTo(evaluation.robust.count, 9);
    await recheck(oracle, x, threat, claimed(evaluation));
  });

  it("is never above a single attack of its ensemble", async () => {
    const together = await evaluate(oracle, { x, labels }, threat, { attacks, key: root });
    for (const alone of attacks) {
      const single = await evaluate(oracle, { x, labels }, threat, { attacks: [alone], key: root });
      expect(together.robust.count).toBeLessThanOrEqual(single.robust.count);
    }
  });

  it("leaves nothing standing that an attack with random draws breaks alone", async () => {
    // Few queries, so that the draws decide.
    const lucky = square({ queries: 6 });
    for (let seed = 0; seed < 8; seed++) {
      const alone = await evaluate(oracle, { x, labels }, threat, { attacks: [lucky], key: key(seed) });
      const last = await evaluate(oracle, { x, labels }, threat, { attacks: [noise(), fgsm(), lucky], key: key(seed) });
      last.verdicts.forEach((verdict, i) => {
        if (verdict === "standing") expect(alone.verdicts[i]).toBe("standing");
      });
    }
  });

  it("runs in a few words on a model, with AutoAttack", async () => {
    const evaluation = await evaluate(net, { x: rows(x, 0, 6), labels: labels.slice(0, 6) }, { norm: "l1", epsilon: 1 });
    expect(evaluation.attacks.map(({ attack }) => attack)).toEqual(["apgd", "apgd-t", "fab-t"]);
    expect(evaluation.remarks[0]).toContain("Square is left out");
  });

  it("continues from its pieces with the result of a run that was never stopped", async () => {
    const kept = new Map<string, Piece>();
    const pieces = { get: (id: string) => kept.get(id), put: (id: string, piece: Piece) => void kept.set(id, piece) };
    const whole = await evaluate(oracle, { x, labels }, threat, { attacks, key: root });
    let asked = 0;
    const stop = () => {
      if (++asked > 40) throw new Error("stopped");
    };
    await expect(evaluate(oracle, { x, labels }, threat, { attacks, key: root, pieces, onProgress: stop })).rejects.toThrow("stopped");
    expect(kept.size).toBeGreaterThan(0);
    expect(kept.size).toBeLessThan(attacks.length);
    const before = kept.size;
    const seen: string[] = [];
    const resumed = await evaluate(oracle, { x, labels }, threat, {
      attacks,
      key: root,
      pieces,
      onProgress: ({ attack }) => seen.push(attack),
    });
    expect(seen).not.toContain(attacks[before - 1].name);
    expect(resumed.verdicts).toEqual(whole.verdicts);
    expect(resumed.witnesses.data).toEqual(whole.witnesses.data);
    expect(resumed.brokenBy).toEqual(whole.brokenBy);
  });
});

describe("witnesses are checked again", () => {
  const broken = async () => claimed(await evaluate(oracle, { x, labels }, threat, { attacks: [pgd()], key: root }));
  it.each([
    ["outside ε", (w: Claim) => w.point.data.fill(0.99), "outside ε"],
    ["outside the box", (w: Claim) => w.point.data.fill(-1), "outside ε = 0.12 or the box"],
    ["of its own class", (w: Claim) => w.point.data.set(exampleRows(x)[w.index]), "classified as its own class"],
    ["of another class than reported", (w: Claim) => Object.assign(w, { adversarial: (w.adversarial + 1) % classes }), "as reported"],
    ["without components", (w: Claim) => Object.assign(w, { point: rows(w.point, 0, 0) }), "0 components"],
  ])("%s", async (_, spoil, message) => {
    const witnesses = await broken();
    expect(witnesses.length).toBeGreaterThan(1);
    const one = witnesses[1];
    if (message === "as reported") one.label = (one.adversarial + 2) % classes;
    spoil(one);
    const error = await recheck(oracle, x, threat, witnesses).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(SoundnessError);
    expect((error as Error).message).toContain(message);
  });
});

it("curves over ε never rise, and agree with the distances that were found", async () => {
  const epsilons = [0.2, 0.02, 0.08];
  const curve = await evaluateCurve(oracle, { x, labels }, { norm: "linf", epsilons }, { attacks, key: root });
  expect(curve.map(({ threat: { epsilon } }) => epsilon)).toEqual([0.02, 0.08, 0.2]);
  for (const [i, evaluation] of curve.entries()) {
    if (i > 0) expect(evaluation.robust.count).toBeLessThanOrEqual(curve[i - 1].robust.count);
    await recheck(oracle, x, evaluation.threat, claimed(evaluation));
  }
  const { distances, median, quantiles } = await minimumDistances(oracle, { x, labels }, "linf", { key: root });
  for (const { threat: at, robust } of curve) {
    const standing = distances.filter((distance) => distance > (at.epsilon as number)).length;
    // Two different attacks: both are upper bounds of the same number.
    expect(Math.abs(standing - robust.count)).toBeLessThanOrEqual(4);
  }
  expect(median).toBe(quantiles["0.5"]);
  expect(quantiles["0.05"]).toBeLessThanOrEqual(median);
  expect(median).toBeLessThanOrEqual(quantiles["0.95"]);
  expect(distances.filter((distance) => distance === 0).length).toBe(8);
});

it("Wilson's interval is that of the textbook, and quantiles are linear between neighbours", () => {
  const { interval } = proportion(81, 263);
  expect(interval[0]).toBeCloseTo(0.2553, 3);
  expect(interval[1]).toBeCloseTo(0.3662, 3);
  expect(quantile([1, 2, 4], 0.75)).toBe(3);
  expect(quantile([1, Number.POSITIVE_INFINITY], 0)).toBe(1);
  expect(quantile([], 0.5)).toBeNaN();
});

type Claim = { index: number; label: number; adversarial: number; point: ReturnType<typeof takeRows<"float32">> };

function claimed({ verdicts, witnesses, predictions }: Awaited<ReturnType<typeof evaluate>>): Claim[] {
  return verdicts.flatMap((verdict, index) =>
    verdict === "broken" ? [{ index, label: labels[index], adversarial: predictions[index], point: takeRows(witnesses, [index]) }] : [],
  );
}
