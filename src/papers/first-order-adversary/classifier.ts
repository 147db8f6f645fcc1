/**
 * The same instruments on a trained classifier of the built-in kind (R2.11): ten drawn digits scaled to |x| = c, an mlp trained on them for a moment, and
 * projected ascent on its cross-entropy in float64. The mlp has tanh, since the theory is of smooth networks; the instruments take any model.
 */
import { cosine, norm, type Regularity, regularityIndex, row } from "../../analysis/ascent-dynamics.ts";
import { reportAscent } from "../../analysis/ascent-report.ts";
import { classifierObjective } from "../../analysis/classifier-objective.ts";
import { count, type Dataset, dataset, digits } from "../../data/index.ts";
import { architecture, type Model } from "../../models/index.ts";
import { type Key, tensor } from "../../tensor/index.ts";
import { adam, none, train } from "../../training/index.ts";
import { type AscentRecord, courseRecord } from "./ascents.ts";

export interface ClassifierRecord {
  c: number;
  /** Share of 100 pictures that training did not see which the network gets right. */
  accuracy: number;
  /** One per picture. κ and g are those of the margin (largest wrong logit − right logit); the rest is of the cross-entropy. */
  ascents: ClassifierAscent[];
}

/** As for the random networks, but cosine ∠(δ*, ∇ℓ(x)). */
export type ClassifierAscent = Pick<
  AscentRecord,
  "g" | "kappa" | "n3" | "cosine" | "straightness" | "offSphere" | "residual" | "margin" | "strict" | "rate" | "ratePredicted" | "steps"
>;

export interface ClassifierOptions {
  scales: readonly number[];
  rho: number;
  /** Pictures that are attacked and that are trained on. */
  count: number;
  trainingCount: number;
  epochs: number;
  width: number;
  steps?: number;
  key: Key;
}

/** Trains a network at every scale and ascends on pictures that it has not seen. */
export async function attackClassifier({ scales, steps = 4000, ...options }: ClassifierOptions): Promise<ClassifierRecord[]> {
  const seen = digits({ split: "train", count: options.trainingCount });
  const others = digits({ split: "test", count: Math.max(100, options.count) });
  const records: ClassifierRecord[] = [];
  for (const c of scales) {
    const unseen = scaled(others, c);
    const model = await trainBriefly(scaled(seen, c), c, options);
    const loss = { model, data: unseen, count: options.count, radius: options.rho * c, steps, key: options.key.fold("ascent") };
    records.push({ c, accuracy: await accuracy(model, unseen), ascents: await ascend(loss) });
  }
  return records;
}

/**
 * Projected ascent from 0 on the cross-entropy around the first pictures. Its curvature grows by orders of magnitude where a confident network begins to
 * doubt, so s = 1/L with L the largest |∇²ℓ| at 0 and along the first gradient, half-way to the sphere and on it.
 */
async function ascend({
  model,
  data,
  count: pictures,
  radius: eps,
  steps,
  key,
}: {
  model: Model;
  data: Dataset;
  count: number;
  radius: number;
  steps: number;
  key: Key;
}): Promise<ClassifierAscent[]> {
  const d = data.inputs.data.length / count(data);
  const x = tensor(Float32Array.from(data.inputs.data.subarray(0, pictures * d)), [pictures, ...data.shape], "float32");
  const labels = data.labels.slice(0, pictures);
  const origin = new Float64Array(pictures * d);
  const radius = new Float64Array(pictures).fill(eps);
  const regularity = await regularityIndex(classifierObjective(model, x, labels, { loss: "margin", threads: 1 }), origin, radius, {
    key: key.fold("centre"),
  });
  const loss = classifierObjective(model, x, labels, { threads: 1 });
  const { gradient } = await loss.gradient(origin);
  const curvatures: Regularity[][] = [];
  for (const share of [0, 0.5, 1]) {
    const at = Float64Array.from(gradient);
    for (let b = 0; b < pictures; b++) {
      const size = norm(row(gradient, b, d));
      for (let i = b * d; i < (b + 1) * d; i++) at[i] *= (share * eps) / size;
    }
    curvatures.push(await regularityIndex(loss, at, radius, { key: key.fold("curvature") }));
  }
  const stepSize = regularity.map((_, b) => 1 / Math.max(...curvatures.map((records) => records[b].h)));
  const reports = await reportAscent(loss, { key: key.fold("end"), radius, stepSize, steps, tolerance: 1e-12 });
  return reports.map((report, b) => ({
    g: regularity[b].g,
    kappa: regularity[b].kappa,
    cosine: cosine(report.path[report.path.length - 1], row(gradient, b, d)),
    ...courseRecord(report, eps),
    ratePredicted: report.predictedRate,
  }));
}

/** An mlp with two hidden layers of tanh units, trained by Adam on clean pictures of size c. */
async function trainBriefly(
  data: Dataset,
  c: number,
  { epochs, width, key }: Pick<ClassifierOptions, "epochs" | "width" | "key">,
): Promise<Model> {
  const start = architecture("mlp", { width, activation: "tanh", domain: { low: 0, high: c } }).initialize(key.fold("weights"));
  let { weights } = start;
  for await (const event of train(start, data, {
    defense: none(),
    optimizer: adam(),
    schedule: () => 3e-3,
    epochs,
    batchSize: 50,
    key: key.fold("training"),
    checkpointSeconds: Number.POSITIVE_INFINITY,
  })) {
    if (event.type === "end") weights = event.weights;
  }
  return { network: start.network, weights };
}

/** Share of pictures whose margin is negative: the right logit is the largest. */
async function accuracy(model: Model, data: Dataset): Promise<number> {
  const margins = await classifierObjective(model, data.inputs, data.labels, { loss: "margin" }).value(
    new Float64Array(data.inputs.data.length),
  );
  return margins.filter((margin) => margin < 0).length / margins.length;
}

/** The pictures as float32 vectors of Euclidean length c. */
function scaled({ name, inputs, labels }: Dataset, c: number): Dataset {
  const d = inputs.data.length / labels.length;
  const data = new Float32Array(inputs.data.length);
  for (let i = 0; i < labels.length; i++) {
    const picture = Float64Array.from(inputs.data.subarray(i * d, (i + 1) * d));
    const size = norm(picture);
    data.set(
      picture.map((v) => (c * v) / size),
      i * d,
    );
  }
  return dataset({ name, inputs: tensor(data, inputs.shape, "float32"), labels, bounds: [0, c] });
}
