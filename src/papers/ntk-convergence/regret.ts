/** The regret of a run against fixed weights, and its bound: the inequality by which adversarial training converges. */
import { rowsOf, stack } from "./points.ts";
import { average, type Problem } from "./problem.ts";
import { logisticLoss, regretBound, type Weights, weightDistance } from "./theory.ts";
import type { Run } from "./training.ts";

/** T⁻¹ Σ_t [L_A(W_t) − l_t(W)] of one comparator W, beside its bound, which measures ‖W_start − W‖ from where the run began. */
export interface Regret {
  regret: number;
  bound: number;
}

/**
 * The regret of a run with step size α against each of the comparators, which must lie in the ball of the run. On a network that is linear in
 * its weights no regret exceeds its bound, whatever attack was used; on the two-layer network it does so by at most `curvatureRegret` (‖x‖ = 1).
 */
export async function measureRegret(problem: Problem, run: Run, α: number, comparators: readonly Weights[]): Promise<Regret[]> {
  const T = run.losses.length;
  const n = problem.data.labels.length;
  const G = Math.max(...run.gradientNorms);
  const all = stack(run.perturbed.flatMap(rowsOf));
  const played = average(run.losses);
  const regrets: Regret[] = [];
  for (const W of comparators) {
    const outputs = await problem.evaluator.outputs(W, all);
    const hindsight = average(outputs.map((f, s) => logisticLoss(f, problem.data.labels[s % n])));
    regrets.push({ regret: played - hindsight, bound: regretBound({ distance: weightDistance(W, run.start), α, T, G }) });
  }
  return regrets;
}
