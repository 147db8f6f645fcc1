/** Heat maps: values on a grid as colours, with their scale at the side and paths drawn over them. */
import * as Plot from "@observablehq/plot";
import { encode } from "fast-png";
import type { Axis, HeatMap } from "../papers/figure.ts";
import { axisScale, drawable } from "./axis.ts";
import { drawLegend, style } from "./chart.ts";
import { compose, type Drawing, plot, text } from "./svg.ts";
import { colour } from "./theme.ts";

const WIDTH = 560;
const MARGINS = { marginTop: 10, marginRight: 10, marginBottom: 42, marginLeft: 56 };
const MAP_WIDTH = 480;
const INNER_WIDTH = MAP_WIDTH - MARGINS.marginLeft - MARGINS.marginRight;

/** Draws a heat map; a square one where both axes are linear and as long, so that a ball is a circle. The grid need not be even: a pixel has the colour of the grid point that is nearest on the axes. Values that are not finite stay empty. */
export function drawHeatMap({ x, y, values, paths = [] }: HeatMap): Drawing {
  const cells = { x: edges(x.values, x), y: edges(y.values, y) };
  const scaleX = axisScale(x, cells.x.ends, { flush: true });
  const scaleY = axisScale(y, cells.y.ends, { flush: true });
  const finite = values.flat().filter(Number.isFinite);
  const colours = colourScale(finite);
  const image = raster(
    cells.x.boundaries,
    cells.y.boundaries,
    (row, column) => values[cells.y.order[row]]?.[cells.x.order[column]] ?? Number.NaN,
    colours.rgb,
  );
  const styled = style(paths);
  const innerHeight = asLong(x, cells.x.ends, y, cells.y.ends) ? INNER_WIDTH : 328;
  const height = innerHeight + MARGINS.marginTop + MARGINS.marginBottom;
  const map = plot({
    ...MARGINS,
    width: MAP_WIDTH,
    height,
    style: { fontFamily: "inherit" },
    x: scaleX.scale,
    y: scaleY.scale,
    marks: [
      Plot.axisX(scaleX.ticks, { text: scaleX.text, tickSize: 4, label: null }),
      Plot.axisY(scaleY.ticks, { text: scaleY.text, tickSize: 4, label: null }),
      filling(image, { width: INNER_WIDTH, height: innerHeight }),
      ...styled.flatMap(({ ink, mark, dash, ...path }) => {
        const points = Array.from(path.y, (value, i) => ({ x: path.x[i], y: value })).filter(
          (point) => drawable(point.x, x) && drawable(point.y, y),
        );
        if (mark === "points") return [Plot.dot(points, { x: "x", y: "y", fill: ink, stroke: "white", r: 3.2 })];
        const line = { x: "x", y: "y", strokeLinejoin: "round", strokeDasharray: dash } as const;
        return [
          Plot.line(points, { ...line, stroke: "white", strokeWidth: 3.6, strokeOpacity: 0.85 }),
          Plot.line(points, { ...line, stroke: ink, strokeWidth: 1.9 }),
        ];
      }),
    ],
  });
  const muted = `font-size="11.5" fill="${colour("muted")}"`;
  const labels =
    text(MARGINS.marginLeft + INNER_WIDTH / 2, height - 6, x.label, muted) +
    text(0, 0, y.label, `${muted} transform="translate(11,${MARGINS.marginTop + innerHeight / 2}) rotate(-90)"`);
  const legend = drawLegend(styled, WIDTH);
  return compose(WIDTH, height + legend.height, [
    { x: 0, y: 0, drawing: legend },
    { x: 0, y: legend.height, drawing: { ...map, content: map.content + labels } },
    { x: MAP_WIDTH, y: legend.height, drawing: drawScale(colours, height) },
  ]);
}

/** Whether a unit should be as long on one axis as on the other. */
function asLong(x: Axis, [left, right]: readonly number[], y: Axis, [bottom, top]: readonly number[]): boolean {
  return x.scale !== "log" && y.scale !== "log" && Math.abs((right - left) / (top - bottom) - 1) < 0.01;
}

/** The coloured bar with its numbers. */
function drawScale({ domain, rgb }: ColourScale, height: number): Drawing {
  const [low, high] = domain;
  const bar = raster(
    [0, 1],
    Array.from({ length: 129 }, (_, i) => i / 128),
    (row) => low + ((row + 0.5) / 128) * (high - low),
    rgb,
  );
  const { scale, ticks, text } = axisScale({ label: "" }, domain, { flush: true });
  return plot({
    width: WIDTH - MAP_WIDTH,
    height,
    marginTop: MARGINS.marginTop,
    marginBottom: MARGINS.marginBottom,
    marginLeft: 6,
    marginRight: 58,
    style: { fontFamily: "inherit" },
    x: { domain: [0, 1], axis: null },
    y: scale,
    marks: [
      Plot.axisY(ticks, { anchor: "right", text, tickSize: 4, label: null }),
      filling(bar, { width: WIDTH - MAP_WIDTH - 64, height: height - MARGINS.marginTop - MARGINS.marginBottom }),
    ],
  });
}

