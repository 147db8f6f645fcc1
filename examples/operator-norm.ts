/**
 * What adversarial training regularizes: the operator norms of the Jacobian at the data. Two trainings of your own network, and the instruments that
 * show it. Run it with `npx tsx examples/operator-norm.ts`.
 */
import { pathToFileURL } from "node:url";
import {
  alignments,
  cellDistances,
  globalBound,
  modelMap,
  operatorNorms,
  randomAlignment,
  singularTriplets,
} from "../src/analysis/index.ts";
import { digits, take, whole } from "../src/data/index.ts";
import { assemble, flatten, linear, type Model, relu, sequential } from "../src/models/index.ts";
import { key, toFloat64 } from "../src/tensor/index.ts";
import { adam, type Defense, innerAscent, none, operatorNorm, schedule, train } from "../src/training/index.ts";

const mean = (values: ArrayLike<number>) => Array.from(values).reduce((total, value) => total + value, 0) / values.length;

export async function example({ examples = 1000, epochs = 5 } = {}) {
  const data = digits({ split: "train", count: examples });
  const points = whole(take(digits({ split: "test", count: 20 }), 20));
  // Layers of your own; a model read from an ONNX file will do as well.
  const network = assemble("mine", sequential(flatten, linear(64), relu, linear(10)), { inputShape: [1, 28, 28], classes: 10 });
  const epsilon = 1.5;

  const trained = async (defense: Defense): Promise<Model> => {
    const options = {
      defense,
      optimizer: adam(),
      schedule: schedule("cyclic", { rate: 5e-3, epochs }),
      epochs,
      batchSize: 50,
      key: key(1),
    };
    for await (const event of train(network.initialize(key(0)), data, options)) {
      if (event.type === "end") return { network, weights: event.weights };
    }
    throw new Error("training did not end");
  };

  const rows = [];
  for (const defense of [none(), operatorNorm({ epsilon, lambda: 0.1, iterations: 5 })]) {
    const model = await trained(defense);
    const x = toFloat64(points.x);
    const map = modelMap(model, { batch: 20 });
    const triplets = await singularTriplets(map, x);
    // Where does an adversary go? Along the first right singular vector, more than anywhere else.
    const ascent = await innerAscent({ network, batchSize: 20, epochs: 1, runtime: {} }, { norm: "l2", box: false });
    const request = { x: points.x, start: points.x, y: points.y, weights: model.weights, steps: 10, epsilon, stepSize: epsilon / 5 };
    const moved = toFloat64(await ascent.ascend(request));
    const towards = alignments(
      moved.map((value, i) => value - x[i]),
      triplets,
    );
    const worst = await operatorNorms(map, x, { p: Number.POSITIVE_INFINITY, q: 1, key: key(2), restarts: 5 });
    rows.push({
      defense: defense.name,
      σ1: mean(triplets.map(({ values }) => values[0])),
      "∞ to 1": mean(worst.values),
      "global bound": (await globalBound(model)).bound,
      "cell radius": mean((await cellDistances(model, x, { p: 2 })).map(({ distance }) => distance)),
      "|cos(δ, v₁)|": mean(towards.map(([first]) => first)),
      "|cos|, random": randomAlignment(784),
    });
    await Promise.all([map.release(), ascent.release()]);
  }
  return rows;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) console.table(await example());
