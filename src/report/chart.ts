/** Charts: lines, bands, points, bars and dashed references over common axes, with the legend above. */
import * as Plot from "@observablehq/plot";
import type { Axis, Chart, Series } from "../papers/figure.ts";
import { axisScale, drawable } from "./axis.ts";
import { compose, type Drawing, plot, round, text, textWidth } from "./svg.ts";
import { colour, seriesColour } from "./theme.ts";

const WIDTH = 560;
const HEIGHT = 320;
const DASHES = ["6 4", "2 3", "10 3 2 3"];

/** A series with its look. */
interface Styled extends Series {
  mark: NonNullable<Series["mark"]>;
  ink: string;
  dash?: string;
}

interface Point {
  x: number;
  y: number;
  low: number;
  high: number;
}

/** Draws a chart. Values without a place on its axes (NaN, or ≤ 0 on a logarithm) are left out; `undrawn` counts them. */
export function drawChart({ x, y, series }: Chart): Drawing {
  const styled = style(series);
  const bars = barLayout(styled, x);
  const scaleX = axisScale(x, [...styled.flatMap((one) => [...one.x]), ...bars.edges]);
  const scaleY = axisScale(y, [
    ...styled.flatMap((one) => [...one.y, ...(one.low ?? []), ...(one.high ?? [])]),
    ...(bars.width > 0 ? [0] : []),
  ]);
  const base = y.scale === "log" ? scaleY.domain[0] : 0;
  const marks = styled.flatMap((one) => marksOf(one, x, y, bars, base));
  const body = plot({
    width: WIDTH,
    height: HEIGHT,
    marginTop: 26,
    marginLeft: 52,
    marginRight: 12,
    marginBottom: 42,
    style: { fontFamily: "inherit" },
    x: scaleX.scale,
    y: scaleY.scale,
    marks: [
      Plot.gridY(scaleY.ticks, { stroke: colour("line"), strokeOpacity: 1 }),
      Plot.gridX(scaleX.ticks, { stroke: colour("line"), strokeOpacity: 0.6 }),
      Plot.axisX(scaleX.ticks, { text: scaleX.text, tickSize: 4, label: null }),
      Plot.axisY(scaleY.ticks, { text: scaleY.text, tickSize: 0, label: null }),
      ...marks,
    ],
  });
  const labels =
    text(4, 12, y.label, `text-anchor="start" font-size="11.5" fill="${colour("muted")}"`) +
    text(WIDTH / 2 + 20, HEIGHT - 6, x.label, `font-size="11.5" fill="${colour("muted")}"`);
  const legend = drawLegend(styled);
  return compose(WIDTH, HEIGHT + legend.height, [
    { x: 0, y: 0, drawing: legend },
    { x: 0, y: legend.height, drawing: { ...body, content: body.content + labels } },
  ]);
}

/** How many values of the chart cannot be drawn on its axes. */
export function undrawn({ x, y, series }: Chart): number {
  return series.reduce((sum, one) => sum + one.y.filter((value, i) => !drawable(value, y) || !drawable(one.x[i], x)).length, 0);
}

/** References are grey and told apart by their dashes; the others have the colours. */
export function style(series: readonly Series[]): Styled[] {
  const coloured = series.filter((one) => one.mark !== "reference").length;
  let [ink, dash] = [0, 0];
  return series.map((one) =>
    one.mark === "reference"
      ? { ...one, mark: one.mark, ink: colour("reference"), dash: DASHES[dash++ % DASHES.length] }
      : { ...one, mark: one.mark ?? "line", ink: seriesColour(ink++, coloured) },
  );
}

/** Bars of several series stand side by side; a group is as wide as the least distance of two groups. */
function barLayout(series: readonly Styled[], axis: Axis): { barred: Styled[]; width: number; edges: number[] } {
  const barred = series.filter(({ mark }) => mark === "bars");
  const at = [...new Set(barred.flatMap(({ x }) => [...x].filter((value) => drawable(value, axis))))].sort((a, b) => a - b);
  if (at.length === 0) return { barred, width: 0, edges: [] };
  const gap = at.slice(1).reduce((least, value, i) => Math.min(least, value - at[i]), Number.POSITIVE_INFINITY);
  const width = 0.86 * (Number.isFinite(gap) ? gap : 1);
  return { barred, width, edges: [at[0] - width / 2, at[at.length - 1] + width / 2] };
}

