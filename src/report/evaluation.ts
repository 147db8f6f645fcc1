/** The report of an evaluation: one HTML file that needs nothing else. The verdict first, then what speaks against it, curves, attacks, pictures. */
import type { Figure, Gallery } from "../papers/figure.ts";
import type { EvaluationReport } from "../runs/evaluation-report.ts";
import { figureHtml } from "./figure.ts";
import { formatDuration, formatNumber } from "./format.ts";
import { styleSheet } from "./style.ts";
import { escaped } from "./svg.ts";

/** A broken example as pictures: what it was, what was added, what it became, with the model's confidences. */
export interface BrokenPicture {
  readonly index: number;
  readonly shape: readonly [number, number, number];
  readonly original: readonly number[];
  readonly adversarial: readonly number[];
  /** "7 (0.98)" */
  readonly before: string;
  readonly after: string;
  readonly attack: string;
}

export function evaluationHtml(report: EvaluationReport, pictures: readonly BrokenPicture[], command: string): string {
  const { model, data, norm, epsilon, examples } = report;
  const figures = evaluationFigures(report, pictures);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(model)} under attack – Saddlepoint</title>
<style>${styleSheet}</style>
</head>
<body>
<main>
<header>
<h1>${escaped(model)} under attack</h1>
<p class="reference">${examples} test examples of ${escaped(data)}, ${escaped(norm)}, ε = ${formatNumber(epsilon)}</p>
${verdict(report)}
</header>
<h2>Can it be believed?</h2>
${doubts(report)}
<h2>Figures</h2>
<div class="figures">
${figures.map(figureHtml).join("\n")}
</div>
<h2>Set-up</h2>
${particulars(report, command)}
</main>
</body>
</html>
`;
}

function verdict({ robust, clean, seconds, date, masking }: EvaluationReport): string {
  const [low, high] = robust.interval;
  const doubtful = (masking?.symptoms.length ?? 0) > 0;
  return (
    `<div class="verdict${doubtful ? " contrary" : ""}"><b>${percent(robust.value)} robust</b>` +
    `<span>95 % interval ${percent(low)} – ${percent(high)}; ${percent(clean.value)} without an adversary</span>` +
    `${doubtful ? '<span class="bad">signs of gradient masking</span>' : ""}` +
    `<span>${formatDuration(seconds)}, ${date.slice(0, 10)}</span></div>`
  );
}

function doubts({ masking, soundness }: EvaluationReport): string {
  const checked = `<p>${soundness.witnesses} adversarial points were read back from disk and checked: distance, input domain and prediction hold for each.</p>`;
  if (!masking) return `${checked}<p>Gradient masking was not looked for.</p>`;
  if (masking.symptoms.length === 0)
    return `${checked}<p>${masking.probed} examples were probed for gradient masking; no sign of it was found. What no attack broke may still be broken by another: robust accuracy is an upper bound.</p>`;
  const rows = masking.symptoms.map(
    ({ sign, evidence, remedy }) => `<tr><td class="id">${escaped(sign)}</td><td>${escaped(evidence)}</td><td>${escaped(remedy)}</td></tr>`,
  );
  return `${checked}<p class="bad">The robust accuracy above is likely too high:</p>
