/**
 * The nine checks of the specification, N1 to N9, and of ours N5-longer, N6-kernel and N10. The paper has no experiments: set-ups and thresholds are
 * ours throughout.
 */

import { type Claim, claim } from "../laboratory.ts";
import { increasing, median } from "../statistics.ts";
import type { Lab } from "./experiment.ts";
import { targetLoss, type WidthRow } from "./studies/width.ts";
import { figure, groups, medianWidth, widthMeans, widthSlope } from "./summary.ts";

const largest = (values: readonly number[]) => values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
const smallest = (values: readonly number[]) => values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
const within = (value: number, low: number, high: number) => value >= low && value <= high;

const twoLayers = (rows: readonly WidthRow[]) => rows.filter(({ architecture }) => architecture.startsWith("two"));
const meanSlope = (means: readonly { m: number; mean: number }[]) => widthSlope(means, ({ mean }) => mean);

export const claims: readonly Claim<Lab>[] = [
  claim({
    id: "N1",
    statement:
      "The regret of projected gradient descent on the linearized network is bounded, whatever the attack, step size and comparator in the ball",
    provenance: "derived",
    criterion:
      "regret − (‖W₀ − W‖²/2αT + αG²/2) ≤ 1e-9 in every run, and so min L_A(W_t) − L_*(W) − the same after every number of steps, W the strongest network found",
    measure: ({ regret }) => {
      const worst = largest(regret.map((row) => row.worst));
      const excess = largest(regret.map((row) => row.excess));
      const comparators = Math.min(...regret.map((row) => row.comparators));
      return {
        measured: {
          "largest regret − bound": figure(worst),
          "largest min L_A − L_* − bound": figure(excess),
          runs: regret.length,
          "comparators in each": comparators,
        },
        holds: worst <= 1e-9 && excess <= 1e-9,
      };
    },
  }),
  claim({
    id: "N2",
    statement:
      "Surrogate losses are ordered: clean ≤ FGSM ≤ PGD-20 ≤ maximum over the perturbation sets, when each attack tries all that the one before does",
    provenance: "derived",
    criterion: "no violation, the last up to 1e-3 (the grid's resolution)",
    measure: ({ ordering }) => {
      const violations = ordering.filter(({ clean, fgsm, pgd, grid }) => clean > fgsm || fgsm > pgd || pgd > grid + 1e-3);
      return {
        measured: {
          violations: violations.length,
          "of comparisons": 3 * ordering.length,
          "largest gap FGSM to PGD": figure(largest(ordering.map(({ fgsm, pgd }) => pgd - fgsm))),
          "FGSM above PGD without its point": `${ordering.filter(({ fgsm, pgdAlone }) => fgsm > pgdAlone).length} of ${ordering.length}, by at most ${figure(Math.max(0, largest(ordering.map(({ fgsm, pgdAlone }) => fgsm - pgdAlone))))}`,
          "largest gap PGD to grid": figure(largest(ordering.map(({ pgd, grid }) => grid - pgd))),
        },
        holds: violations.length === 0,
        note: "PGD-20 starts from the clean point, 9 random ones and FGSM's point: without the last it may end below FGSM, its steps being of fixed length",
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
      const ratios = bounded.map(([network, rows]) => [network, rows.map((row) => row.largest / (row.bound ?? 0))] as const);
      const slopes = bounded.map(([network, rows]) => [`slope, ${network}`, figure(widthSlope(rows, (row) => row.error))] as const);
      return {
        measured: {
          ...Object.fromEntries(
            ratios.map(([network, of]) => [`error/bound, ${network}`, `${figure(smallest(of))} to ${figure(largest(of))}`]),
          ),
          ...Object.fromEntries(slopes),
        },
        holds: ratios.every(([, of]) => largest(of) <= 1) && slopes.every(([, slope]) => within(slope, -0.55, -0.45)),
        note: "the displacement that ascent finds attains the bound to rounding for quadratic ReLU, whose σ″ is 2 on a half line: the constant cannot be improved. Softplus comes close only, as its σ″ is ¼ at 0 alone. Without ascent, along the first adverse direction, the specification has 0.81–0.86 and 0.48–0.52, which the tests find at m = 8192",
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
    statement: "400 steps of adversarial training bring the robust loss close to zero at every width, whatever the data",
    provenance: "proposed",
    criterion: `robust loss ≤ ${targetLoss} (20 steps, 10 starts) and robust accuracy 1 after 400 steps, at every width for every draw of the data`,
    expected: "fails",
    measure: ({ widths }) => {
      const passes = (row: WidthRow) => row.robustLoss <= targetLoss && row.robustAccuracy === 1;
      const shown = groups(twoLayers(widths), ({ m }) => `m = ${m}`).map(([name, rows]) => {
        const losses = rows.map((row) => row.robustLoss);
        const [least, middle, most] = [smallest(losses), median(losses), largest(losses)].map(figure);
        return [name, `${rows.filter(passes).length} of ${rows.length} draws; loss ${least} to ${most}, median ${middle}`] as const;
      });
      return {
        measured: Object.fromEntries(shown),
        holds: twoLayers(widths).every(passes),
        note: "the specification's criterion, which gives 0.011–0.027 for its own data set. Draws as easy as that exist (the tests keep one, chosen for it), but many are harder, and 400 steps are too few for them",
      };
    },
  }),
  claim({
    id: "N5-longer",
    statement: "Adversarial training finds a robust classifier for every draw of the data if it goes on",
    provenance: "proposed",
    criterion: `robust loss ≤ ${targetLoss} (20 steps, 10 starts) and robust accuracy 1 within 12,000 steps, at every width for every draw of the data`,
    measure: ({ long }) => ({
      measured: Object.fromEntries(
        groups(long, ({ m }) => `m = ${m}`).map(([name, rows]) => {
          const steps = rows.map((row) => row.steps);
          const loss = figure(largest(rows.map((row) => row.robustLoss)));
          return [
            name,
            `largest loss ${loss} of ${rows.length} draws after ${smallest(steps)} to ${largest(steps)} steps, median ${median(steps)}`,
          ];
        }),
      ),
      holds: long.every((row) => row.robustLoss <= targetLoss && row.robustAccuracy === 1),
      note: "the same runs as for N5, continued 400 steps at a time until the loss under PGD-5 is below 0.04; fewer widths",
    }),
  }),
  claim({
    id: "N6",
    statement:
      "Training stays near initialization: the displacement does not depend on the width, so that relative to ‖W₀‖ it falls as m^{-1/2}",
    provenance: "proposed",
    criterion: "slope in log m, of means over draws: displacement within 0 ± 0.1, relative displacement within −0.5 ± 0.1",
    measure: ({ widths }) => {
      const [absolute, relative] = [
        widthMeans(twoLayers(widths), (row) => row.displacement),
        widthMeans(twoLayers(widths), (row) => row.relative),
      ];
      const deep = widths.filter(({ architecture }) => architecture.startsWith("depth"));
      const slopes = [absolute, relative].map(meanSlope);
      return {
        measured: {
          "slope of displacement": figure(slopes[0]),
          "slope of relative displacement": figure(slopes[1]),
          ...Object.fromEntries(
            absolute.map(({ m, mean }, i) => [`m = ${m}`, `${mean.toPrecision(3)}, relative ${relative[i].mean.toPrecision(2)}`]),
          ),
          "slope of displacement, depth 2 (theory −0.5)": figure(meanSlope(widthMeans(deep, (row) => row.displacement))),
        },
        holds: within(slopes[0], -0.1, 0.1) && within(slopes[1], -0.6, -0.4),
        note: "the specification's reference, on one data set: 11.1, 11.3, 11.4, 11.0 and relative 0.83, 0.40, 0.21, 0.10 at m = 32, 128, 512, 2048",
      };
    },
  }),
  claim({
    id: "N6-kernel",
    statement:
      "The wider the network, the less it learns features: training changes the tangent kernel on the data by a share that falls as 1/m",
    provenance: "derived",
    criterion: "slope of ‖K̂_T − K̂_0‖/‖K̂_0‖ in log m, of means over draws, within −1 ± 0.15",
    measure: ({ widths }) => {
      const changes = widthMeans(twoLayers(widths), (row) => row.kernelChange);
      const slope = meanSlope(changes);
      const deep = widths.filter(({ architecture }) => architecture.startsWith("depth"));
      return {
        measured: {
          slope: figure(slope),
          ...Object.fromEntries(changes.map(({ m, mean }) => [`m = ${m}`, mean.toPrecision(2)])),
          "slope, depth 2": figure(meanSlope(widthMeans(deep, (row) => row.kernelChange))),
        },
        holds: within(slope, -1.15, -0.85),
        note: "after the 400 steps of N5. A displacement of length R changes the kernel by order R/√m in general; in the symmetric network mirrored neurons move oppositely, their first-order changes cancel, and order R²/m is left. Narrow networks do learn features",
      };
    },
  }),
  claim({
    id: "N7",
    statement:
      "A robust network exists near initialization: the kernel's least-norm robust fit, realized by a finite network, and its norm grows with the radius of the perturbations",
    provenance: "proposed",
    criterion: `RMS error of f_lin on fresh points falls with slope within −0.5 ± 0.15; the norm increases with δ over at least four radii; the widest network is robust (accuracy 1) at distance about ‖g‖, and has robust loss ≤ ${targetLoss} at about 4‖g‖`,
    measure: ({ norms, finite }) => {
      const slope = widthSlope(finite, (row) => row.rms);
      const rising = norms.length >= 4 && increasing(norms.map(({ norm }) => norm));
      const widest = finite[finite.length - 1];
      return {
        measured: {
          "slope of the error": figure(slope),
          norms: norms.map(({ norm }) => figure(norm)).join(" < "),
          [`robust loss at ${figure(widest.distance)} from W₀, m = ${widest.m}`]: figure(widest.robustLoss),
          [`robust loss at ${figure(4 * widest.distance)}`]: figure(widest.scaledRobustLoss),
        },
        holds: within(slope, -0.65, -0.35) && rising && widest.robustAccuracy === 1 && widest.scaledRobustLoss <= targetLoss,
        note: `‖g‖ = ${figure(widest.norm)} at δ = half the half separation. g is within 0.1 of the labels ±1, which promises a logistic loss of log(1 + e^{−0.9}) = 0.341; a loss near zero needs larger outputs: 4g promises 0.027 in a ball of radius 4‖g‖, which does not depend on the width either. δ from ${norms[0].fraction} to ${norms[norms.length - 1].fraction} of half the separation of opposite labels; each norm is certified least by its dual to ${figure(largest(norms.map(({ norm, lowerBound }) => Math.abs(norm / lowerBound - 1))))}`,
      };
    },
  }),
  claim({
    id: "N8",
    statement: "Whatever interpolates one pair of points robustly shatters d points: sign f(e_j) = y_j for every labelling y",
    provenance: "derived",
    criterion:
      "distances of the construction to 1e-12; no label missed by w = y, by a trained robust classifier (affine; d ≤ 10 also two-layer networks), or by the nearest of many centres",
    measure: ({ shattering }) => {
      const geometry = largest(shattering.map((row) => row.geometryError));
      const missed = sum(shattering.map((row) => row.exactMissed + row.trainedMissed + row.networkMissed + row.manyMissed));
      const certified = shattering.every((row) => row.exactMargin > 0 && row.trainedMargin > 0);
      const [networks, robust] = [sum(shattering.map((row) => row.networks)), sum(shattering.map((row) => row.robustNetworks))];
      const widest = shattering[shattering.length - 1];
      return {
        measured: {
          "geometry error": geometry,
          "labels missed": missed,
          "networks found robust": `${robust} of ${networks}`,
          [`missed of ${widest.d} without robustness`]: figure(widest.plainMissed),
        },
        holds: geometry <= 1e-12 && missed === 0 && certified && robust > 0,
        note: "affine classifiers are certified; the networks (64 tanh units) are judged by 20 steps from 10 starts, which certifies nothing and in higher dimension passes networks that miss a point of the balls",
      };
    },
  }),
  claim({
    id: "N9",
    statement:
      "Training fits balls of radius 0.9 only with wider networks than it needs for their centres, by a factor no smaller at d = 10 than at d = 5",
    provenance: "proposed",
    criterion:
      "median least width at δ = 0.9 at least twice that at δ = 0 for every d; their ratio at d = 10 at least that at d = 5 (1500 steps of Adam)",
    measure: ({ capacity }) => {
      const width = (d: number, δ: number) => medianWidth(capacity.find((row) => row.d === d && row.δ === δ) ?? { widths: [] });
      const dimensions = [...new Set(capacity.map(({ d }) => d))];
      const ratio = (d: number) => width(d, 0.9) / width(d, 0);
      return {
        measured: {
          ...Object.fromEntries(
            dimensions.map((d) => [
              `d = ${d}: widths at δ = 0, 0.5, 0.9`,
              `${[0, 0.5, 0.9].map((δ) => width(d, δ)).join(", ")}; ratio ${figure(ratio(d))}`,
            ]),
          ),
          "steps of Adam": capacity[0].steps,
          "attack steps in each": Math.max(...capacity.map((row) => row.attackSteps)),
        },
        holds: dimensions.every((d) => ratio(d) >= 2) && ratio(10) >= ratio(5),
        note: `${capacity[0].widths.length} data sets; a width counts when one of two trained networks fits, so training, not capacity alone, sets it. The specification's table, over three data sets of its own: 8, 16, 16 at d = 5 and 2, 8, 16 at d = 10. Only d = 5 against 10, and δ = 0.9, are judged; the other d and δ = 0.5 are shown and need not follow`,
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
