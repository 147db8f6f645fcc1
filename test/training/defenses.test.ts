import { describe, expect, it } from "vitest";
import { evaluate, grad, input, type Value } from "../../src/graph/index.ts";
import { activations, assemble, elementwise, linear, sequential, type Weights } from "../../src/models/index.ts";
import { key, scalar, type Tensor, tensor } from "../../src/tensor/index.ts";
import {
  awp,
  curriculum,
  type Defense,
  dynamic,
  type Forward,
  free,
  innerAscent,
  mart,
  pgdTraining,
  trades,
} from "../../src/training/index.ts";
import { filled, filledWeights, fixture } from "./fixture.ts";

const network = assemble("mlp", sequential(linear(6), elementwise(activations.tanh), linear(3)), { inputShape: [5], classes: 3 });
const shapes = Object.fromEntries(Object.entries(network.weights).map(([name, { shape }]) => [name, shape]));
const x = filled([4, 5], 1, 0.1, 0.9, "float64");
const noise = filled([4, 5], 2, -0.2, 0.2, "float64");
const adversarial = tensor(
  x.data.map((v, i) => Math.min(Math.max(v + noise.data[i], 0), 1)),
  [4, 5],
  "float64",
);
const labels = tensor([0, 1, 2, 1], [4], "int32");
const workbench = { network, batchSize: 4, epochs: 10, runtime: { threads: 1 } };
const single = (t: Tensor): Tensor<"float32"> => tensor(t.data as Float64Array, t.shape);

/** Loss and gradients of a defense in float64, at the fixture's weights. */
async function lossOf(defense: Defense, feeds: Record<string, Tensor>) {
  const prepared = await defense.prepare(workbench);
  const place = (name: string, shape: readonly number[]) => input(name, shape, "float64");
  const weights = Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, place(name, shape)]));
  const forward: Forward = (point, { weights: own = weights } = {}) => network.apply(point, own).logits;
  const crafted = Object.fromEntries(
    Object.keys(prepared.crafted).map((name) => [name, place(`crafted ${name}`, prepared.crafted[name].shape)]),
  );
  const { loss, outputs = {} } = prepared.loss({ x: place("x", [4, 5]), labels: input("labels", [4], "int32"), crafted, weights }, forward);
  const names = Object.keys(weights);
  const gradients = grad(loss, Object.values(weights));
  const data = {
    x,
    labels,
    ...filledWeights(shapes, 3, 1, "float64"),
    ...Object.fromEntries(Object.entries(feeds).map(([name, value]) => [`crafted ${name}`, value])),
  };
  const wanted: Value[] = [loss, ...gradients, ...Object.values(outputs)];
  const [value, ...rest] = evaluate(wanted, data);
  await prepared.release();
  return {
    loss: value.data[0],
    gradients: Object.fromEntries(names.map((name, i) => [name, [...rest[i].data]])),
    outputs: rest.slice(names.length).map((output) => [...output.data]),
  };
}

const shared = { epsilon: 0.2, steps: 3 };
const one = scalar(1, "float64");
describe("losses and their weight gradients are PyTorch's", () => {
  it.each<[string, Defense, Record<string, Tensor>]>([
    ["pgd", pgdTraining(shared), {}],
    ["dynamic, self-weighted", dynamic({ ...shared, selfWeighted: true }), { share: one }],
    ["trades", trades(shared), {}],
    ["mart", mart(shared), {}],
    ["awp-pgd", awp(pgdTraining(shared)), { gamma: scalar(0.1, "float64") }],
    ["awp-trades", awp(trades(shared)), { gamma: scalar(0.1, "float64") }],
  ])("%s", async (name, defense, feeds) => {
    const found = await lossOf(defense, { adversarial, ...feeds });
    const expected = fixture.losses[name];
    expect(found.loss).toBeCloseTo(expected.loss, 12);
    for (const [weight, gradient] of Object.entries(expected.gradients)) {
      gradient.forEach((v, i) => {
        expect(found.gradients[weight][i], `${weight}[${i}]`).toBeCloseTo(v, 11);
      });
    }
  });
  it("self-weighting is off in the first epoch, and awp without γ is the defense itself", async () => {
    const plain = await lossOf(pgdTraining(shared), { adversarial });
    expect((await lossOf(dynamic({ ...shared, selfWeighted: true }), { adversarial, share: scalar(0, "float64") })).loss).toBeCloseTo(
      plain.loss,
      14,
    );
    expect((await lossOf(awp(pgdTraining(shared)), { adversarial, gamma: scalar(0, "float64") })).gradients).toEqual(plain.gradients);
  });
});

it("free moves its perturbation along every gradient, as PyTorch does", async () => {
  let perturbation: Tensor = tensor(new Float64Array(20), [4, 5], "float64");
  for (const expected of fixture.free) {
    const feeds = { perturbation, epsilon: scalar(0.2, "float64"), stepSize: scalar(0.15, "float64") };
    const [next] = (await lossOf(free({ epsilon: 0.2, stepSize: 0.15 }), feeds)).outputs;
    next.forEach((v, i) => {
      expect(v).toBeCloseTo(expected[i], 12);
    });
    perturbation = tensor(next, [4, 5], "float64");
  }
});

