/** The figures of a diagnosis. */
import { type Diagnosis, shares } from "../analysis/diagnosis.ts";
import type { Chart, Figure, HeatMap, Series, Table } from "../papers/figure.ts";

export function diagnosisFigures(diagnosis: Diagnosis): Figure[] {
  const { ascent, spectrum, alignment, along, line, epsilon, norm } = diagnosis;
  const steps = ascent.map((_, step) => step);
  const lengths = shares.map((share) => share * epsilon);
  const length = norm === "l2" ? "‖z‖₂" : "‖z‖∞";
  const twoWays = (values: Record<"adversarial" | "random", number[]>, x: readonly number[]): Series[] => [
    { name: "adversarial", x, y: values.adversarial },
    { name: "random", x, y: values.random },
  ];
  const relative = ascent.map((step) => step.relative);
  const figures: Figure[] = [
    numbers(diagnosis),
    chart("Ascent", "Mean cross-entropy and accuracy along PGD; step 0 is the random start.", "step", "", [
      { name: "loss", x: steps, y: ascent.map(({ loss }) => loss) },
      { name: "accuracy", x: steps, y: ascent.map(({ accuracy }) => accuracy) },
    ]),
    chart(
      "Convergence of the ascent",
      "FOSC relative to ε‖g‖, over the ball: 0 where no first-order step gains anything, 2 at the worst. Median over the examples, with the middle 80 %.",
      "step",
      "c(x)/(ε‖g‖)",
      [
        {
          name: "FOSC",
          x: steps,
          y: relative.map(({ median }) => median),
          low: relative.map(({ low }) => low),
          high: relative.map(({ high }) => high),
        },
      ],
    ),
    chart("Singular values of the Jacobian", "Means over the examples.", "rank", "singular value", [
      { name: "at the inputs", x: ranks(spectrum.clean), y: spectrum.clean },
      { name: "at adversarial points", x: ranks(spectrum.adversarial), y: spectrum.adversarial },
    ]),
  ];
  if (alignment)
    figures.push(
      chart(
        "Alignment with singular vectors",
        "Mean |cos| of perturbations with the right singular vectors; dashed: √(2/πn).",
        "rank",
        "|cos|",
        [
          ...twoWays(alignment, ranks(alignment.adversarial)),
          { name: "law", mark: "reference", x: [1, alignment.random.length], y: [alignment.law, alignment.law] },
        ],
      ),
    );
  figures.push(
    chart("Deviation from linearity", "‖f(x + z) − f(x) − J z‖₂ of the logits.", length, "deviation", twoWays(along.deviation, lengths)),
    chart("Largest singular value along perturbations", "Mean σ₁(J(x + z)).", length, "σ₁", twoWays(along.sigma, lengths)),
    chart("Loss along perturbations", "Mean cross-entropy at x + tδ; t = 1 is the adversarial point.", "t", "loss", twoWays(line, line.t)),
  );
  if (diagnosis.around.x.length > 0) figures.push(landscape(diagnosis));
  return figures;
}

function numbers({ norms, global, cell, norm, epsilon, spectrum }: Diagnosis): Table {
  const rows: [string, string | number][] = norms.map(({ p, q, mean, largest }) => [
    `‖J‖ from ℓ${name(p)} to ℓ${name(q)}`,
    `mean ${figure(mean)}, largest ${figure(largest)}`,
  ]);
  if ("reason" in global) rows.push(["global bound", `none: ${global.reason}`]);
  else rows.push(["global bound on σ₁", `${figure(global.bound)}, ${figure(global.bound / spectrum.clean[0])} times the mean`]);
  if ("reason" in cell) rows.push(["activation cell", `none: ${cell.reason}`]);
  else {
    const bound = cell.examined < cell.walls ? ` (at most; ${cell.examined} of ${cell.walls} walls looked at)` : "";
    rows.push(["median distance to the cell's boundary", `ℓ₂ ${figure(cell.l2)}, ℓ∞ ${figure(cell.linf)}${bound}`]);
    rows.push(["ε over that distance", figure(epsilon / cell[norm])]);
  }
  return { kind: "table", title: "Numbers", caption: "Norms are lower bounds by the power method.", columns: ["quantity", "value"], rows };
}

function landscape({ around }: Diagnosis): HeatMap {
  return {
    kind: "heatmap",
    title: "Loss around an input",
    caption:
      "Cross-entropy of the first example; across, its adversarial perturbation (two thirds of the way to the right edge), upwards a random direction.",
    x: { label: "along δ", values: around.x },
    y: { label: "random", values: around.y },
    values: around.values,
  };
}

function chart(title: string, caption: string, x: string, y: string, series: Series[]): Chart {
  return { kind: "chart", title, caption, x: { label: x }, y: { label: y }, series };
}

const ranks = (values: readonly number[]) => values.map((_, rank) => rank + 1);
const name = (exponent: number) => (exponent === Number.POSITIVE_INFINITY ? "∞" : String(exponent));
const figure = (value: number) => Number(value.toPrecision(3));
