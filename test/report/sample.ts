/** Figures of every kind, with the awkward cases in them: zeros on a logarithm, gaps, an uneven grid, names that need escaping. */
import type { Chart, Figure, Gallery, HeatMap, Table } from "../../src/papers/figure.ts";
import { key, normal } from "../../src/tensor/random.ts";

const range = (count: number, from = 0, step = 1) => Array.from({ length: count }, (_, i) => from + i * step);
const noise = normal(key(1), [400]).data;

export const curves: Chart = {
  kind: "chart",
  title: "Robust error over training",
  caption: "Mean and spread of three seeds; the dashed line is the bound of theorem 2.",
  x: { label: "epoch" },
  y: { label: "robust error" },
  series: [
    { name: "standard", x: range(21), y: range(21).map((t) => 0.85 + 0.1 * Math.exp(-t / 5)) },
    ...["PGD-10", "dynamic", "trades"].map((name, k) => {
      const y = range(21).map((t) => 0.18 + 0.05 * k + 0.6 * Math.exp(-t / (4 + k)) + 0.008 * noise[21 * k + t]);
      return { name, x: range(21), y, low: y.map((v) => v - 0.02 - 0.01 * k), high: y.map((v) => v + 0.02 + 0.01 * k) };
    }),
    { name: "bound", x: [0, 20], y: [0.12, 0.12], mark: "reference" as const },
  ],
};

export const logarithmic: Chart = {
  kind: "chart",
  title: "Weak error over step size",
  caption: "Slope 1 for Euler’s scheme.",
  x: { label: "step size η", scale: "log" },
  y: { label: "|E f(θ) − E f(X)|", scale: "log" },
  series: [
    {
      name: "measured",
      mark: "points",
      x: range(8).map((i) => 2 ** -i),
      y: range(8).map((i) => (i === 7 ? 0 : 3e-3 * 2 ** (-i + 0.1 * noise[i]))),
      low: range(8).map((i) => 2.4e-3 * 2 ** -i),
      high: range(8).map((i) => 3.8e-3 * 2 ** -i),
    },
    { name: "slope 1", mark: "reference", x: [1, 2 ** -7], y: [3e-3, 3e-3 * 2 ** -7] },
    { name: "slope 2", mark: "reference", x: [1, 2 ** -7], y: [3e-3, 3e-3 * 2 ** -14] },
  ],
};

export const bars: Chart = {
  kind: "chart",
  title: "Distribution of FOSC at the last epoch",
  caption: "Histogram over 1,000 test images.",
  x: { label: "FOSC" },
  y: { label: "examples" },
  series: ["standard", "dynamic"].map((name, k) => ({
    name,
    mark: "bars" as const,
    x: range(12, 0.025, 0.05),
    y: range(12).map((i) => Math.round(300 * Math.exp(-i / (2 + 2 * k)))),
  })),
};

export const cloud: Chart = {
  kind: "chart",
  title: "Alignment <by rank> & ε",
  caption: "A cloud with its diagonal.",
  x: { label: "predicted" },
  y: { label: "measured" },
  series: [
    { name: "examples", mark: "points", x: [...noise], y: [...noise].map((v, i) => v + 0.3 * noise[(7 * i) % 400]) },
    { name: "y = x", mark: "reference", x: [-3, 3], y: [-3, 3] },
  ],
};

export const family: Chart = {
  kind: "chart",
  title: "Many series are an ordered family",
  caption: "Twelve temperatures.",
  x: { label: "t" },
  y: { label: "loss", scale: "log" },
  series: range(12).map((k) => ({
    name: `T = ${k + 1}`,
    x: range(40, 0, 0.1),
    y: range(40, 0, 0.1).map((t) => 1e-8 + Math.exp(-t * (k + 1))),
  })),
};

export const landscape: HeatMap = {
  kind: "heatmap",
  title: "Loss landscape with the attack’s path",
  caption: "The adversarial direction and a random one.",
  x: { label: "adversarial direction", values: range(41, -1, 0.05) },
  y: { label: "random direction", values: range(31, -1, 1 / 15) },
  values: range(31, -1, 1 / 15).map((b) => range(41, -1, 0.05).map((a) => Math.exp(1.5 * a) * (1 + 0.4 * Math.sin(3 * b)) + b * b)),
  paths: [
    { name: "PGD", x: [0, 0.2, 0.5, 0.9], y: [0, 0.1, 0.3, 0.4] },
    { name: "stopped", mark: "points", x: [0.9], y: [0.4] },
  ],
};

export const uneven: HeatMap = {
  kind: "heatmap",
  title: "Signed values on an uneven grid",
  caption: "Steps grow tenfold; one cell is missing.",
  x: { label: "width m", scale: "log", values: [10, 30, 100, 1000] },
  y: { label: "ε", values: [0, 0.1, 0.3] },
  values: [
    [-2, -1, 0, 1],
    [-1, 0, 1, 2],
    [0, 1, Number.NaN, 3],
  ],
};

export const table: Table = {
  kind: "table",
  title: "Accuracy by attack",
  caption: "Mean of three seeds in per cent.",
  columns: ["defense", "clean", "PGD-20", "time"],
  rows: [
    ["standard", 99.2, 0, "12 s"],
    ["dynamic <c_t>", 98.123456, 93.1, "4 min"],
  ],
};

export const gallery: Gallery = {
  kind: "gallery",
  title: "Adversarial examples",
  caption: "Above the images, below what was added.",
  images: range(16).map((k) => ({
    label: k % 2 ? `${k} → ${(k + 3) % 10}` : "a label that is too long for its picture",
    shape: k < 12 ? ([1, 28, 28] as const) : ([3, 8, 8] as const),
    pixels: range(k < 12 ? 784 : 192).map((i) =>
      k < 12 ? Math.max(0, 1 - Math.abs(Math.hypot((i % 28) - 14, Math.floor(i / 28) - 14) - 4 - k / 2) / 2) : ((i * (k + 1)) % 64) / 63,
    ),
  })),
};

export const figures: readonly Figure[] = [curves, logarithmic, bars, cloud, family, landscape, uneven, table, gallery];