const weights: Weights = filledWeights(shapes, 3, 1);
const batch = (epoch: number) => ({ x: single(x), y: labels, indices: Int32Array.of(0, 1, 2, 3), epoch, replay: 0, key: key(5) });
/** Per example ‖x′ − x‖. */
function distances(point: Tensor, norm: "linf" | "l2"): number[] {
  return Array.from({ length: 4 }, (_, i) => {
    const δ = Array.from({ length: 5 }, (_, j) => Number(point.data[5 * i + j]) - x.data[5 * i + j]);
    return norm === "l2" ? Math.hypot(...δ) : Math.max(...δ.map(Math.abs));
  });
}

describe.each(["linf", "l2"] as const)("examples made in %s", (norm) => {
  const options = { norm, epsilon: 0.1, steps: 5 };
  it.each<[string, Defense, number]>([
    ["pgd", pgdTraining(options), 5],
    ["trades", trades(options), 5],
    ["mart", mart(options), 5],
    ["awp", awp(mart(options)), 6],
    ["dynamic", dynamic({ ...options, controlEpochs: 0 }), 5],
  ])("%s: lie in the ball, are made harder, and cost what they say", async (_, defense, gradients) => {
    const prepared = await defense.prepare(workbench);
    const { feeds, gradientEvaluations } = await prepared.craft(batch(5), weights);
    expect(gradientEvaluations).toBe(gradients);
    for (const d of distances(feeds.adversarial, norm)) expect(d).toBeLessThanOrEqual(0.1 + 1e-6);
    expect(Math.max(...distances(feeds.adversarial, norm))).toBeGreaterThan(0.05);
    const lossAt = async (point: Tensor) => {
      const values = Object.fromEntries(Object.entries(weights).map(([name, w]) => [name, input(name, w.shape, "float64")]));
      const place = input("x", [4, 5], "float64");
      const crafted = Object.fromEntries(
        Object.entries(prepared.crafted).map(([name, { shape }]) => [name, name === "adversarial" ? place : input(name, shape, "float64")]),
      );
      const clean = input("clean", [4, 5], "float64");
      const { loss } = prepared.loss(
        { x: clean, labels: input("labels", [4], "int32"), crafted, weights: values },
        (p, { weights: own = values } = {}) => network.apply(p, own).logits,
      );
      return evaluate([loss], { ...weights, ...feeds, x: point, clean: x, labels })[0].data[0];
    };
    expect(await lossAt(feeds.adversarial)).toBeGreaterThan(await lossAt(x));
    await prepared.release();
  });
});

it("the ascent inside training takes the steps of projected gradient ascent", async () => {
  // One step without a start: x + α·sign(g), and x + α·g/‖g‖, with the gradient by the reference rules.
  const place = input("x", [4, 5], "float64");
  const values = Object.fromEntries(Object.entries(weights).map(([name, w]) => [name, input(name, w.shape, "float64")]));
  const prepared = await pgdTraining(shared).prepare(workbench);
  const { loss } = prepared.loss(
    { x: place, labels: input("labels", [4], "int32"), crafted: { adversarial: place }, weights: values },
    (p) => network.apply(p, values).logits,
  );
  const [g] = evaluate([grad(loss, place)], { ...weights, x, labels });
  await prepared.release();
  for (const norm of ["linf", "l2"] as const) {
    const ascent = await innerAscent(workbench, { norm });
    const point = await ascent.ascend({ x: single(x), start: single(x), y: labels, weights, steps: 1, epsilon: 0.05, stepSize: 0.03 });
    for (let i = 0; i < 4; i++) {
      const row = g.data.subarray(5 * i, 5 * i + 5);
      const length = Math.hypot(...row);
      row.forEach((v, j) => {
        const step = norm === "l2" ? v / length : Math.sign(v);
        expect(point.data[5 * i + j]).toBeCloseTo(x.data[5 * i + j] + 0.03 * step, 5);
      });
    }
    await ascent.release();
  }
});

describe("curriculum", () => {
  it("goes on to the next lesson when one is learnt, or has taken its share", async () => {
    const prepared = await curriculum({ epsilon: 0.1, steps: 3, learnt: 0.5, longest: 2 }).prepare(workbench);
    const lessonAt = async (epoch: number) => (await prepared.craft(batch(epoch), weights)).gradientEvaluations;
    const hear = (accuracy: number, times: number) => {
      for (let i = 0; i < times; i++) prepared.observe?.({ accuracy, outputs: {} });
    };
    expect(await lessonAt(0)).toBe(0);
    hear(1, 13); // 1 − 0.95¹³ = 0.487
    expect(await lessonAt(0.1)).toBe(0);
    hear(1, 1); // 1 − 0.95¹⁴ = 0.512
    expect(await lessonAt(0.2)).toBe(1);
    hear(0.4, 100);
    expect(await lessonAt(2.1)).toBe(1);
    expect(await lessonAt(2.25)).toBe(2);
    expect(await lessonAt(4.3)).toBe(3);
    hear(1, 100);
    expect(await lessonAt(9)).toBe(3);
    await prepared.release();
  });
});
