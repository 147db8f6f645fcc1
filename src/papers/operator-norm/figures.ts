/** The paper's figures on our networks: singular spectra, alignments, linearity, σ₁ along perturbations and robustness curves; and the exact checks. */
import { randomAlignment } from "../../analysis/alignment.ts";
import type { Chart, Figure, Series, Table } from "../figure.ts";
import type { Lab, NetworkRecord } from "./experiment.ts";
import { type Direction, multiples } from "./geometry.ts";

export function figures(lab: Lab): readonly Figure[] {
  return [
    robustness(lab),
    spectra(lab),
    alignmentByRank(lab),
    alignmentByLength(lab),
    along(lab, {
      title: "Deviation of the features from linearity",
      label: "‖φ(x + z) − φ(x) − J z‖₂",
      measure: ({ geometry }) => geometry.deviation,
      scale: "log",
    }),
    along(lab, {
      title: "Largest singular value along perturbations",
      label: "σ₁(J(x + z))",
      measure: ({ geometry }) => geometry.sigmaAlong,
    }),
    equivalence(lab),
    rates(lab),
  ];
}

const lengths = ({ epsilon }: Lab) => multiples.map((multiple) => multiple * epsilon);
const ranks = (values: readonly number[]) => values.map((_, rank) => rank + 1);
const trained = ({ networks }: Lab) => networks.filter(({ name }) => name !== "untrained");

function robustness(lab: Lab): Chart {
  return {
    kind: "chart",
    title: "Accuracy under attack",
    caption: `ℓ₂-PGD within the box of the inputs on ${lab.judged} test examples. ε_train = ${lab.epsilon} is the smallest radius tried at which almost all perturbed inputs fool the standard network.`,
    x: { label: "ε" },
    y: { label: "accuracy" },
    series: [
      ...trained(lab).map(({ name, accuracy }): Series => ({ name, x: [0, ...lengths(lab)], y: accuracy })),
      { name: "ε_train", mark: "reference", x: [lab.epsilon, lab.epsilon], y: [0, 1] },
    ],
  };
}

function spectra(lab: Lab): Chart {
  return {
    kind: "chart",
    title: "Singular values of the Jacobian",
    caption: `Means over ${lab.points} test examples, at the clean inputs and (dashed) at their adversarial neighbours at ε_train.`,
    x: { label: "rank" },
    y: { label: "singular value", scale: "log" },
    series: trained(lab).flatMap(({ name, geometry: { spectrum, perturbedSpectrum } }): Series[] => [
      { name, x: ranks(spectrum), y: spectrum },
      { name: `${name}, perturbed`, mark: "reference", x: ranks(spectrum), y: perturbedSpectrum },
    ]),
  };
}

function alignmentByRank(lab: Lab): Chart {
  const { randomAlignment: random } = lab.networks[lab.networks.length - 1].geometry;
  const law = randomAlignment(lab.dimension);
  return {
    kind: "chart",
    title: "Alignment of adversarial perturbations with singular vectors",
    caption:
      "Mean |cos| of the ℓ₂-PGA perturbation at ε_train with each right singular vector at the clean input. Random perturbations lie at √(2/πn), dashed.",
    x: { label: "rank" },
    y: { label: "|cos(δ, v_r)|" },
    series: [
      ...lab.networks.map(({ name, geometry: { alignment } }): Series => ({ name, x: ranks(alignment), y: alignment })),
      { name: "random perturbations", mark: "points", x: ranks(random), y: random },
      { name: "√(2/πn)", mark: "reference", x: [1, random.length], y: [law, law] },
    ],
  };
}

function alignmentByLength(lab: Lab): Chart {
  return {
    kind: "chart",
    title: "Alignment with the first singular vector by size",
    caption: "Mean |cos(δ, v₁)| of ℓ₂-PGA perturbations made for each length.",
    x: { label: "‖δ‖₂" },
    y: { label: "|cos(δ, v₁)|" },
    series: lab.networks.map(({ name, geometry }): Series => ({ name, x: lengths(lab), y: geometry.alignmentByLength })),
  };
}

function along(
  lab: Lab,
  view: { title: string; label: string; measure(record: NetworkRecord): Record<Direction, number[]>; scale?: "linear" | "log" },
): Chart {
  return {
    kind: "chart",
    title: view.title,
    caption: "Means over test examples against the length of the perturbation, in adversarial directions and (dashed) in random ones.",
    x: { label: "‖z‖₂" },
    y: { label: view.label, scale: view.scale },
    series: trained(lab).flatMap((record): Series[] => {
      const { adversarial, random } = view.measure(record);
      return [
        { name: record.name, x: lengths(lab), y: adversarial },
        { name: `${record.name}, random`, mark: "reference", x: lengths(lab), y: random },
      ];
    }),
  };
}

function equivalence({ equivalence }: Lab): Table {
  return {
    kind: "table",
    title: "Ascent with infinite steps against the power method",
    caption:
      "Largest |(x_k − x) − εv_k|/ε over 15 steps and 32 points, with ε 0.9 of the exact distance to the cell's boundary, and with 50 times that distance, where the theorem does not speak.",
    columns: ["p", "q", "within the cell", "far outside"],
    rows: equivalence.map(({ p, q, difference, outside }) => [p, q, difference.toExponential(1), outside.toPrecision(2)]),
  };
}

function rates({ rates }: Lab): Table {
  return {
    kind: "table",
    title: "Contraction of the angle to v₁ by finite steps",
    caption: "One matrix, p = q = 2. The last row is, to rounding, the power method.",
    columns: ["α/ε", "measured", "formula"],
    rows: rates.map(({ stepRatio, measured, predicted }) => [stepRatio, measured.toFixed(6), predicted.toFixed(6)]),
  };
}
