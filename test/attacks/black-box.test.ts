/** Models that only predict: what they may be asked, and that the attacks on them find what a closed form says is there. */
import { describe, expect, it } from "vitest";
import {
  AttackError,
  type AttackName,
  attackNames,
  blackBox,
  catalogue,
  distance,
  exampleRows,
  hopSkipJump,
  noise,
  type Prediction,
  pgd,
  runAttack,
  square,
} from "../../src/attacks/index.ts";
import { evaluate, minimumDistances } from "../../src/evaluation/index.ts";
import { assemble, flatten, linear, sequential } from "../../src/models/index.ts";
import { cast, key, takeRows, tensor, uniform } from "../../src/tensor/index.ts";

const [count, width, classes] = [12, 6, 4];
const x = cast(uniform(key(1), [count, width], 0.3, 0.7), "float32");
/** Linear scores; the distance to the nearest other class has a closed form. */
const w = exampleRows(cast(uniform(key(2), [classes, width], -1, 1), "float32"));
const scores = (point: ArrayLike<number>) => w.map((row) => row.reduce((total, v, i) => total + v * point[i], 0));
const labels = exampleRows(x).map((row) => scores(row).indexOf(Math.max(...scores(row))));
const domain = { inputShape: [width], classes };
const rows = (points: { data: Float32Array; shape: readonly number[] }) => exampleRows(tensor(points.data, points.shape)).map(scores);
const box = blackBox(rows, domain);
const shy = blackBox((points) => rows(points).map((row) => row.indexOf(Math.max(...row))), { ...domain, gives: "classes" });

/** min over j of (s_y − s_j)/‖w_y − w_j‖ in the dual norm: 1 for L∞, 2 for L2. */
function toBoundary(point: Float32Array, label: number, dual: "l1" | "l2"): number {
  const own = scores(point);
  return Math.min(
    ...w.flatMap((row, j) =>
      j === label ? [] : [(own[label] - own[j]) / distance(w[label].map((v, i) => v - row[i]) as Float32Array, undefined, dual)],
    ),
  );
}

const exact = exampleRows(x).map((row, i) => toBoundary(row, labels[i], "l1"));
const [, , , , , near, far] = [...exact].sort((a, b) => a - b);
const ε = (near + far) / 2;

describe("a function", () => {
  it("is broken by Square exactly where the closed form says that it can be", async () => {
    expect(exact.filter((d) => d < ε).length).toBeGreaterThan(3);
    expect(exact.filter((d) => d > ε).length).toBeGreaterThan(3);
    const [{ success, gradientEvaluations }] = await square({ queries: 400 })(box, x, labels, { epsilons: [ε] });
    expect([...success]).toEqual(exact.map((d) => (d < ε ? 1 : 0)));
    expect(Math.max(...gradientEvaluations)).toBe(0);
  });
  it("has its distances measured by HopSkipJump, by classes alone as by scores", async () => {
    const exact = exampleRows(x).map((row, i) => toBoundary(row, labels[i], "l2"));
    for (const oracle of [box, shy]) {
      const [{ distances }] = await hopSkipJump({ steps: 10 })(oracle, x, labels, { norm: "l2" });
      distances.forEach((found, i) => {
        expect(found).toBeGreaterThanOrEqual(exact[i] * (1 - 1e-5));
        expect(found).toBeLessThanOrEqual(exact[i] * 1.1);
      });
    }
    const { distances, attacks } = await minimumDistances(box, { x, labels }, "l2", { attacks: [hopSkipJump({ steps: 3 })] });
    expect([attacks, Math.min(...distances) > 0]).toEqual([["hop-skip-jump"], true]);
  });
  it("is evaluated without naming attacks, and the result says which took AutoAttack's place", async () => {
    const { robust, attacks, remarks } = await evaluate(box, { x, labels }, { norm: "linf", epsilon: ε });
    expect(attacks.map(({ attack }) => attack)).toEqual(["square"]);
    expect(remarks).toEqual(["the model gives scores and no gradients: square takes the place of AutoAttack, which needs them"]);
    expect(robust.count).toBe(exact.filter((d) => d > ε).length);
    const decided = await evaluate(shy, { x: takeRows(x, [0, 1]), labels: labels.slice(0, 2) }, { norm: "l2", epsilon: 0.01 });
    expect(decided.attacks.map(({ attack }) => attack)).toEqual(["hop-skip-jump"]);
  });
});

describe("what an attack says it needs is what it asks", () => {
  const net = assemble("net", sequential(flatten, linear(classes)), { inputShape: [width], classes }).initialize(key(3));
  it.each(attackNames)("%s", async (name: AttackName) => {
    const chosen = catalogue[name](
      name === "square" ? { queries: 20 } : ["hop-skip-jump", "spsa", "carlini-wagner"].includes(name) ? { steps: 2 } : {},
    );
    const norm = chosen.norms[0];
    const [{ gradientEvaluations }] = await chosen(net, x, labels, { norm, epsilons: [0.05], threads: 1 });
    expect(Math.max(...gradientEvaluations) > 0).toBe(chosen.needs === "gradients");
    const threat = { norm, epsilon: 0.05 };
    for (const oracle of [box, shy]) {
      const ran = runAttack(oracle, chosen, { x, labels }, threat, { key: key(0) });
      const refused = chosen.needs === "gradients" || (chosen.needs === "scores" && oracle.gives === "classes");
      if (refused)
        await expect(ran).rejects.toThrow(`${chosen.name} needs ${chosen.needs}, and this model only predicts ${oracle.gives}: use `);
      else expect((await ran).attack).toBe(chosen.name);
    }
  });
});

describe("answers that are none", () => {
  const ask = (answer: unknown, gives: "scores" | "classes" = "scores") =>
    runAttack(
      blackBox(() => answer as Prediction, { ...domain, gives }),
      noise({ samples: 2 }),
      { x, labels },
      { norm: "linf", epsilon: 0.1 },
      { key: key(0) },
    );
  const each = <T>(value: T) => Array.from({ length: count }, () => value);
  it.each<[string, unknown, "scores" | "classes", string]>([
    ["too few rows", [[1, 2, 3, 4]], "scores", "1 rows of scores for 12 points"],
    ["too few scores", each([1, 2]), "scores", "2 scores for point 0 of its batch, not 4 scores"],
    ["NaN", each([1, Number.NaN, 3, 4]), "scores", "NaN as the score of class 1 for point 0"],
    ["texts", each(["a", "b", "c", "d"]), "scores", "a as the score of class 0"],
    ["nothing", each(null), "scores", "the model gave null for point 0"],
    ["classes where scores are said to be", each(1), "scores", 'say so: gives: "classes"'],
    ["a tensor of another shape", tensor(new Float32Array(24), [count, 2]), "scores", "2 scores for point 0"],
    ["an unknown class", each(4), "classes", "the model gave 4 for point 0 of its batch, which is none of the classes 0 … 3"],
    ["scores where classes are said to be", each([0, 1, 0]), "classes", "the model gave [0,1,0] for point 0"],
  ])("%s", async (_, answer, gives, message) => {
    await expect(ask(answer, gives)).rejects.toThrow(message);
    await expect(ask(answer, gives)).rejects.toThrow(AttackError);
  });
  it("gradients", async () => {
    await expect(pgd()(box, x, labels, { epsilons: [0.1] })).rejects.toThrow(
      "pgd needs gradients, and this model only predicts scores: use square, spsa, noise, hop-skip-jump or transfer",
    );
  });
});