interface ColourScale {
  domain: [number, number];
  rgb(value: number): [number, number, number];
}

/** Sequential; diverging about zero where the values lie on both sides of it. */
function colourScale(finite: readonly number[]): ColourScale {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of finite) [low, high] = [Math.min(low, value), Math.max(high, value)];
  if (low > high) [low, high] = [0, 1];
  if (low === high) [low, high] = [low - 0.5, high + 0.5];
  const diverging = low < 0 && high > 0;
  const extent = Math.max(-low, high);
  const domain: [number, number] = diverging ? [-extent, extent] : [low, high];
  const scale = Plot.scale({ color: { type: "linear", domain: [0, LEVELS - 1], scheme: diverging ? "puor" : "viridis" } });
  const levels = Array.from({ length: LEVELS }, (_, level) => channels(String(scale?.apply(level))));
  return { domain, rgb: (value) => levels[Math.round(((value - domain[0]) / (domain[1] - domain[0])) * (LEVELS - 1))] };
}

const LEVELS = 256;

/** The three numbers of "rgb(1, 2, 3)" or "#010203". */
function channels(css: string): [number, number, number] {
  const [r, g, b] = css.startsWith("#")
    ? [1, 3, 5].map((at) => Number.parseInt(css.slice(at, at + 2), 16))
    : (css.match(/[\d.]+/g) ?? []).map(Number);
  return [r, g, b];
}

/** The cells along an axis in ascending order, and where they begin and end as fractions of it: half-way between neighbours as they are drawn. */
function edges(values: readonly number[], axis: Axis): { order: number[]; boundaries: number[]; ends: [number, number] } {
  const log = axis.scale === "log";
  const order = values.map((_, i) => i).sort((a, b) => values[a] - values[b]);
  const at = order.map((i) => (log ? Math.log(values[i]) : values[i]));
  const [first, last] = [at[0], at[at.length - 1]];
  const before = at.length > 1 ? (at[1] - first) / 2 : 0.5;
  const after = at.length > 1 ? (last - at[at.length - 2]) / 2 : 0.5;
  const bounds = [first - before, ...at.slice(1).map((value, i) => (value + at[i]) / 2), last + after];
  const [low, high] = [bounds[0], bounds[bounds.length - 1]];
  const back = log ? Math.exp : (value: number) => value;
  return { order, boundaries: bounds.map((value) => (value - low) / (high - low)), ends: [back(low), back(high)] };
}

/** A PNG of the cells, y upwards: one pixel a cell where they are even, otherwise as fine as the page shows. */
function raster(x: readonly number[], y: readonly number[], at: (row: number, column: number) => number, rgb: ColourScale["rgb"]): string {
  const columns = cellOfPixel(x);
  const rows = cellOfPixel(y).reverse();
  const data = new Uint8Array(4 * columns.length * rows.length);
  let i = 0;
  for (const row of rows) {
    for (const column of columns) {
      const value = at(row, column);
      if (Number.isFinite(value)) data.set([...rgb(value), 255], i);
      i += 4;
    }
  }
  return pngUri(encode({ width: columns.length, height: rows.length, data, channels: 4 }));
}

/** For every pixel along an axis the cell that it lies in. */
function cellOfPixel(boundaries: readonly number[]): number[] {
  const cells = boundaries.length - 1;
  const even = boundaries.every((boundary, i) => Math.abs(boundary - i / cells) < 1e-6);
  const count = even && cells >= INNER_WIDTH ? cells : INNER_WIDTH;
  let cell = 0;
  return Array.from({ length: count }, (_, i) => {
    while (cell < cells - 1 && (i + 0.5) / count > boundaries[cell + 1]) cell++;
    return cell;
  });
}

/** An image over the whole inner frame, whatever the scales are. */
function filling(src: string, size: { width: number; height: number }): Plot.Markish {
  return Plot.image([0], { src: () => src, frameAnchor: "middle", ...size, preserveAspectRatio: "none" });
}

/** A PNG as an address that can stand in a page. */
export function pngUri(bytes: Uint8Array): string {
  return `data:image/png;base64,${Buffer.from(bytes).toString("base64")}`;
}
