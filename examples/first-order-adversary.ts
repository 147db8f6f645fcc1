/**
 * The first-order adversary on your own model and data: does gradient ascent find a local maximum of the loss around an input, how fast, and how does the
 * landscape look? Run it with `npx tsx examples/first-order-adversary.ts`.
 */
import { pathToFileURL } from "node:url";
import {
  classifierObjective,
  planeAlong,
  projectPath,
  regularityIndex,
  reportAscent,
  sliceLandscape,
  sliceLine,
} from "../src/analysis/index.ts";
import { batch, digits } from "../src/data/index.ts";
import { architecture } from "../src/models/index.ts";
import { key } from "../src/tensor/index.ts";

export async function example(steps = 400) {
  // A model with smooth activations and four inputs. Any classifier will do, also one read from an ONNX file.
  const model = architecture("mlp", { width: 48, activation: "tanh" }).initialize(key(1));
  const { x, y } = batch(digits({ split: "test", count: 4 }), [0, 1, 2, 3]);
  const ε = 1; // in input units, l2

  // How nonlinear is the network within ε? κ = ε|∇²f|/|∇f| of its margin.
  const count = y.data.length;
  const dimension = x.data.length / count;
  const radius = new Float64Array(count).fill(ε);
  const margin = classifierObjective(model, x, y.data, { loss: "margin" });
  const regularity = await regularityIndex(margin, new Float64Array(count * dimension), radius, { key: key(2) });

  // Projected gradient ascent on the loss, with the step 0.1/g² that theory suggests, and its local maximum checked.
  const loss = classifierObjective(model, x, y.data);
  const stepSize = regularity.map(({ g }) => 0.1 / g ** 2);
  const reports = await reportAscent(loss, { radius, stepSize, steps, tolerance: 1e-12, key: key(3) });

  // The landscape on the plane of each perturbation and a random direction, with the path; and the loss along the perturbation.
  const ends = reports.map(({ path }) => path[path.length - 1]);
  const planes = ends.map((end, i) => planeAlong(end, { key: key(4).fold(i) }));
  const many = classifierObjective(model, x, y.data, { points: 32 });
  const slices = await sliceLandscape(many, planes, { extent: radius, resolution: 15 });
  const lines = await sliceLine(
    many,
    ends.map((end) => ({ from: new Float64Array(dimension), to: end })),
  );
  const paths = reports.map(({ path }, i) => projectPath(path, planes[i]));
  return { regularity, reports, slices, lines, paths };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const { regularity, reports, slices } = await example();
  console.table(
    reports.map(({ hit, n3, tail, predictedRate, straightness, values, kkt: { norm, residual, margin, strictLocalMaximum } }, i) => ({
      κ: regularity[i].kappa,
      "loss before": values[0],
      "loss after": values[values.length - 1],
      hit,
      n3,
      rate: tail?.rate,
      predictedRate,
      straightness,
      "|δ|": norm,
      residual,
      margin,
      strictLocalMaximum,
    })),
  );
  console.log(
    "largest loss on each slice",
    slices.map(({ values }) => Math.max(...values.flat())),
  );
}
