/** Models that mask their gradients on purpose must be flagged, and then broken. A plain model must not be. */
import { describe, expect, it } from "vitest";
import { type Attack, autoAttack, modelOracle, pgd, square } from "../../src/attacks/index.ts";
import { digits, take, whole } from "../../src/data/index.ts";
import { diagnose, evaluate, predict } from "../../src/evaluation/index.ts";
import { div, mul, round } from "../../src/graph/index.ts";
import { architecture, assemble, elementwise, flatten, type Layer, linear, relu, sequential } from "../../src/models/index.ts";
import { cast, key, uniform } from "../../src/tensor/index.ts";
import { fgsmRs, optimizers, schedule, train } from "../../src/training/index.ts";

const root = key(9);
const [count, classes, shape] = [48, 4, [1, 6, 6]];
const x = cast(uniform(root.fold("x"), [count, ...shape], 0.2, 0.8), "float32");
const threat = { norm: "linf", epsilon: 0.2 } as const;

/** The same weights behind different masks. */
function model(before: Layer[], after: Layer[]) {
  const network = assemble("net", sequential(...before, flatten, linear(32), relu, linear(classes), ...after), {
    inputShape: shape,
    classes,
  });
  return network.initialize(root.fold("net"));
}

async function study(before: Layer[], after: Layer[], used: Attack = pgd({ steps: 10, randomStart: false })) {
  const oracle = modelOracle(model(before, after), { batchSize: 32, threads: 1 });
  const labels = await predict(oracle, x);
  const weak = await evaluate(oracle, { x, labels }, threat, { attacks: [used], key: root });
  const diagnosis = await diagnose(oracle, { x, labels }, threat, { evaluation: weak, examples: 32, queries: 400, key: root });
  return { oracle, labels, weak, diagnosis, signs: diagnosis.symptoms.map(({ sign }) => sign) };
}

describe("the diagnosis", () => {
  // Logits as far apart as after training: where they are close, the cross-entropy itself is a poor guide, and that is said.
  it("finds nothing to say against a plain model", async () => {
    const { oracle, signs, weak } = await study([], [elementwise((z) => mul(z, 8))], pgd({ steps: 50, restarts: 2 }));
    expect(weak.robust.count).toBeLessThan(count);
    expect(signs).toEqual([]);
    await oracle.release();
  });

  it("flags logits scaled until the cross-entropy saturates; losses that do not saturate break the model", async () => {
    const { oracle, labels, weak, diagnosis, signs } = await study([], [elementwise((z) => mul(z, 3e4))]);
    expect(signs).toContain("saturated logits");
    expect(signs).toContain("an unbounded attack does not reach 0 %");
    const remedy = diagnosis.symptoms.find(({ sign }) => sign === "saturated logits")?.remedy;
    expect(remedy).toContain("apgd-dlr");
    const strong = await evaluate(oracle, { x, labels }, threat, {
      attacks: autoAttack("standard", "linf", oracle).attacks.slice(0, 3),
      key: root,
    });
    expect(weak.robust.value - strong.robust.value).toBeGreaterThan(0.2);
    await oracle.release();
  });

  it("flags inputs that are quantized first; attacks by scores break the model", async () => {
    const quantized = elementwise((v) => div(round(mul(v, 8)), 8));
    const { oracle, labels, weak, diagnosis, signs } = await study([quantized], []);
    expect(weak.robust.count).toBe(count);
    expect(signs).toEqual(expect.arrayContaining(["zero gradients", "an unbounded attack does not reach 0 %"]));
    expect(signs).toContain("an attack without gradients beats those with");
    expect(diagnosis.symptoms.find(({ sign }) => sign === "zero gradients")?.remedy).toContain("square");
    const strong = await evaluate(oracle, { x, labels }, threat, { attacks: [square({ queries: 1000 })], key: root });
    expect(strong.robust.value).toBeLessThan(0.7);
    const together = await evaluate(oracle, { x, labels }, threat, { attacks: [pgd({ steps: 10 }), square({ queries: 1000 })], key: root });
    const again = await diagnose(oracle, { x, labels }, threat, { evaluation: together, examples: 8, queries: 50, key: root });
    expect(again.symptoms.map(({ sign }) => sign)).toContain("black box beats white box");
    await oracle.release();
  });

  it("flags a fast-trained network that stands small steps of PGD and falls to large ones", async () => {
    const epochs = 6;
    let fast = architecture("mnist-fast").initialize(key(1));
    const training = train(fast, digits({ split: "train", count: 3000 }), {
      defense: fgsmRs({ epsilon: 0.2, clipStart: true }),
      optimizer: optimizers.adam(),
      schedule: schedule("cyclic", { rate: 5e-3, epochs }),
      epochs,
      batchSize: 50,
      key: key(2),
      runtime: { threads: 1 },
    });
    for await (const event of training) if (event.type === "end") fast = { ...fast, weights: event.weights };
    const oracle = modelOracle(fast, { threads: 1 });
    const { x, y } = whole(take(digits({ split: "test", count: 200 }), 96));
    const data = { x, labels: y.data };
    const small = await evaluate(oracle, data, threat, {
      attacks: [pgd({ steps: 10, stepSize: 0.2 / 30, randomStart: false })],
      key: root,
    });
    const { symptoms } = await diagnose(oracle, data, threat, { evaluation: small, examples: 48, queries: 300, key: root });
    expect(symptoms.map(({ sign }) => sign)).toContain("attacks too weak for the model");
    const strong = await evaluate(oracle, data, threat, { attacks: [pgd({ steps: 50 })], key: root });
    expect(small.clean.value).toBeGreaterThan(0.75);
    expect(small.robust.value - strong.robust.value).toBeGreaterThan(0.3);
    const { symptoms: after } = await diagnose(oracle, data, threat, { evaluation: strong, examples: 48, queries: 300, key: root });
    expect(after.map(({ sign }) => sign)).not.toContain("attacks too weak for the model");
    await oracle.release();
  });
});
