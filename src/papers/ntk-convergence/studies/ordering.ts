/** Study 2: clean loss ≤ FGSM ≤ PGD ≤ maximum over a dense grid, at fixed weights; on the sphere in ℝ³, where a grid can be dense. */
import { type Key, normal, type Tensor } from "../../../tensor/index.ts";
import { evaluator } from "../evaluator.ts";
import { twoLayerNetwork } from "../networks.ts";
import { dot, row, spherePoints, stack } from "../points.ts";
import { type Attack, average, fgsm, identityAttack, type Problem, pgd, strongest, surrogateLoss } from "../problem.ts";
import { caps } from "../sets.ts";
import { logisticLoss, plus, type Weights, weightNorm } from "../theory.ts";
import { trainAdversarially } from "../training.ts";

/**
 * Mean losses at the same weights: L_identity, L_FGSM, L_PGD-20 from the clean point and 9 random ones (`pgdAlone`) and from FGSM's point too (`pgd`),
 * and the maximum over a grid of each cap. Only with that start does PGD-20 see all that FGSM sees.
 */
export interface OrderingRow {
  weights: string;
  δ: number;
  clean: number;
  fgsm: number;
  pgdAlone: number;
  pgd: number;
  grid: number;
}

export async function studyOrdering(
  key: Key,
  { n, m, δ, gridAngles }: { n: number; m: number; δ: number; gridAngles: number },
): Promise<OrderingRow[]> {
  const start = twoLayerNetwork(key.fold("network"), { m, d: 3 });
  const data = spherePoints(key.fold("data"), { n, d: 3, separation: 0.5 });
  const problem: Problem = { evaluator: evaluator(start.network), initial: start.weights, data, sets: caps(δ) };
  const train = async (attack: Attack) =>
    (await trainAdversarially(problem, attack, { α: 1, T: 100, radius: 30, key: key.fold("train", δ) })).weights;
  const candidates: Record<string, Weights> = {
    "random displacement": displaced(key.fold("displacement"), start.weights, 5),
    "plain training": await train(identityAttack),
    "FGSM training": await train(fgsm),
    "PGD-5 training": await train(pgd(5)),
  };
  const grid = stack(Array.from({ length: n }, (_, i) => capGrid(row(data.points, i), δ, gridAngles)).flat());
  const rows: OrderingRow[] = [];
  for (const [weights, W] of Object.entries(candidates)) {
    const alone = await strongest(problem, W, key.fold("attack", weights, δ), { steps: 20, restarts: 10 });
    const further = await fromFgsm(problem, W, key);
    rows.push({
      weights,
      δ,
      clean: await surrogateLoss(problem, W, identityAttack, key),
      fgsm: await surrogateLoss(problem, W, fgsm, key),
      pgdAlone: average(alone.losses),
      pgd: average(alone.losses.map((ℓ, i) => Math.max(ℓ, further[i]))),
      grid: await gridLoss(problem, W, grid),
    });
  }
  await problem.evaluator.release();
  return rows;
}

/** The highest losses along 20 steps that start from FGSM's points. */
async function fromFgsm(problem: Problem, W: Weights, key: Key): Promise<Float64Array> {
  const { data, sets } = problem;
  const start = await fgsm.perturb(problem, W, key);
  const request = { centres: data.points, labels: data.labels, start, sets, steps: 20, stepSize: (2.5 * sets.δ) / 20 };
  return (await problem.evaluator.ascend(W, request)).losses;
}

/** Polar grid of a cap in ℝ³: `angles` directions on angles/4 circles up to the rim, and the centre. */
function capGrid(centre: Float64Array, δ: number, angles: number): Float64Array[] {
  const axis = Float64Array.from({ length: 3 }, (_, k) => (k === smallest(centre) ? 1 : 0));
  const along = dot(axis, centre);
  const e1 = unit(axis.map((v, k) => v - along * centre[k]));
  const e2 = Float64Array.of(
    centre[1] * e1[2] - centre[2] * e1[1],
    centre[2] * e1[0] - centre[0] * e1[2],
    centre[0] * e1[1] - centre[1] * e1[0],
  );
  const circles = Math.ceil(angles / 4);
  const points = [centre];
  for (let c = 1; c <= circles; c++) {
    const φ = (2 * Math.asin(δ / 2) * c) / circles;
    for (let a = 0; a < angles; a++) {
      const ψ = (2 * Math.PI * a) / angles;
      points.push(centre.map((v, k) => Math.cos(φ) * v + Math.sin(φ) * (Math.cos(ψ) * e1[k] + Math.sin(ψ) * e2[k])));
    }
  }
  return points;
}

/** Mean over the data of the largest loss on each cap's grid. */
async function gridLoss({ evaluator: compiled, data }: Problem, W: Weights, grid: Tensor<"float64">): Promise<number> {
  const outputs = await compiled.outputs(W, grid);
  const count = outputs.length / data.labels.length;
  return average(
    data.labels.map((y, i) => outputs.subarray(i * count, (i + 1) * count).reduce((worst, f) => Math.max(worst, logisticLoss(f, y)), 0)),
  );
}

function displaced(key: Key, W0: Weights, length: number): Weights {
  const V = { W: normal(key, W0.W.shape) };
  return plus(W0, V, length / weightNorm(V));
}

function smallest(x: Float64Array): number {
  return x.reduce((best, v, k) => (Math.abs(v) < Math.abs(x[best]) ? k : best), 0);
}

function unit(x: Float64Array): Float64Array {
  const length = Math.hypot(...x);
  return x.map((v) => v / length);
}
