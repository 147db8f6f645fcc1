/** R2.1, R2.2, R2.3, R2.7: where the ascent ends, how fast, and what it never does. */
import { type Claim, claim } from "../../laboratory.ts";
import { increasing, median } from "../../statistics.ts";
import type { AscentRecord } from "../ascents.ts";
import { smoothActivations } from "../experiment.ts";
import { nonlinearityBound } from "../theory.ts";
import { cellsOf, digits, type Lab, list, medians, scalesOf } from "./shared.ts";

/** The ascents that R2.1 speaks of: c ≤ 1, ρ = .1 and .05. */
const regular = ({ cells, halfRatio }: Lab): AscentRecord[] =>
  [...cells.filter(({ c }) => c <= 1), ...halfRatio].flatMap(({ ascents }) => ascents);
const fewestSeeds = ({ cells }: Lab) => Math.min(...cells.filter(({ c }) => c <= 1).map(({ ascents }) => ascents.length));

const localMaximum = claim<Lab>({
  id: "R2.1",
  statement: "Projected gradient ascent finds a local maximum of the non-concave problem in few steps, with high probability",
  provenance: "paper",
  criterion:
    "KKT residual < 1e-6 and largest tangential eigenvalue of ∇²F below Λ/ε (strict), in 100 % of ≥ 20 seeds, for every smooth φ, c ≤ 1, ρ ≤ .1",
  measure(lab) {
    const all = regular(lab);
    const good = all.filter(({ residual, margin }) => residual < 1e-6 && margin < 0).length;
    return {
      measured: {
        ascents: all.length,
        "local maxima": good,
        "worst residual": digits(Math.max(...all.map(({ residual }) => residual))),
        "worst margin": digits(Math.max(...all.map(({ margin }) => margin))),
        "largest n3": Math.max(...all.map(({ n3 }) => n3)),
      },
      holds: good === all.length && fewestSeeds(lab) >= 20,
      note: "The statement is the abstract's (“in a polynomial number of iterations with high probability”). The criterion is ours: strictness, c ≤ 1 and ρ ≤ .1, every seed, and the margin ε·μ/Λ − 1. d = 50, m = 1000, ρ = .1 and .05; n3 counts steps to three digits.",
    };
  },
});

const onSphere = claim<Lab>({
  id: "R2.1-sphere",
  statement: "The local maximum lies on the sphere |δ| = ε",
  provenance: "second source",
  criterion: "| |δ|/ε − 1 | ≤ 1e-9 in 100 % of the ascents of R2.1",
  measure(lab) {
    const off = regular(lab).map(({ offSphere }) => offSphere);
    return {
      measured: { ascents: off.length, "farthest from the sphere": digits(Math.max(...off)) },
      holds: off.length > 0 && Math.max(...off) <= 1e-9,
    };
  },
});

const linearConvergence = claim<Lab>({
  id: "R2.2",
  statement:
    "After reaching the sphere the ascent converges linearly, at the derived rate; it reaches the sphere when the linear recursion does",
  provenance: "derived",
  criterion:
    "R² ≥ .99 of log|δ_t − δ_∞| on t in every ascent; median |rate − ε(1+s|r|μ)/(ε+sΛ)| ≤ .03; |hit − N_hit| ≤ max(1, 20 %) for c ≤ 3",
  measure({ cells }) {
    const ascents = cells.flatMap((cell) => cell.ascents);
    const fitted = ascents.filter(({ rSquared }) => rSquared >= 0);
    const worstFit = Math.min(...fitted.map(({ rSquared }) => rSquared));
    const rateErrors = cells.map((cell) =>
      median(cell.ascents.filter(({ rate }) => rate >= 0).map(({ rate, ratePredicted }) => Math.abs(rate - ratePredicted))),
    );
    const early = cells.filter(({ c }) => c <= 3).flatMap((cell) => cell.ascents);
    const onTime = early.filter(
      ({ hit, hitPredicted }) => hit >= 0 && Math.abs(hit - hitPredicted) <= Math.max(1, 0.2 * hitPredicted),
    ).length;
    return {
      measured: {
        "smallest R²": digits(worstFit, 5),
        "largest median rate error": digits(Math.max(...rateErrors)),
        "hits on time": `${onTime}/${early.length}`,
      },
      holds: worstFit >= 0.99 && fitted.length === ascents.length && Math.max(...rateErrors) <= 0.03 && onTime === early.length,
    };
  },
});

