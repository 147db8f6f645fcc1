/** R2.6: what a wider network changes. */
import { type Claim, claim } from "../../laboratory.ts";
import { relativeSpread } from "../../statistics.ts";
import { type SmoothActivation, smoothActivations, widthDimension } from "../experiment.ts";
import { activations } from "../moments.ts";
import { gradientSpread } from "../theory.ts";
import { digits, type Lab, list } from "./shared.ts";

/** Relative spreads over seeds, by growing width, and the prediction for g. */
function spreads({ widths }: Lab, activation: SmoothActivation) {
  const own = widths.filter((record) => record.activation === activation);
  return {
    ratios: own.map(({ ratio }) => ratio),
    g: own.map(({ g }) => relativeSpread(g)),
    h: own.map(({ h }) => relativeSpread(h)),
    predicted: own.map(({ ratio }) => gradientSpread(activations[activation], { c: 1, d: widthDimension, m: widthDimension * ratio })),
    /** Standard error of a relative spread from this many seeds, relative to it. */
    error: 1 / Math.sqrt(2 * Math.min(...own.map(({ g }) => g.length))),
  };
}
const fall = (values: readonly number[]) => values[values.length - 1] / values[0];

const width = claim<Lab>({
  id: "R2.6",
  statement:
    "Over seeds the relative spread of |∇²f(x)| falls with m/d, that of |∇f(x)| falls as derived, to a floor; and from m = 10d on every seed ends at a strict local maximum",
  provenance: "derived",
  criterion:
    "both spreads at the largest m/d below 80 % (ours) of those at the smallest; the spread of g within 4 standard errors of √(1/(2d) + (k−1)/(4m) + k/(2dm)) at every m/d; success 100 % for m ≥ 10d (smaller m reported)",
  measure(lab) {
    const both = smoothActivations.map((activation) => ({ activation, ...spreads(lab, activation) }));
    const wide = lab.widths.filter(({ ratio }) => ratio >= 10);
    const failures = lab.widths
      .filter(({ success }) => success < 1)
      .map(({ activation, ratio, success }) => `${activation} m = ${ratio}d: ${digits(success)}`);
    const far = both.flatMap(({ g, predicted, error }) => g.map((value, i) => Math.abs(value / predicted[i] - 1) / error));
    return {
      measured: {
        "m/d": list(both[0].ratios),
        ...Object.fromEntries(
          both.flatMap(({ activation, g, h, predicted }) => [
            [`${activation}: spread of g`, list(g, 2)],
            [`${activation}: predicted`, list(predicted, 2)],
            [`${activation}: spread of h`, list(h, 2)],
            [`${activation}: last/first (g, h)`, list([fall(g), fall(h)], 2)],
          ]),
        ),
        "farthest g from the prediction, in standard errors": digits(Math.max(...far)),
        "success below 100 %": failures.join("; ") || "nowhere",
      },
      holds:
        both.every(({ g, h }) => fall(g) < 0.8 && fall(h) < 0.8) &&
        Math.max(...far) <= 4 &&
        wide.length > 0 &&
        wide.every(({ success }) => success === 1),
      note: `d = ${widthDimension}, c = 1. The spread of g falls until m is about 2d, then it is at its floor 1/√(2d) = ${digits(1 / Math.sqrt(2 * widthDimension))}.`,
    };
  },
});

const throughout = claim<Lab>({
  id: "R2.6-throughout",
  statement: "The relative spread of |∇f(x)| goes on falling with m/d, below any floor",
  provenance: "derived",
  criterion: "at the largest m/d below 80 % (ours) of 1/√(2d), for tanh and softplus",
  expected: "fails",
  measure(lab) {
    const shares = smoothActivations.map((activation) => spreads(lab, activation).g.slice(-1)[0] * Math.sqrt(2 * widthDimension));
    return {
      measured: { "last over 1/√(2d) (tanh, softplus)": list(shares, 2) },
      holds: shares.every((share) => share < 0.8),
      note: "∇f(x) is nearly a Gaussian vector of d components: its length varies by 1/√(2d) however wide the network is.",
    };
  },
});

export const widthClaims: readonly Claim<Lab>[] = [width, throughout];
