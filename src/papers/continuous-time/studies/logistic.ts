/** R1.9: logistic regression on noisy labels. Where adversarial training settles, against the minimizer of the modified loss (E4). */
import { claim } from "../../laboratory.ts";
import * as logistic from "../theory/logistic.ts";
import { minus, norm } from "../theory/vectors.ts";
import { noisyLabels } from "./problems.ts";
import { study } from "./study.ts";

interface Row {
  β: number;
  /** |θ_AT − θ_mod| / |θ_AT − θ_ERM| */
  ratio: number;
  G: number;
  L: number;
}

interface Result {
  K: number;
  erm: { G: number; L: number };
  rows: Row[];
  /** |z_t − reference| of the inner flow at z₀ = .8, s = 1.7, t = .9. */
  flowGap: number;
  /** Inner ascent with Kα = .9 against the flow, by K. */
  inner: { K: number; gap: number }[];
}

const K = 5;

export const logisticRegression = study<Result>({
  name: "logistic-regression",
  share: 1,
  run: async (bench) => {
    const data = noisyLabels(bench.key.fold("logistic"));
    const erm = logistic.adversarialRoot(data, { α: 0, K: 0 });
    const rows = [0.02, 0.05, 0.1, 0.5, 1].map((β) => {
      const inner = { α: β / K, K };
      const root = logistic.adversarialRoot(data, inner);
      const ratio = norm(minus(root, logistic.modifiedRoot(data, inner))) / norm(minus(root, erm));
      return { β, ratio, G: logistic.vulnerability(data, root), L: logistic.loss(data, root) };
    });
    const flow = logistic.innerFlow(0.8, 1.7, 0.9);
    return {
      K,
      erm: { G: logistic.vulnerability(data, erm), L: logistic.loss(data, erm) },
      rows,
      flowGap: Math.abs(flow - 0.23307047707),
      inner: [1, 2, 5, 10, 100, 1000].map((steps) => ({
        K: steps,
        gap: Math.abs(logistic.innerMargin(0.8, 1.7, { α: 0.9 / steps, K: steps }) - flow),
      })),
    };
  },
  claims: [
    claim<Result>({
      id: "R1.9",
      statement:
        "Adversarial training of logistic regression settles next to the minimizer of L + βG, and the inner ascent follows Lambert's W",
      provenance: "derived",
      criterion:
        "|θ_AT − θ_mod|/|θ_AT − θ_ERM| ≤ .05 for β ≤ .1 on labels that are not separable; the inner flow's reference value to 1e-8",
      measure: ({ rows, flowGap, K }) => ({
        measured: { ...Object.fromEntries(rows.map(({ β, ratio }) => [`ratio, β = ${β}`, ratio])), "inner flow": flowGap },
        holds: rows.every(({ β, ratio }) => β > 0.1 || ratio <= 0.05) && flowGap <= 1e-8,
        note: `200 points in two dimensions, every fifth label or so flipped; K = ${K}; β > .1 is shown, not judged. The specification's figures (ratios .009, .035, .037, .023 and G from .285 to .025 for β = .02 … 1) are for data that it does not give; these are other data`,
      }),
    }),
  ],
  figures: ({ rows, erm, inner }) => [
    {
      kind: "chart",
      title: "Logistic regression: vulnerability and loss at the adversarial root",
      caption: "G = ½E|∇ₓℓ|² falls and the clean loss L rises with β = Kα.",
      x: { label: "β" },
      y: { label: "value" },
      series: [
        { name: "G", x: [0, ...rows.map((r) => r.β)], y: [erm.G, ...rows.map((r) => r.G)] },
        { name: "L", x: [0, ...rows.map((r) => r.β)], y: [erm.L, ...rows.map((r) => r.L)] },
      ],
    },
    {
      kind: "chart",
      title: "The inner ascent and its flow",
      caption: "Distance of the margin after K steps of size .9/K from z = C − W(e^C): first order in the step.",
      x: { label: "K", scale: "log" },
      y: { label: "|z_K − z(t)|", scale: "log" },
      series: [
        { name: "ascent", x: inner.map((p) => p.K), y: inner.map((p) => p.gap) },
        { name: "slope −1", x: inner.map((p) => p.K), y: inner.map((p) => inner[0].gap / p.K), mark: "reference" },
      ],
    },
  ],
});