const scaleOrder = claim<Lab>({
  id: "R2.3",
  statement: "A smaller input scale converges faster: n3(c), the steps to |δ_t − δ_∞| < 1e-3 ε, increases in c at fixed ρ",
  provenance: "derived",
  criterion: "medians strictly increasing in c with s = .1/g², n3(3)/n3(.1) ≥ 5 for tanh; with one absolute s, increasing for tanh",
  measure(lab) {
    const [tanh, softplus] = smoothActivations.map((activation) => medians(cellsOf(lab, activation), "n3"));
    const one = smoothActivations.map((activation) => lab.oneStepSize.filter((record) => record.activation === activation));
    const [oneTanh, oneSoftplus] = one.map((records) => records.map(({ n3 }) => median(n3)));
    const ratio = tanh[3] / tanh[0];
    return {
      measured: {
        tanh: list(tanh),
        softplus: list(softplus),
        "tanh n3(3)/n3(.1)": digits(ratio),
        "tanh, one s": list(oneTanh),
        "softplus, one s": list(oneSoftplus),
      },
      holds: increasing(tanh) && increasing(softplus) && ratio >= 5 && increasing(oneTanh),
      note: `c = .1, .3, 1, 3, 10; one s = .1/d at c = ${scalesOf(one[0])}${one[0].length < 5 ? " (quick leaves out c = 10, thousands of steps)" : ""}. Softplus with one s is reported, not judged: g and |r₀| grow with c, so it may flatten.`,
    };
  },
});

const trapping = claim<Lab>({
  id: "R2.7",
  statement: "From 0 with s ≤ 1/L_F the residual |r_t| never falls and never changes sign",
  provenance: "derived",
  criterion: "0 violations (beyond rounding, 1e-13 relative) along every path, followed until it moves less than 1e-9 ε or for 600 steps",
  measure({ trapping: runs }) {
    const all = runs.flatMap(({ paths }) => paths);
    const sum = (of: (path: (typeof all)[number]) => number) => all.reduce((total, path) => total + of(path), 0);
    const violations = sum((path) => path.violations);
    return {
      measured: { paths: all.length, "that arrived": sum(({ arrived }) => Number(arrived)), steps: sum(({ steps }) => steps), violations },
      holds: all.length > 0 && violations === 0,
      note: "Every smooth φ and c, ρ = .1 and .05. L_F from the largest |∇f| and |∇²f| seen at six points of each ball, each plus a tenth.",
    };
  },
});

const stepBound = claim<Lab>({
  id: "R2.7-step",
  statement: "A step of such an ascent changes r by at most s g_max² |r| ≤ |r|, so that it cannot jump over the valley {f = y}",
  provenance: "derived",
  criterion: "|r_{t+1} − r_t| / s g_max² |r_t| ≤ 1 (to 1e-9) at every step of every path of R2.7",
  measure({ trapping: runs }) {
    const largest = (activation: string) =>
      Math.max(
        ...runs.filter((run) => run.activation === activation).flatMap(({ paths }) => paths.map(({ largestShare }) => largestShare)),
      );
    const shares = smoothActivations.map(largest);
    return {
      measured: { "largest share of the bound (tanh, softplus)": list(shares) },
      holds: runs.length > 0 && Math.max(...shares) <= 1 + 1e-9,
    };
  },
});

const maximum = claim<Lab>({
  id: "R2.7-maximum",
  statement: "F at the end of the ascent is ½(|r₀| + εg)² up to a factor 1 + O(κ)",
  provenance: "derived",
  criterion: "|F(δ*) / ½(|r₀| + εg)² − 1| ≤ κ + κ²/4 in every ascent",
  measure({ cells, halfRatio }) {
    const all = [...cells, ...halfRatio].flatMap(({ ascents }) => ascents);
    const shares = all.map(({ maximumRatio, kappa }) => Math.abs(maximumRatio - 1) / nonlinearityBound(kappa));
    const ratios = (activation: string) =>
      list(
        cells
          .filter((cell) => cell.activation === activation)
          .map(({ ascents }) => median(ascents.map(({ maximumRatio }) => maximumRatio))),
      );
    return {
      measured: { "largest share of the bound": digits(Math.max(...shares)), tanh: ratios("tanh"), softplus: ratios("softplus") },
      holds: all.length > 0 && Math.max(...shares) <= 1,
      note: "Medians of the ratio at c = .1, .3, 1, 3, 10. The bound follows from |f − linear| ≤ ½hε²; κ is taken at x, not as the maximum over the ball, and for κ near 2 (tanh, c = 10) the bound says nothing.",
    };
  },
});

export const ascentClaims: readonly Claim<Lab>[] = [localMaximum, onSphere, linearConvergence, scaleOrder];
export const trappingClaims: readonly Claim<Lab>[] = [trapping, stepBound, maximum];
