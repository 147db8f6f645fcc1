/** The laboratory's figures: loss curves with their guarantees, width curves, distances from initialization, norms, errors and spectra. */
import type { Chart, Figure, Series, Table } from "../figure.ts";
import type { Lab } from "./experiment.ts";
import type { WidthRow } from "./studies/width.ts";
import { figure, groups, medianWidth, widthMeans } from "./summary.ts";
import { regretBound } from "./theory.ts";

export function figures(lab: Lab): readonly Figure[] {
  return [
    guarantee(lab),
    convergence(lab),
    linearization(lab),
    displacement(lab),
    ...existence(lab),
    capacity(lab),
    shattering(lab),
    ...spectra(lab),
  ];
}

/** Surrogate losses of the linearized network under every attack, and the guarantee that holds for all of them. */
function guarantee({ regret }: Lab): Chart {
  const [{ activation, α }] = regret.filter((row) => row.attack === "PGD-20").slice(-1);
  const rows = regret.filter((row) => row.activation === activation && row.α === α);
  const G = Math.max(...rows.map((row) => row.G));
  const { reference, every, losses } = rows[0];
  const steps = losses.map((_, i) => 1 + i * every);
  return {
    kind: "chart",
    title: "Least surrogate loss, and what the regret bound guarantees for any attack",
    caption: `Projected gradient descent on the linearized two-layer network (${activation}, α = ${α}). The dashed curve is L_*(W) + ‖W − W₀‖²/(2αT) + αG²/2 for the best robust network W found in the ball, the level L_*(W) itself is the lower dashed line. No attack's curve may lie above the guarantee, which claim N1 checks.`,
    x: { label: "steps T", scale: "log" },
    y: { label: "min over t < T of L_A(W_t)", scale: "log" },
    series: [
      ...rows.map((row): Series => ({ name: row.attack, x: steps, y: row.losses })),
      {
        name: "guarantee",
        mark: "reference",
        x: steps,
        y: steps.map((T) => reference.robustLoss + regretBound({ distance: reference.distance, α, T, G })),
      },
      {
        name: "L_* of the comparator",
        mark: "reference",
        x: [steps[0], steps[steps.length - 1]],
        y: [reference.robustLoss, reference.robustLoss],
      },
    ],
  };
}

function convergence({ convergence }: Lab): Chart {
  const R = convergence[0].R;
  const rows = convergence.filter((row) => row.R === R);
  const last = rows[0].losses.length;
  return {
    kind: "chart",
    title: "Training with an attack converges to the robust loss of the ball",
    caption: `The two-layer network itself (quadratic ReLU) in the ball of radius ${R}, trained and judged by the same attack. Dashed: the robust loss of the best network that PGD-20 training of five times the length found in the ball.`,
    x: { label: "steps", scale: "log" },
    y: { label: "least surrogate loss so far", scale: "log" },
    series: [
      ...rows.map((row): Series => ({ name: row.attack, x: row.losses.map((_, t) => t + 1), y: row.losses })),
      { name: "L_*(W_ref)", mark: "reference", x: [1, last], y: [rows[0].reference, rows[0].reference] },
    ],
  };
}

function linearization({ linearization }: Lab): Chart {
  return {
    kind: "chart",
    title: "Linearization error against width",
    caption:
      "The largest |f − f_lin| that ascent finds in a ball of fixed radius (of radius R/√m for the deep network). Dashed: the bound CR²/(2√m), which is attained to rounding for quadratic ReLU and nearly so for softplus.",
    x: { label: "width m", scale: "log" },
    y: { label: "worst |f − f_lin|", scale: "log" },
    series: groups(linearization, ({ network }) => network).flatMap(([name, rows]): Series[] => {
      const [x, bounded] = [rows.map(({ m }) => m), rows.filter(({ bound }) => bound !== undefined)];
      const points: Series = { name, x, y: rows.map(({ error }) => error), mark: "points" };
      if (bounded.length === 0) return [points];
      return [points, { name: `bound, ${name}`, x, y: bounded.map(({ bound }) => bound ?? 0), mark: "reference" }];
    }),
  };
}

function displacement({ widths }: Lab): Chart {
  const byArchitecture = groups(widths, ({ architecture }) => architecture);
  return {
    kind: "chart",
    title: "Distance from initialization against width",
    caption:
      "After adversarial training (PGD-5) of equal length: means over draws of data and network. In the two-layer scaling the displacement does not depend on the width and ‖W₀‖ grows as √m; in the deep network's it falls as m^{-1/2}. Dashed: slope −1/2.",
    x: { label: "width m", scale: "log" },
    y: { label: "‖W_T − W₀‖, its ratio to ‖W₀‖, ‖K̂_T − K̂_0‖/‖K̂_0‖", scale: "log" },
    series: byArchitecture.flatMap(([name, rows], i): Series[] => {
      const means = (quantity: (row: WidthRow) => number) => widthMeans(rows, quantity).map(({ mean }) => mean);
      const x = widthMeans(rows, ({ m }) => m).map(({ m }) => m);
      const [displacements, relatives] = [means((row) => row.displacement), means((row) => row.relative)];
      const falling = i === 0 ? relatives[0] : displacements[0];
      return [
        { name: `${name}: displacement`, x, y: displacements },
        { name: `${name}: relative`, x, y: relatives },
        { name: `${name}: change of the tangent kernel`, x, y: means((row) => row.kernelChange) },
        { name: `slope −1/2 from ${falling.toPrecision(2)}`, x, y: x.map((m) => falling * Math.sqrt(x[0] / m)), mark: "reference" },
      ];
    }),
  };
}

