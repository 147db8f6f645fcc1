/** Figures as data: what is to be seen, not how it is drawn. The report floor draws them. */

/** One named curve, point cloud or set of bars. */
export interface Series {
  name: string;
  x: readonly number[];
  y: readonly number[];
  /** A band around the curve (confidence, spread over seeds). */
  low?: readonly number[];
  high?: readonly number[];
  /** Default "line". A "reference" is drawn dashed and grey (a theory's slope, a bound). */
  mark?: "line" | "points" | "bars" | "reference";
}

export interface Axis {
  label: string;
  scale?: "linear" | "log";
}

/** Curves, points or bars over common axes. */
export interface Chart {
  kind: "chart";
  title: string;
  /** What the reader should see, and how the numbers were made. */
  caption: string;
  x: Axis;
  y: Axis;
  series: readonly Series[];
}

/** Values on a regular grid (a loss landscape, a kernel matrix), with paths drawn over it. */
export interface HeatMap {
  kind: "heatmap";
  title: string;
  caption: string;
  x: Axis & { values: readonly number[] };
  y: Axis & { values: readonly number[] };
  /** values[row][column] at (x.values[column], y.values[row]). */
  values: readonly (readonly number[])[];
  paths?: readonly Series[];
}

/** Numbers a reader wants to read rather than see. */
export interface Table {
  kind: "table";
  title: string;
  caption: string;
  columns: readonly string[];
  rows: readonly (readonly (string | number)[])[];
}

/** Grey or RGB pictures side by side, each [channels, height, width] in 0..1. */
export interface Gallery {
  kind: "gallery";
  title: string;
  caption: string;
  images: readonly { label: string; shape: readonly [number, number, number]; pixels: readonly number[] }[];
}

export type Figure = Chart | HeatMap | Table | Gallery;
