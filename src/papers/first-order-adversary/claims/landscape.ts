/** R2.4, R2.5, R2.8, R2.10: how regular the landscape is, how that depends on the input scale, and how many maxima it has. */
import { type Claim, claim } from "../../laboratory.ts";
import { increasing, median } from "../../statistics.ts";
import { type DimensionRecord, rho, smoothActivations } from "../experiment.ts";
import { activations } from "../moments.ts";
import { valleyFreeScale } from "../theory.ts";
import { cellsOf, digits, type Lab, list, medians, scalesOf } from "./shared.ts";

/** median κ over the formula */
const kappaRatio = ({ kappas, predicted }: DimensionRecord) => median(kappas) / predicted;
const falling = (values: readonly number[]) => increasing(values.map((v) => -v));

const regularity = claim<Lab>({
  id: "R2.4",
  statement: "A smaller input scale makes the landscape more regular: κ = εh/g ≈ 2ρcσ₂/σ₁, whatever d; the ascent gets straighter",
  provenance: "derived",
  criterion:
    "median κ within 15 % of the formula for .3 ≤ c ≤ 3, m = 20d; doubling d changes it by < 10 %; cos(δ*, ±∇f(x)) ≥ .999 at c ≤ .3 and (tanh) decreasing in c; straightness decreasing in c",
  measure(lab) {
    const judged = lab.dimensions.filter(({ c }) => c >= 0.3);
    const errors = judged.map((record) => Math.abs(kappaRatio(record) - 1));
    const changes = judged.flatMap(({ activation, c, d, kappas }) => {
      const double = judged.find((other) => other.activation === activation && other.c === c && other.d === 2 * d);
      return double ? [Math.abs(median(double.kappas) / median(kappas) - 1)] : [];
    });
    const cosines = smoothActivations.map((activation) => medians(cellsOf(lab, activation), "cosine"));
    const straightness = smoothActivations.map((activation) => medians(cellsOf(lab, activation), "straightness"));
    return {
      measured: {
        "largest error of κ": digits(Math.max(...errors)),
        "largest change on doubling d": digits(Math.max(...changes)),
        "cosines tanh": list(cosines[0], 5),
        "cosines softplus": list(cosines[1], 5),
        "straightness tanh": list(straightness[0]),
        "straightness softplus": list(straightness[1]),
      },
      holds:
        errors.length > 0 &&
        Math.max(...errors) <= 0.15 &&
        Math.max(...changes) < 0.1 &&
        cosines.every((values) => Math.min(values[0], values[1]) >= 0.999) &&
        falling(cosines[0]) &&
        straightness.every(falling),
      note: "The specification has c ≤ 3; what happens at c = .1 stands under R2.4-small-scale.",
    };
  },
});

const smallScale = claim<Lab>({
  id: "R2.4-small-scale",
  statement: "The formula κ ≈ 2ρcσ₂/σ₁ is as good at c = .1",
  provenance: "derived",
  criterion: "median κ within 15 % of the formula at c = .1, m = 20d, for tanh and softplus, at every d",
  expected: "fails",
  measure({ dimensions }) {
    const small = dimensions.filter(({ c }) => c === 0.1);
    const ratios = small.map(kappaRatio);
    return {
      measured: Object.fromEntries(small.map((record, i) => [`${record.activation}, d = ${record.d}: κ over formula`, digits(ratios[i])])),
      holds: small.length > 0 && ratios.every((ratio) => Math.abs(ratio - 1) <= 0.15),
      note: "Fails for tanh. The formula takes ∇²f(x) for a Gaussian orthogonal ensemble; but its row along x has γ = E[Z²φ″²]/E[φ″²] times the variance of the others, and γ → 3 as c → 0 for an odd φ (1 for softplus). Above γ = 2 an eigenvalue leaves the bulk for γ/√(γ − 1) = 2.12 instead of 2: 6 % that no width or dimension removes (derived, checked on random matrices). The rest is finite size: its corner has variance 15 instead of 2, which adds another 6 % at d = 50 and falls with d; and m = 20d widens the bulk by about 6 % (R-transform) and falls with d/m. At d = 50 we saw 1.23 with m = 20d and 1.12 with m = 100d.",
    };
  },
});