function marksOf(series: Styled, x: Axis, y: Axis, bars: ReturnType<typeof barLayout>, base: number): Plot.Markish[] {
  const { mark, ink, dash, low, high } = series;
  const points: Point[] = Array.from(series.y, (value, i) => ({
    x: series.x[i],
    y: value,
    low: low?.[i] ?? value,
    high: high?.[i] ?? value,
  }));
  const shown = points.filter((point) => drawable(point.x, x) && drawable(point.y, y));
  const banded = low || high ? shown.filter((point) => drawable(point.low, y) && drawable(point.high, y)) : [];
  const whiskers = Plot.ruleX(banded, { x: "x", y1: "low", y2: "high", stroke: ink, strokeWidth: 1.2 });
  switch (mark) {
    case "line":
    case "reference": {
      // A point without a place breaks the line.
      const broken = points.map((point) => (drawable(point.x, x) && drawable(point.y, y) ? point : { ...point, y: Number.NaN }));
      return [
        Plot.areaY(banded, { x: "x", y1: "low", y2: "high", fill: ink, fillOpacity: 0.16 }),
        Plot.line(broken, { x: "x", y: "y", stroke: ink, strokeWidth: mark === "line" ? 1.9 : 1.4, strokeDasharray: dash }),
        ...(mark === "line" && shown.length <= 12 ? [Plot.dot(shown, { x: "x", y: "y", fill: ink, r: 2.6 })] : []),
      ];
    }
    case "points": {
      const many = shown.length > 200;
      return [whiskers, Plot.dot(shown, { x: "x", y: "y", fill: ink, fillOpacity: many ? 0.45 : 0.85, r: many ? 1.7 : 3 })];
    }
    case "bars": {
      const width = bars.width / bars.barred.length;
      const left = -bars.width / 2 + bars.barred.indexOf(series) * width;
      const rects = shown.map((point) => ({
        ...point,
        x1: point.x + left,
        x2: point.x + left + width,
        centre: point.x + left + width / 2,
      }));
      return [
        Plot.rectY(rects, { x1: "x1", x2: "x2", y1: () => base, y2: "y", fill: ink, fillOpacity: 0.85, insetLeft: 0.5, insetRight: 0.5 }),
        Plot.ruleX(banded.length > 0 ? rects : [], { x: "centre", y1: "low", y2: "high", stroke: colour("text"), strokeWidth: 1 }),
      ];
    }
  }
}

/** The names of the series, wrapped to the width; nothing for a single curve, which the title names. */
export function drawLegend(series: readonly Styled[], width = WIDTH): Drawing {
  if (series.length < 2) return { width, height: 0, content: "" };
  let [left, top, content] = [4, 9, ""];
  for (const one of series) {
    const needed = 26 + textWidth(one.name) + 16;
    if (left > 4 && left + needed > width) [left, top] = [4, top + 17];
    content += swatch(one, left, top) + text(left + 24, top + 4, one.name, 'text-anchor="start"');
    left += needed;
  }
  return { width, height: top + 12, content };
}

function swatch({ mark, ink, dash }: Styled, x: number, y: number): string {
  if (mark === "points") return `<circle cx="${round(x + 9)}" cy="${y}" r="3.5" fill="${ink}"/>`;
  if (mark === "bars") return `<rect x="${round(x + 3)}" y="${y - 5}" width="12" height="10" rx="1.5" fill="${ink}"/>`;
  return `<line x1="${round(x)}" x2="${round(x + 18)}" y1="${y}" y2="${y}" stroke="${ink}" stroke-width="2.2"${dash ? ` stroke-dasharray="${dash}"` : ""}/>`;
}
