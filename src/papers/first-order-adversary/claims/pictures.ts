/** R2.11: the same measurements on pictures, by the network of the theory and by a trained classifier. */
import { type Claim, claim } from "../../laboratory.ts";
import { increasing, median } from "../../statistics.ts";
import { isLocalMaximum } from "../experiment.ts";
import { digits, type Lab, list, medians, scalesOf } from "./shared.ts";

const falling = (values: readonly number[]) => increasing(values.map((v) => -v));

const pictures = claim<Lab>({
  id: "R2.11",
  statement:
    "On pictures scaled to |x| = c the trends keep their sign, at initialization and after training: n3 and κ increase in c, cosine and straightness fall",
  provenance: "proposed",
  criterion: "medians over pictures monotone in c, in both states, and every ascent ends at a strict local maximum for c ≤ 1",
  measure({ images }) {
    const measured: Record<string, string> = {};
    let holds = images.length > 0;
    for (const state of ["initial", "trained"] as const) {
      const own = images.filter((record) => record.state === state);
      const [n3, kappa] = [medians(own, "n3"), medians(own, "kappa")];
      const [cosine, straightness] = [medians(own, "cosine"), medians(own, "straightness")];
      measured[`${state}: n3`] = list(n3);
      measured[`${state}: κ`] = list(kappa);
      measured[`${state}: cosine`] = list(cosine, 5);
      measured[`${state}: straightness`] = list(straightness);
      measured[`${state}: accuracy`] = list(
        own.map(({ accuracy }) => accuracy),
        2,
      );
      holds &&= increasing(n3) && increasing(kappa) && falling(cosine) && falling(straightness);
      holds &&= own.filter(({ c }) => c <= 1).every(({ ascents }) => ascents.every(isLocalMaximum));
    }
    return {
      measured,
      holds,
      note: `c = ${scalesOf(images.filter(({ state }) => state === "initial"))}. Drawn threes and eights, two-layer tanh network; the accuracy is on the pictures attacked, which training did not see. At initialization the law of these figures depends on |x| alone, so only the trained network could have come out otherwise.`,
    };
  },
});

const classifier = claim<Lab>({
  id: "R2.11-classifier",
  statement:
    "In a trained ten-class mlp, too, ascent on the cross-entropy ends at a strict local maximum on the sphere at the derived rate, and κ increases in c",
  provenance: "proposed",
  criterion:
    "every ascent: | |δ|/ε − 1 | < 1e-9, KKT residual < 1e-6, strict second order; median |rate − predicted| ≤ .03 at every c; median κ of the margin increasing in c",
  measure({ classifier: records }) {
    const all = records.flatMap(({ ascents }) => ascents);
    const good = all.filter(({ offSphere, residual, margin }) => offSphere < 1e-9 && residual < 1e-6 && margin < 0).length;
    const errors = records.map(({ ascents }) =>
      median(ascents.filter(({ rate }) => rate >= 0).map(({ rate, ratePredicted }) => Math.abs(rate - ratePredicted))),
    );
    const kappa = medians(records, "kappa");
    return {
      measured: {
        "local maxima": `${good}/${all.length}`,
        "worst residual": digits(Math.max(...all.map(({ residual }) => residual))),
        "worst margin": digits(Math.max(...all.map(({ margin }) => margin))),
        "largest median rate error": digits(Math.max(...errors), 2),
        κ: list(kappa),
        accuracy: list(
          records.map(({ accuracy }) => accuracy),
          2,
        ),
      },
      holds: all.length > 0 && good === all.length && Math.max(...errors) <= 0.03 && increasing(kappa),
      note: `c = ${scalesOf(records)}; drawn digits (28×28) scaled to |x| = c, about 10.5 as drawn; ρ = .1; mlp with two layers of tanh units, trained for a moment at every scale; pictures that training did not see; s = 1/|∇²ℓ|, the largest of three probes. Float64, hence no convolutions.`,
    };
  },
});

const classifierTrends = claim<Lab>({
  id: "R2.11-classifier-trends",
  statement: "In the trained mlp the other trends keep their sign too: n3 increases in c, cosine and straightness fall",
  provenance: "proposed",
  criterion: "medians over pictures monotone in c",
  measure({ classifier: records }) {
    const [n3, cosine, straightness] = [medians(records, "n3"), medians(records, "cosine"), medians(records, "straightness")];
    return {
      measured: { n3: list(n3), cosine: list(cosine), straightness: list(straightness) },
      holds: records.length > 0 && increasing(n3) && falling(cosine) && falling(straightness),
      note: "The theory is about random weights. Training at each scale grows the weights differently, so c is not all that differs between these networks.",
    };
  },
});

export const pictureClaims: readonly Claim<Lab>[] = [pictures, classifier, classifierTrends];
