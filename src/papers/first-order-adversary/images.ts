/**
 * The same measurements on pictures (R2.11): one two-layer network looks at many drawn digits, scaled to |x| = c, at random initialization and after a
 * short plain training. At initialization the law of everything measured depends on |x| only, since Gaussian weights know no direction; training
 * breaks that symmetry, and is the part that could come out otherwise.
 */
import { norm, row } from "../../analysis/ascent-dynamics.ts";
import { digits } from "../../data/index.ts";
import { grad, input, mul, reduceMean, square, sub } from "../../graph/index.ts";
import { compile } from "../../runtime/index.ts";
import { type Key, type Tensor, tensor } from "../../tensor/index.ts";
import { type AscentRecord, ascendFromZero } from "./ascents.ts";
import { drawEnsemble, type Ensemble, ensembleObjectives, outputs } from "./networks.ts";

export interface ImageRecord {
  c: number;
  state: "initial" | "trained";
  ascents: AscentRecord[];
  /** Share of the pictures (not those trained on) with the right sign of f. */
  accuracy: number;
}

export interface ImageOptions {
  scales: readonly number[];
  rho: number;
  /** Pictures that are attacked, and pictures that are trained on. */
  count: number;
  trainingCount: number;
  /** Side of a picture, 28 or a divisor (pictures are averaged down), and width of the network. */
  side: number;
  m: number;
  trainingSteps?: number;
  key: Key;
}

/** Ascents on pictures at every scale, before and after training ("is the digit below 5?"). */
export async function attackImages({
  scales,
  rho,
  count,
  trainingCount,
  side,
  m,
  trainingSteps = 60,
  key,
}: ImageOptions): Promise<ImageRecord[]> {
  const d = side * side;
  const test = digitVectors("test", count, side);
  const train = digitVectors("train", trainingCount, side);
  const { weights, readout } = drawEnsemble(key, { activation: "tanh", networks: 1, d, m });
  const initial: Ensemble = { activation: "tanh", networks: count, d, m, weights, readout, ...test };
  const records: ImageRecord[] = [];
  for (const c of scales) {
    const trained = { ...initial, weights: await trainPlainly({ ...initial, networks: trainingCount, ...train }, c, trainingSteps) };
    for (const [state, ensemble] of Object.entries({ initial, trained }) as ["initial" | "trained", Ensemble][]) {
      const objectives = ensembleObjectives(ensemble, 1);
      const f = await objectives.output(c).value(new Float64Array(count * d));
      const accuracy = test.labels.filter((y, i) => y * f[i] > 0).length / count;
      const ascents = await ascendFromZero(ensemble, objectives, { c, rho, key: key.fold("ascent"), tolerance: 1e-9 });
      records.push({ c, state, ascents, accuracy });
    }
  }
  return records;
}

/** Full-batch gradient descent on mean ½(f(c·x̂) − y)² in the weights, at the rate 1/c². */
async function trainPlainly(
  { networks, d, m, weights, readout, directions, labels }: Ensemble,
  c: number,
  steps: number,
): Promise<Tensor<"float64">> {
  const [x, y] = [input("x", [1, networks, d], "float64"), input("y", [1, networks], "float64")];
  const [w, a] = [input("weights", [1, d, m], "float64"), input("readout", [1, m, 1], "float64")];
  const loss = reduceMean(mul(square(sub(outputs("tanh", x, w, a), y)), 0.5));
  const step = await compile({ x, y, weights: w, readout: a }, { next: sub(w, mul(grad(loss, w), 1 / c ** 2)) });
  const data = {
    x: tensor(
      directions.map((v) => c * v),
      [1, networks, d],
      "float64",
    ),
    y: tensor(labels, [1, networks], "float64"),
    readout,
  };
  let current: Tensor = weights;
  for (let t = 0; t < steps; t++) current = (await step.run({ ...data, weights: current })).next;
  await step.release();
  return current as Tensor<"float64">;
}

/** Drawn digits as unit vectors, averaged down to side × side, with y = +1 for digits below 5. */
function digitVectors(split: "train" | "test", count: number, side: number): Pick<Ensemble, "directions" | "labels"> {
  const { inputs, labels } = digits({ split, count });
  const full = inputs.shape[3];
  const block = full / side;
  if (!Number.isInteger(block)) throw new RangeError(`a picture of side ${full} cannot be averaged down to side ${side}`);
  const directions = new Float64Array(count * side * side);
  for (let i = 0; i < count * full * full; i++) {
    const [image, r, q] = [Math.floor(i / (full * full)), Math.floor(i / full) % full, i % full];
    directions[(image * side + Math.floor(r / block)) * side + Math.floor(q / block)] += inputs.data[i];
  }
  for (let i = 0; i < count; i++) {
    const vector = row(directions, i, side * side);
    vector.set(vector.map((v) => v / norm(vector)));
  }
  return { directions, labels: Float64Array.from(labels, (digit) => (digit < 5 ? 1 : -1)) };
}
