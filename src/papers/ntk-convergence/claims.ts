/** The nine checks of the specification, N1 to N9, and N10 of ours. The paper has no experiments: set-ups and thresholds are ours throughout. */
import { type Claim, claim } from "../laboratory.ts";
import type { Lab } from "./experiment.ts";
import { targetLoss } from "./studies/convergence.ts";
import { figure, groups, medianWidth, widthSlope } from "./summary.ts";

const largest = (values: readonly number[]) => values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
const within = (value: number, low: number, high: number) => value >= low && value <= high;

export const claims: readonly Claim<Lab>[] = [
  claim({
    id: "N1",
    statement:
      "The regret of projected gradient descent on the linearized network is bounded, whatever the attack, step size and comparator in the ball",
    provenance: "derived",
    criterion: "regret − (‖W₀ − W‖²/2αT + αG²/2) ≤ 1e-9 in every run",
    measure: ({ regret }) => {
      const worst = largest(regret.map((row) => row.worst));
      const comparators = Math.min(...regret.map((row) => row.comparators));
      return {
        measured: { "largest regret − bound": figure(worst), runs: regret.length, "comparators in each": comparators },
        holds: worst <= 1e-9,
      };
    },
  }),
  claim({
    id: "N2",
    statement: "Surrogate losses are ordered: clean ≤ FGSM ≤ PGD-20 ≤ maximum over the perturbation sets",
    provenance: "derived",
    criterion: "no violation, the last up to 1e-3 (the grid's resolution)",
    measure: ({ ordering }) => {
      const violations = ordering.filter(({ clean, fgsm, pgd, grid }) => clean > fgsm || fgsm > pgd || pgd > grid + 1e-3);
      return {
        measured: {
          violations: violations.length,
          "of comparisons": 3 * ordering.length,
          "largest gap FGSM to PGD": figure(largest(ordering.map(({ fgsm, pgd }) => pgd - fgsm))),
          "largest gap PGD to grid": figure(largest(ordering.map(({ pgd, grid }) => grid - pgd))),
        },
        holds: violations.length === 0,
      };
    },
  }),
  claim({
    id: "N3",
    statement: "In a ball of fixed radius R the network departs from its linearization by at most CR²/(2√m)",
    provenance: "derived",
    criterion: "worst error found ≤ bound at every width; slope in log m within −0.5 ± 0.05",
    measure: ({ linearization }) => {
      const bounded = groups(
        linearization.filter(({ bound }) => bound !== undefined),
        ({ network }) => network,
      );
      const ratio = largest(bounded.flatMap(([, rows]) => rows.map((row) => row.largest / (row.bound ?? 0))));
      const slopes = bounded.map(([network, rows]) => [`slope, ${network}`, figure(widthSlope(rows, (row) => row.error))] as const);
      return {
        measured: { "largest error/bound": figure(ratio), ...Object.fromEntries(slopes) },
        holds: ratio <= 1 && slopes.every(([, slope]) => within(slope, -0.55, -0.45)),
        note: "the most adverse displacement attains the bound: its constant cannot be improved",
      };
    },
  }),
  claim({
    id: "N4",
    statement:
      "Training with an attack brings the loss under that attack to the best robust loss of the ball: min L_A(W_t) − L_*(W_ref) is small",
    provenance: "proposed",
    criterion: "≤ 0.02 for FGSM, PGD-5 and PGD-20; W_ref from five times as much PGD-20 training in the same ball",
    measure: ({ convergence }) => {
      const gap = (row: (typeof convergence)[number]) => row.losses[row.losses.length - 1] - row.reference;
      return {
        measured: Object.fromEntries(convergence.map((row) => [`${row.attack}, R = ${row.R}`, figure(gap(row))])),
        holds: convergence.every((row) => gap(row) <= 0.02),
      };
    },
  }),
  claim({
    id: "N5",
    statement:
      "Adversarial training finds a robust classifier: the robust loss comes close to zero at every width, without learning features",
    provenance: "proposed",
    criterion: `robust loss ≤ ${targetLoss} (20 steps, 10 starts) and robust accuracy 1 at every width, within 4000 steps`,
    measure: ({ widths }) => {
      const rows = widths.filter(({ architecture }) => architecture.startsWith("two"));
      return {
        measured: Object.fromEntries(
          rows.map((row) => [`m = ${row.m}`, `${figure(row.robustLoss)} after ${row.steps} steps, accuracy ${row.robustAccuracy}`]),
        ),
        holds: rows.every((row) => row.robustLoss <= targetLoss && row.robustAccuracy === 1),
        note: `how many steps are needed depends on the data: the first 400 steps left a loss of ${rows.map((row) => figure(row.finalLoss)).join(", ")} under PGD-5`,
      };
    },
  }),
  claim({
    id: "N6",
    statement:
      "Training stays near initialization: the displacement does not depend on the width, so that relative to ‖W₀‖ it falls as m^{-1/2}",
    provenance: "proposed",
    criterion: "slope in log m: displacement within 0 ± 0.1, relative displacement within −0.5 ± 0.1",
    measure: ({ widths }) => {
      const rows = widths.filter(({ architecture }) => architecture.startsWith("two"));
      const deep = widths.filter(({ architecture }) => architecture.startsWith("depth"));
      const [absolute, relative] = [widthSlope(rows, (row) => row.displacement), widthSlope(rows, (row) => row.relative)];
      return {
        measured: {
          "slope of displacement": figure(absolute),
          "slope of relative displacement": figure(relative),
          "slope of displacement, depth 2 (theory −0.5)": figure(widthSlope(deep, (row) => row.displacement)),
        },
        holds: within(absolute, -0.1, 0.1) && within(relative, -0.6, -0.4),
      };
    },
  }),
  claim({
    id: "N7",
    statement:
      "A robust network exists near initialization: the kernel's least-norm robust fit, realized by a finite network, and its norm grows with the radius of the perturbations",
    provenance: "proposed",
    criterion: "RMS error of f_lin on fresh points falls with slope within −0.5 ± 0.15; the norm increases with δ over at least four radii",
    measure: ({ norms, finite }) => {
      const slope = widthSlope(finite, (row) => row.rms);
      const increasing = norms.length >= 4 && norms.every((row, i) => i === 0 || row.norm > norms[i - 1].norm);
      return {
        measured: {
          "slope of the error": figure(slope),
          norms: norms.map(({ norm }) => figure(norm)).join(" < "),
          "robust loss of the widest network, weights ×4": figure(finite[finite.length - 1].robustLoss),
        },
        holds: within(slope, -0.65, -0.35) && increasing,
        note: `δ from ${norms[0].fraction} to ${norms[norms.length - 1].fraction} of half the separation of opposite labels; each norm is certified least by its dual to ${figure(largest(norms.map(({ norm, lowerBound }) => Math.abs(norm / lowerBound - 1))))}`,
      };
    },
  }),
  claim({
    id: "N8",
    statement: "Whatever interpolates one pair of points robustly shatters d points: sign f(e_j) = y_j for every labelling y",
    provenance: "derived",
    criterion:
      "distances of the construction to 1e-12; no label missed by w = y, by a trained robust classifier, or by the nearest of many centres",
    measure: ({ shattering }) => {
      const geometry = largest(shattering.map((row) => row.geometryError));
      const missed = shattering.reduce((sum, row) => sum + row.exactMissed + row.trainedMissed + row.manyMissed, 0);
      const certified = shattering.every((row) => row.exactMargin > 0 && row.trainedMargin > 0);
      const widest = shattering[shattering.length - 1];
      return {
        measured: {
          "geometry error": geometry,
          "labels missed": missed,
          [`missed of ${widest.d} without robustness`]: figure(widest.plainMissed),
        },
        holds: geometry <= 1e-12 && missed === 0 && certified,
      };
    },
  }),
  claim({
    id: "N9",
    statement: "Robust interpolation needs wider networks than plain interpolation, and the more so in higher dimension",
    provenance: "proposed",
    criterion: "median least width at δ = 0.9 at least twice that at δ = 0 for every d; their ratio at d = 10 at least that at d = 5",
    measure: ({ capacity }) => {
      const width = (d: number, δ: number) => medianWidth(capacity.find((row) => row.d === d && row.δ === δ) ?? { d, δ, widths: [] });
      const dimensions = [...new Set(capacity.map(({ d }) => d))];
      const ratio = (d: number) => width(d, 0.9) / width(d, 0);
      return {
        measured: Object.fromEntries(
          dimensions.map((d) => [`d = ${d}: widths at δ = 0, 0.5, 0.9`, [0, 0.5, 0.9].map((δ) => width(d, δ)).join(", ")]),
        ),
        holds: dimensions.every((d) => ratio(d) >= 2) && ratio(10) >= ratio(5),
        note: `${capacity[0].widths.length} data sets; a width counts when one of two trained networks fits, so training, not capacity alone, sets it`,
      };
    },
  }),
  claim({
    id: "N10",
    statement: "The empirical tangent kernel tends to the analytic one as m^{-1/2}, for two layers and for the deep recursion",
    provenance: "derived",
    criterion: "slope of ‖K̂ − K‖/‖K‖ in log m within −0.5 ± 0.15",
    measure: ({ spectra }) => {
      const slopes = spectra.map(({ architecture, widths, distances }) => {
        const rows = widths.map((m, i) => ({ m, distance: distances[i] }));
        return [architecture, figure(widthSlope(rows, (row) => row.distance))] as const;
      });
      return { measured: Object.fromEntries(slopes), holds: slopes.every(([, slope]) => within(slope, -0.65, -0.35)) };
    },
  }),
];
