/** Study 1: the regret bound, on the linearized two-layer network, for every attack, step size and comparator. */
import { type Key, normal } from "../../../tensor/index.ts";
import { evaluator } from "../evaluator.ts";
import { type InitializedNetwork, linearized, twoLayerNetwork } from "../networks.ts";
import { spherePoints } from "../points.ts";
import { type Attack, fgsm, identityAttack, type Problem, pgd, randomAttack, robustLoss } from "../problem.ts";
import { measureRegret } from "../regret.ts";
import { caps } from "../sets.ts";
import { plus, regretBound, type Weights, weightDistance, weightNorm } from "../theory.ts";
import { type Run, trainAdversarially } from "../training.ts";

export const attacks: readonly Attack[] = [identityAttack, randomAttack, fgsm, pgd(5), pgd(20)];

/** One run with one attack and step size. */
export interface RegretRow {
  activation: string;
  attack: string;
  α: number;
  /** max_t ‖∇l_t‖. */
  G: number;
  comparators: number;
  /** Largest regret − bound over the comparators: at most 0 if the bound holds. */
  worst: number;
  /**
   * The consequence, for every number of steps T′ ≤ T: the largest of min_{t < T′} L_A(W_t) − L_*(W) − bound(T′), W the strong reference, and the
   * bound with the G of those steps. L_*(W) is found from below, which can only make the check stricter.
   */
  excess: number;
  /** min_{s ≤ t} L_A(W_s), every `every` steps. */
  losses: number[];
  every: number;
  /** Of the strong reference W in the ball: L_*(W), found by PGD, and ‖W − W_0‖. */
  reference: { robustLoss: number; distance: number };
}

/** All attacks and step sizes for one activation. */
export async function studyRegret(
  key: Key,
  {
    activation,
    m,
    T,
    R,
    stepSizes,
  }: { activation: "softplus" | "quadratic-relu"; m: number; T: number; R: number; stepSizes: readonly number[] },
): Promise<RegretRow[]> {
  const start = twoLayerNetwork(key.fold("network"), { m, d: 6, activation });
  const data = spherePoints(key.fold("data"), { n: 8, d: 6, separation: 0.55 });
  const problem: Problem = { evaluator: evaluator(linearized(start)), initial: start.weights, data, sets: caps(0.25) };
  const strong = await trainAdversarially(problem, pgd(20), { α: 4, T, radius: R, key: key.fold("strong") });
  const reference = {
    robustLoss: (await robustLoss(problem, strong.best.weights, key.fold("reference"))).loss,
    distance: weightDistance(strong.best.weights, start.weights),
  };
  const fixed = [start.weights, strong.weights, strong.best.weights, ...randomComparators(key.fold("comparators"), start, R)];
  const rows: RegretRow[] = [];
  for (const attack of attacks) {
    for (const α of stepSizes) {
      const run = await trainAdversarially(problem, attack, { α, T, radius: R, key: key.fold("run", attack.name, α) });
      const comparators = [...fixed, run.weights];
      const regrets = await measureRegret(problem, run, α, comparators);
      const every = Math.ceil(T / 100);
      rows.push({
        activation,
        attack: attack.name,
        α,
        G: Math.max(...run.gradientNorms),
        comparators: comparators.length,
        worst: Math.max(...regrets.map(({ regret, bound }) => regret - bound)),
        excess: largestExcess(run, α, reference),
        losses: runningMinimum(run.losses).filter((_, t) => t % every === 0),
        every,
        reference,
      });
    }
  }
  await problem.evaluator.release();
  return rows;
}

/** max over T′ of min_{t < T′} L_A(W_t) − L_*(W) − bound(T′). */
function largestExcess(
  { losses, gradientNorms }: Pick<Run, "losses" | "gradientNorms">,
  α: number,
  reference: { robustLoss: number; distance: number },
): number {
  const G = runningMinimum(gradientNorms.map((norm) => -norm)).map((norm) => -norm);
  const excess = runningMinimum(losses).map(
    (least, t) => least - reference.robustLoss - regretBound({ distance: reference.distance, α, T: t + 1, G: G[t] }),
  );
  return Math.max(...excess);
}

/** Eight random displacements: four on the sphere of radius R, four inside. */
function randomComparators(key: Key, { weights }: InitializedNetwork, R: number): Weights[] {
  return Array.from({ length: 8 }, (_, i) => {
    const V = { W: normal(key.fold(i), weights.W.shape) };
    return plus(weights, V, (R * (i < 4 ? 1 : (i - 3) / 5)) / weightNorm(V));
  });
}

/** min_{s ≤ t} of a sequence. */
export function runningMinimum(values: readonly number[]): number[] {
  let least = Number.POSITIVE_INFINITY;
  return values.map((value) => (least = Math.min(least, value)));
}