const uniqueness = claim<Lab>({
  id: "R2.5",
  statement:
    "With κ < .5 and εg < |r₀|/2 every start ends at the same point; where the valley {f = y} cuts the ball there can be two local maxima",
  provenance: "derived",
  criterion:
    "100 % of restarts agree when κ < .5 and εg < .5|r₀|; among seeds with εg > 1.5|r₀| some have a second end, and all ends are strict local maxima",
  measure({ cells }) {
    const all = cells.flatMap(({ restarts }) => restarts);
    const regular = all.filter(({ kappa, reach }) => kappa < 0.5 && reach < 0.5);
    const cut = all.filter(({ reach }) => reach > 1.5);
    const split = cut.filter(({ ends }) => ends > 1);
    const agree = regular.filter(({ same }) => same === 1).length;
    return {
      measured: {
        "regular seeds that agree": `${agree}/${regular.length}`,
        "cut seeds with two ends": `${split.length}/${cut.length}`,
        "all strict": split.every((r) => r.allStrict),
        "no valley below c ≈ (predicted for |r₀| = 1)": list(
          smoothActivations.map((name) => valleyFreeScale(activations[name], { d: 50, rho })),
        ),
      },
      holds: agree === regular.length && regular.length > 0 && split.length > 0 && split.every(({ allStrict }) => allStrict),
    };
  },
});

const negativeControl = claim<Lab>({
  id: "R2.8",
  statement:
    "Negative control: for ReLU the path of δ/ε does not depend on the input scale at all, and ascent on F does not converge linearly at any; for tanh and softplus the path does depend on it",
  provenance: "derived",
  criterion:
    "largest difference of the paths of δ/ε over the five scales below 1e-8 for ReLU, above .1 (ours) for tanh and softplus; ReLU: median KKT residual still above 1e-2 (ours) after all steps, at every c",
  measure({ controls: { relu, tanh, softplus }, reluAscents }) {
    const residuals = medians(reluAscents, "residual");
    return {
      measured: {
        relu: digits(relu.difference),
        tanh: digits(tanh.difference),
        softplus: digits(softplus.difference),
        "relu cosines": list(relu.cosines),
        "tanh cosines": list(tanh.cosines),
        "networks whose r₀ changes sign (relu, tanh, softplus)": [relu, tanh, softplus].map(({ flipped }) => flipped).join(", "),
        "relu, ascent on F: KKT residual": list(residuals, 2),
        "relu, ascent on F: cosine": list(medians(reluAscents, "cosine")),
      },
      holds:
        relu.difference < 1e-8 &&
        Math.min(tanh.difference, softplus.difference) > 0.1 &&
        residuals.length > 0 &&
        Math.min(...residuals) > 1e-2,
      note: `Ascent of sign(r₀)f with steps of .1 ε|∇f|/g at c = ${list(relu.scales)}; paths are compared where r₀ has the same sign, since −f is another function. Cosines are with sign(r₀)∇f(x). The ascent on F took ${reluAscents[0]?.steps} steps of s = .1/g²; it chatters at the kinks.`,
    };
  },
});

const nonlinearity = claim<Lab>({
  id: "R2.10",
  statement:
    "F differs from the loss of the linearized network by at most κ + κ²/4 of its maximum, anywhere on the ball, and by more at larger c",
  provenance: "derived",
  criterion:
    "max |F − ½(r₀ + ∇f(x)·δ)²| ≤ (κ + κ²/4) max F for every seed, and also with ½(|r₀| + εg)² in place of max F; κ = ε max|∇²f|/g; medians increasing in c for tanh",
  measure({ landscapes }) {
    const records = smoothActivations.flatMap((activation) => landscapes[activation]);
    const worst = Math.max(...records.flatMap(({ onBall, bound }) => onBall.map((error, b) => error / bound[b])));
    const derived = Math.max(...records.flatMap(({ onBall, bound, maximum }) => onBall.map((error, b) => (error * maximum[b]) / bound[b])));
    const middle = (activation: "tanh" | "softplus", field: "onBall" | "onSlice" | "bound" | "maximum") =>
      landscapes[activation].map((record) => median(record[field]));
    return {
      measured: {
        "largest share of the bound": digits(worst),
        "with ½(|r₀| + εg)²": digits(derived),
        "tanh, on the ball": list(middle("tanh", "onBall"), 2),
        "tanh, on the slice": list(middle("tanh", "onSlice"), 2),
        "tanh, bound": list(middle("tanh", "bound"), 2),
        "tanh, max F over ½(|r₀| + εg)²": list(middle("tanh", "maximum")),
        "softplus, on the ball": list(middle("softplus", "onBall"), 2),
        "softplus, max F over ½(|r₀| + εg)²": list(middle("softplus", "maximum")),
      },
      holds: Math.max(worst, derived) <= 1 && increasing(middle("tanh", "onBall")),
      note: `c = ${scalesOf(landscapes.tanh)}. The bound is derived with ½(|r₀| + εg)²; max F is the largest value that ascents and slice found. The maximum over the ball is searched by ascending (F − F_lin)² from four points, which finds about three times what random points of the sphere do (they miss the top eigenvector: the specification's figures are of that kind); max|∇²f| is the largest of nine probes, so the bound is not too large.`,
    };
  },
});

export const regularityClaims: readonly Claim<Lab>[] = [regularity, smallScale, uniqueness];
export const controlClaims: readonly Claim<Lab>[] = [negativeControl];
export const landscapeClaims: readonly Claim<Lab>[] = [nonlinearity];
