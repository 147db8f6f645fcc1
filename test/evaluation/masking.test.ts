/** Models that mask their gradients on purpose must be flagged, and then broken. A plain model must not be. */
import { describe, expect, it } from "vitest";
import { autoAttack, modelOracle, pgd, square } from "../../src/attacks/index.ts";
import { diagnose, evaluate, predict } from "../../src/evaluation/index.ts";
import { div, mul, round } from "../../src/graph/index.ts";
import { assemble, elementwise, flatten, type Layer, linear, relu, sequential } from "../../src/models/index.ts";
import { cast, key, uniform } from "../../src/tensor/index.ts";

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

async function study(before: Layer[], after: Layer[]) {
  const oracle = modelOracle(model(before, after), { batchSize: 32, threads: 1 });
  const labels = await predict(oracle, x);
  const weak = await evaluate(oracle, { x, labels }, threat, { attacks: [pgd({ steps: 10, randomStart: false })], key: root });
  const diagnosis = await diagnose(oracle, { x, labels }, threat, { evaluation: weak, examples: 32, queries: 400, key: root });
  return { oracle, labels, weak, diagnosis, signs: diagnosis.symptoms.map(({ sign }) => sign) };
}

describe("the diagnosis", () => {
  it("finds nothing to say against a plain model", async () => {
    const { oracle, signs, weak } = await study([], []);
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
});
