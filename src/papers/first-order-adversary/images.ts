/**
 * The same measurements on pictures (R2.11): one two-layer network looks at many drawn digits, scaled to |x| = c, at random initialization and after a
 * short plain training. At initialization the law of everything measured depends on |x| only, since Gaussian weights know no direction; training
 * breaks that symmetry, and is the part that could come out otherwise.
 */
import { norm, row } from "../../analysis/ascent-dynamics.ts";
import { digits } from "../../data/index.ts";
import { grad, input, mul, reduceMean, square, sub } from "../../graph/index.ts";
import { compile } from "../../runtime/index.ts";
import { type Key, type Shape, type Tensor, tensor } from "../../tensor/index.ts";
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
  /** Pictures that are attacked, and pictures that are trained on; even numbers, half of them of either class. */
  count: number;
  trainingCount: number;
  /** Side of a picture, 28 or a divisor (pictures are averaged down), and width of the network. */
  side: number;
  m: number;
  trainingSteps?: number;
  key: Key;
}

/** Ascents on pictures at every scale, before and after training ("a 3 or an 8?"). */
export async function attackImages({
  scales,
  rho,
  count,
  trainingCount,
  side,
  m,
  trainingSteps = 100,
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
  const place = (name: string, shape: Shape) => input(name, shape, "float64");
  const [x, y] = [place("x", [1, networks, d]), place("y", [1, networks])];
  const [w, a] = [place("weights", [1, d, m]), place("readout", [1, m, 1])];
  const loss = reduceMean(mul(square(sub(outputs("tanh", x, w, a), y)), 0.5));
  const step = await compile({ x, y, weights: w, readout: a }, { next: sub(w, mul(grad(loss, w), 1 / c ** 2)) });
  const scaled = directions.map((v) => c * v);
  const data = { x: tensor(scaled, x.shape, "float64"), y: tensor(labels, y.shape, "float64"), weights, readout };
  const each = Array.from({ length: steps }, () => ({}));
  const { next } = await step.iterate(data, { each, carry: { weights: "next" } });
  await step.release();
  return next as Tensor<"float64">;
}

/** Drawn threes (y = −1) and eights (y = +1) as unit vectors, averaged down to side × side. */
function digitVectors(split: "train" | "test", count: number, side: number): Pick<Ensemble, "directions" | "labels"> {
  const { inputs } = digits({ split, count: 5 * count }); // the label of picture i is i mod 10
  const full = inputs.shape[3];
  const block = full / side;
  if (!Number.isInteger(block)) throw new RangeError(`a picture of side ${full} cannot be averaged down to side ${side}`);
  const directions = new Float64Array(count * side * side);
  for (let i = 0; i < count; i++) {
    const source = 10 * Math.floor(i / 2) + (i % 2 === 0 ? 3 : 8);
    const vector = row(directions, i, side * side);
    for (let pixel = 0; pixel < full * full; pixel++) {
      const [r, q] = [Math.floor(pixel / full / block), Math.floor((pixel % full) / block)];
      vector[r * side + q] += inputs.data[source * full * full + pixel];
    }
    const size = norm(vector);
    vector.set(vector.map((v) => v / size));
  }
  return { directions, labels: Float64Array.from({ length: count }, (_, i) => (i % 2 === 0 ? -1 : 1)) };
}