function existence({ norms, finite }: Lab): Chart[] {
  const x = finite.map(({ m }) => m);
  return [
    {
      kind: "chart",
      title: "The radius that robustness needs",
      caption:
        "Least RKHS norm (quadratic ReLU kernel, closed form) of a function within 0.1 of the labels on all sampled points of the caps, against their radius relative to half the separation of opposite labels. Each value is certified by its dual.",
      x: { label: "δ / half separation" },
      y: { label: "required norm R", scale: "log" },
      series: [{ name: "least norm", x: norms.map(({ fraction }) => fraction), y: norms.map(({ norm }) => norm) }],
    },
    {
      kind: "chart",
      title: "Finite networks with the weights that the kernel prescribes",
      caption:
        "Error of f_lin on fresh points of the caps against the kernel's function, and the robust loss of the network itself, with its displacement (of length about ‖g‖) as it is and scaled by 4: outputs near ±1 cannot have a logistic loss near zero. Dashed: slope −1/2.",
      x: { label: "width m", scale: "log" },
      y: { label: "error, robust loss", scale: "log" },
      series: [
        { name: "RMS |f_lin − g|", x, y: finite.map(({ rms }) => rms) },
        { name: "max |f_lin − g|", x, y: finite.map(({ maximum }) => maximum) },
        { name: "robust loss of the network", x, y: finite.map(({ robustLoss }) => robustLoss) },
        { name: "robust loss, displacement ×4", x, y: finite.map(({ scaledRobustLoss }) => scaledRobustLoss) },
        { name: "slope −1/2", x, y: x.map((m) => finite[0].rms * Math.sqrt(x[0] / m)), mark: "reference" },
      ],
    },
  ];
}

function capacity({ capacity }: Lab): Chart {
  return {
    kind: "chart",
    title: "Width needed for plain and for robust interpolation",
    caption: `Least width at which a two-layer ReLU network was trained to fit random labels at the points (δ = 0) or on balls of radius δ around them, opposite labels being 2 apart: median over ${capacity[0].widths.length} data sets. Counting parameters, up to constants: n/d at δ = 0, n/log(nd) on balls that nearly touch.`,
    x: { label: "radius δ of the balls" },
    y: { label: "least width", scale: "log" },
    series: groups(
      capacity.filter((row) => Number.isFinite(medianWidth(row))),
      ({ d }) => `d = ${d}`,
    ).map(([name, rows]) => ({ name, x: rows.map(({ δ }) => δ), y: rows.map(medianWidth) })),
  };
}

function shattering({ shattering }: Lab): Table {
  return {
    kind: "table",
    title: "Robust interpolators of one pair shatter d points",
    caption:
      "Over random labellings: labels missed by classifiers that are right on both balls (affine; up to d = 10 also two-layer networks that an attack found robust), and by one trained on the two centres only.",
    columns: [
      "d",
      "labellings",
      "geometry error",
      "margin, w = y",
      "missed",
      "margin, trained",
      "missed",
      "robust networks",
      "missed",
      "missed without robustness",
      "points from many pairs",
      "missed",
    ],
    rows: shattering.map((row) => [
      row.d,
      row.labellings,
      figure(row.geometryError),
      figure(row.exactMargin),
      row.exactMissed,
      figure(row.trainedMargin),
      row.trainedMissed,
      row.networks > 0 ? `${row.robustNetworks} of ${row.networks}` : "–",
      row.networks > 0 ? row.networkMissed : "–",
      figure(row.plainMissed),
      row.manyPoints,
      row.manyMissed,
    ]),
  };
}

function spectra({ spectra }: Lab): Chart[] {
  const widest = spectra[0].widths;
  const distances: Chart = {
    kind: "chart",
    title: "Empirical tangent kernels tend to the analytic ones",
    caption: "Relative Frobenius distance on the same points, root mean square over draws of the network. Dashed: slope −1/2.",
    x: { label: "width m", scale: "log" },
    y: { label: "‖K̂ − K‖ / ‖K‖", scale: "log" },
    series: [
      ...spectra.map(({ architecture, widths, distances }): Series => ({ name: architecture, x: widths, y: distances })),
      { name: "slope −1/2", x: widest, y: widest.map((m) => spectra[0].distances[0] * Math.sqrt(widest[0] / m)), mark: "reference" },
    ],
  };
  const shown = [spectra.find(({ architecture }) => architecture.endsWith("quadratic ReLU")), spectra[spectra.length - 1]];
  const eigenvalues = shown.flatMap((row): Chart[] => {
    if (!row) return [];
    const index = row.analytic.map((_, i) => i + 1);
    return [
      {
        kind: "chart",
        title: `Spectrum of the tangent kernel: ${row.architecture}`,
        caption: "Eigenvalues of the kernel matrix on random points of the sphere S⁵: analytic, and of one network of each width.",
        x: { label: "index" },
        y: { label: "eigenvalue", scale: "log" },
        series: [
          { name: "analytic", x: index, y: row.analytic, mark: "reference" },
          ...row.empirical.map((spectrum, i): Series => {
            const positive = index.filter((k) => spectrum[k - 1] > 0);
            return { name: `m = ${row.widths[i]}`, x: positive, y: positive.map((k) => spectrum[k - 1]), mark: "points" };
          }),
        ],
      },
    ];
  });
  return [distances, ...eigenvalues];
}