<div class="scroll"><table class="claims"><thead><tr><th>Sign</th><th>Measured</th><th>What to do</th></tr></thead><tbody>${rows.join("\n")}</tbody></table></div>`;
}

/** Curve, attacks, classes, distances and gallery as figures. */
export function evaluationFigures(report: EvaluationReport, pictures: readonly BrokenPicture[]): Figure[] {
  return [curveFigure(report), attackFigure(report), classFigure(report), ...distanceFigure(report), ...galleryFigure(pictures)];
}

function curveFigure({ curve, clean, distances, norm }: EvaluationReport): Figure {
  const points = [{ epsilon: 0, robust: clean }, ...curve];
  const at = points.map(({ epsilon }) => epsilon);
  const found = distances ? [{ name: "by minimum-norm attacks", ...standingCurve(distances.values, at) }] : [];
  return {
    kind: "chart",
    title: "Robust accuracy against ε",
    caption: "All attacks together, with Wilson’s 95 % interval; at 0 the accuracy without an adversary. Every curve is an upper bound.",
    x: { label: `ε (${norm}, input units)` },
    y: { label: "robust accuracy" },
    series: [
      {
        name: "all attacks",
        x: at,
        y: points.map(({ robust }) => robust.value),
        low: points.map(({ robust }) => robust.interval[0]),
        high: points.map(({ robust }) => robust.interval[1]),
      },
      { name: "evaluated", x: at, y: points.map(({ robust }) => robust.value), mark: "points" },
      ...found,
    ],
  };
}

function standingCurve(values: readonly (number | null)[], at: readonly number[]): { x: number[]; y: number[] } {
  const end = Math.max(...at);
  const x = Array.from({ length: 101 }, (_, i) => (end * i) / 100);
  return { x, y: x.map((epsilon) => values.filter((value) => value === null || value > epsilon).length / values.length) };
}

function attackFigure({ attacks, epsilon }: EvaluationReport): Figure {
  return {
    kind: "table",
    title: "Attacks",
    caption: `In the order in which they ran at ε = ${formatNumber(epsilon)}; each saw what still stood.`,
    columns: ["attack", "attempted", "broken", "forward evaluations", "gradients", "time"],
    rows: attacks.map((a) => [a.attack, a.attempted, a.broken, a.forwardEvaluations, a.gradientEvaluations, formatDuration(a.seconds)]),
  };
}

function classFigure({ classes }: EvaluationReport): Figure {
  return {
    kind: "table",
    title: "Classes",
    caption: "Shares of each class that are classified correctly, without and with the adversary.",
    columns: ["class", "examples", "clean", "robust"],
    rows: classes.map(({ name, examples, clean, robust }) => [name, examples, percent(clean), percent(robust)]),
  };
}

function distanceFigure({ distances }: EvaluationReport): Figure[] {
  if (!distances) return [];
  return [
    {
      kind: "table",
      title: `Least perturbations that were found, ${distances.norm}`,
      caption: `By ${distances.attacks.join(" and ")}, over the examples that are classified correctly.`,
      columns: Object.keys(distances.quantiles).map((share) => `${100 * Number(share)} %`),
      rows: [Object.values(distances.quantiles).map((value) => (value === null ? "none found" : formatNumber(value)))],
    },
  ];
}

function galleryFigure(pictures: readonly BrokenPicture[]): Gallery[] {
  if (pictures.length === 0) return [];
  const images = pictures.flatMap(({ index, shape, original, adversarial, before, after, attack }) => {
    const δ = adversarial.map((v, i) => v - original[i]);
    const most = Math.max(...δ.map(Math.abs), 1e-12);
    return [
      { label: before, shape, pixels: original },
      { label: `#${index}, ${attack}`, shape, pixels: δ.map((v) => 0.5 + v / (2 * most)) },
      { label: after, shape, pixels: adversarial },
    ];
  });
  return [
    {
      kind: "gallery",
      title: "Broken examples",
      caption:
        "In threes: the input, the perturbation (grey is 0, scaled to the largest change) and the adversarial point, with class and confidence.",
      images,
    },
  ];
}

function particulars(
  { seed, machine, seconds, examplesPerSecond, epoch, notes, remarks, note, date }: EvaluationReport,
  command: string,
): string {
  const words = [note, ...notes, ...remarks].filter((word) => word !== undefined);
  const entries: [string, string][] = [
    ["Command", `<code>${escaped(command)}</code>`],
    ["Seed", String(seed)],
    ...(epoch === undefined ? [] : [["Weights of epoch", String(epoch)] as [string, string]]),
    ...(words.length > 0 ? [["Remarks", words.map(escaped).join("; ")] as [string, string]] : []),
    ["Computing time", `${formatDuration(seconds)}, ${formatNumber(examplesPerSecond, 3)} examples per second`],
    ["Machine", escaped(Object.values(machine).join(", "))],
    ["Finished", escaped(date.replace("T", " ").slice(0, 16))],
  ];
  return `<dl>${entries.map(([name, value]) => `<dt>${name}</dt><dd>${value}</dd>`).join("\n")}</dl>`;
}

function percent(value: number): string {
  return `${(100 * value).toFixed(1)} %`;
}
