/** What a reader should see: landscapes with ascents, convergence against theory, and training under three learning rates. */
import type { Chart, Figure, HeatMap, Series, Table } from "../figure.ts";
import { median, quantile } from "../statistics.ts";
import { type FirstOrderAdversaryLab, rho, type SmoothActivation, smoothActivations } from "./experiment.ts";
import type { LandscapeRecord } from "./landscapes.ts";
import { activations } from "./moments.ts";
import { predict } from "./theory.ts";
import { type Convention, conventions, type TrainingCurve, thresholdAt } from "./training-comparison.ts";

type Lab = FirstOrderAdversaryLab;

export function figures(lab: Lab): readonly Figure[] {
  return [
    referenceTable(lab),
    ...smoothActivations.flatMap((activation) => lab.landscapes[activation].map((record) => landscape(activation, record))),
    ...smoothActivations.map((activation) => convergence(lab, activation)),
    iterations(lab),
    regularity(lab),
    ...lab.training.flatMap(({ rho: ratio, curves }) =>
      (Object.keys(conventions) as Convention[]).flatMap((convention) => {
        const own = curves[convention];
        return own ? [training(ratio, convention, own)] : [];
      }),
    ),
    pictures(lab),
    classifier(lab),
  ];
}

function referenceTable({ cells }: Lab): Table {
  const columns = [
    "φ",
    "c",
    "seeds",
    "g",
    "g pred.",
    "h",
    "h pred.",
    "κ",
    "κ pred.",
    "εg/|r₀|",
    "hit",
    "hit pred.",
    "n3",
    "cos(δ*, ±∇f(x))",
    "same end",
    "tail rate",
    "rate pred.",
    "straightness",
  ];
  const rows = cells.map(({ activation, c, ascents, restarts }) => {
    const middle = (
      field: "g" | "h" | "kappa" | "reach" | "hit" | "hitPredicted" | "n3" | "cosine" | "rate" | "ratePredicted" | "straightness",
    ) => Number(median(ascents.map((record) => record[field])).toPrecision(4));
    const p = predict(activations[activation], { c, d: 50, rho });
    const same = restarts.reduce((total, record) => total + record.same, 0) / restarts.length;
    const short = (value: number) => Number(value.toPrecision(3));
    return [
      activation,
      c,
      ascents.length,
      middle("g"),
      short(p.g),
      middle("h"),
      short(p.h),
      middle("kappa"),
      short(p.kappa),
      middle("reach"),
      middle("hit"),
      middle("hitPredicted"),
      middle("n3"),
      middle("cosine"),
      short(same),
      middle("rate"),
      middle("ratePredicted"),
      middle("straightness"),
    ];
  });
  return {
    kind: "table",
    title: "Projected gradient ascent on random two-layer networks, measured and predicted",
    caption:
      "Medians over seeds; d = 50, m = 1000, ρ = .1, s = .1/g². n3 counts steps to |δ_t − δ_∞| < 1e-3 ε; “same end” is the share of starts (0 and random) that end at one point.",
    columns,
    rows,
  };
}

function landscape(activation: SmoothActivation, { c, slice, paths }: LandscapeRecord): HeatMap {
  return {
    kind: "heatmap",
    title: `Adversarial loss around x, ${activation}, c = ${c}`,
    caption:
      "F(δ) on the plane of δ* (horizontal) and a random direction orthogonal to it, in units of ε; the ball is the unit disc. Lines: ascents from 0 and from random starts, projected onto the plane. Compare the scales: a regular landscape is a ramp, and its paths are straight.",
    x: { label: "along δ*, in ε", values: slice.x },
    y: { label: "across, in ε", values: slice.y },
    values: slice.values,
    paths: [
      ...paths.map(({ x, y }, i) => ({ name: i === 0 ? "ascent from 0" : `random start ${i}`, x, y })),
      { name: "|δ| = ε", x: circle(Math.cos), y: circle(Math.sin), mark: "reference" as const },
    ],
  };
}

function convergence({ cells }: Lab, activation: SmoothActivation): Chart {
  const series = cells
    .filter((cell) => cell.activation === activation)
    .flatMap(({ c, ascents: [{ errors, ratePredicted }] }): Series[] => {
      const visible = errors.filter((error) => error > 1e-13).slice(0, 400);
      const from = visible.findIndex((error) => error < 1e-3);
      const tail = visible.slice(from).map((_, i) => visible[from] * ratePredicted ** i);
      return [
        { name: `c = ${c}`, x: [...visible.keys()], y: visible },
        ...(from >= 0
          ? [{ name: `rate ${ratePredicted.toFixed(3)}`, x: tail.map((_, i) => from + i), y: tail, mark: "reference" as const }]
          : []),
      ];
    });
  return {
    kind: "chart",
    title: `Convergence of the ascent, ${activation}`,
    caption:
      "|δ_t − δ_∞|/ε of one network per input scale; dashed, the derived rate ε(1 + s|r|μ)/(ε + sΛ) from where the error is below 1e-3.",
    x: { label: "step t" },
    y: { label: "|δ_t − δ_∞| / ε", scale: "log" },
    series,
  };
}

function iterations({ cells, oneStepSize }: Lab): Chart {
  const series = smoothActivations.flatMap((activation): Series[] => {
    const own = cells.filter((cell) => cell.activation === activation);
    const one = oneStepSize.filter((record) => record.activation === activation);
    return [
      banded(
        `${activation}, s = .1/g²`,
        own.map(({ c }) => c),
        own.map(({ ascents }) => ascents.map(({ n3 }) => n3)),
      ),
      banded(
        `${activation}, one s`,
        one.map(({ c }) => c),
        one.map(({ n3 }) => n3),
      ),
    ];
  });
  return {
    kind: "chart",
    title: "Steps to three digits against the input scale",
    caption: "n3, the steps until |δ_t − δ_∞| < 1e-3 ε, at fixed perturbation ratio ρ = .1: medians and quartiles over seeds.",
    x: { label: "input scale c", scale: "log" },
    y: { label: "n3", scale: "log" },
    series,
  };
}

function regularity({ cells }: Lab): Chart {
  const scale = Array.from({ length: 41 }, (_, i) => 0.1 * 10 ** (i / 20));
  const series = smoothActivations.flatMap((activation): Series[] => {
    const own = cells.filter((cell) => cell.activation === activation);
    const measured = banded(
      activation,
      own.map(({ c }) => c),
      own.map(({ ascents }) => ascents.map(({ kappa }) => kappa)),
    );
    const predicted = scale.map((c) => predict(activations[activation], { c, d: 50, rho }).kappa);
    return [
      { ...measured, mark: "points" },
      { name: `2ρcσ₂/σ₁, ${activation}`, x: scale, y: predicted, mark: "reference" },
    ];
  });
  return {
    kind: "chart",
    title: "Regularity index against the input scale",
    caption: "κ = εh/g at x over seeds (medians, quartiles), and the prediction 2ρc σ₂(c)/σ₁(c), which knows neither d nor m.",
    x: { label: "input scale c", scale: "log" },
    y: { label: "κ", scale: "log" },
    series,
  };
}

function training(ratio: number, convention: Convention, curves: readonly TrainingCurve[]): Chart {
  const level = thresholdAt(ratio);
  return {
    kind: "chart",
    title: `Adversarial training, ρ = ${ratio}, ${conventions[convention]}`,
    caption: `Mean adversarial loss over seeds at five input scales. Which scale is first below the fixed loss ${level} (dashed), and which ends lowest, depends on the learning rate: compare the three conventions.`,
    x: { label: "epoch" },
    y: { label: "adversarial loss", scale: "log" },
    series: [
      ...curves.map(({ c, learningRate, loss }) => ({
        name: `c = ${c}, rate ${Number(learningRate.toPrecision(3))}`,
        x: [...loss.keys()],
        y: loss,
      })),
      {
        name: `${level}`,
        x: [0, curves[0].loss.length - 1],
        y: [level, level],
        mark: "reference" as const,
      },
    ],
  };
}

function pictures({ images }: Lab): Chart {
  const states = ["initial", "trained"] as const;
  return {
    kind: "chart",
    title: "The same on pictures: steps to three digits",
    caption:
      "Drawn digits scaled to |x| = c, tanh network, at random initialization and after a short plain training: n3 over pictures (medians, quartiles).",
    x: { label: "input scale c", scale: "log" },
    y: { label: "n3", scale: "log" },
    series: states.map((state) => {
      const own = images.filter((record) => record.state === state);
      return banded(
        state,
        own.map(({ c }) => c),
        own.map(({ ascents }) => ascents.map(({ n3 }) => n3)),
      );
    }),
  };
}

function classifier({ classifier: records }: Lab): Table {
  return {
    kind: "table",
    title: "The same instruments on a trained classifier",
    caption:
      "Medians over drawn digits scaled to |x| = c; an mlp with two layers of tanh units per scale, ρ = .1; κ of the margin, the rest of the cross-entropy.",
    columns: ["c", "pictures", "accuracy", "κ", "n3", "cos(δ*, ∇ℓ(x))", "straightness", "tail rate", "rate pred.", "strict local maxima"],
    rows: records.map(({ c, accuracy, ascents }) => {
      const middle = (field: "kappa" | "n3" | "cosine" | "straightness" | "rate" | "ratePredicted") =>
        Number(median(ascents.map((record) => record[field])).toPrecision(4));
      return [
        c,
        ascents.length,
        accuracy,
        middle("kappa"),
        middle("n3"),
        middle("cosine"),
        middle("straightness"),
        middle("rate"),
        middle("ratePredicted"),
        ascents.filter(({ strict }) => strict).length,
      ];
    }),
  };
}

/** Medians as a curve, quartiles as its band. */
function banded(name: string, x: readonly number[], samples: readonly (readonly number[])[]): Series {
  const at = (q: number) => samples.map((values) => quantile(values, q));
  return { name, x, y: at(0.5), low: at(0.25), high: at(0.75) };
}

function circle(coordinate: (angle: number) => number): number[] {
  return Array.from({ length: 73 }, (_, i) => coordinate((2 * Math.PI * i) / 72));
}
