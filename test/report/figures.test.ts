import { fc, test } from "@fast-check/vitest";
import { Resvg } from "@resvg/resvg-js";
import { decode } from "fast-png";
import { describe, expect, it } from "vitest";
import type { Chart, Figure, Series } from "../../src/papers/figure.ts";
import { encodePicture, figureHtml, figurePng } from "../../src/report/index.ts";
import { bars, curves, figures, logarithmic, uneven } from "./sample.ts";

const svgOf = (figure: Figure) => figureHtml(figure).match(/<svg[\s\S]*<\/svg>/)?.[0] ?? "";

describe("every figure", () => {
  it.each(figures.map((figure) => [figure.title, figure] as const))("is a whole SVG or a table, escaped: %s", (_, figure) => {
    const html = figureHtml(figure);
    if (figure.kind === "table") expect(html).toContain("<td>dynamic &lt;c_t&gt;</td>");
    else expect(new Resvg(svgOf(figure)).width).toBeGreaterThan(300); // resvg refuses XML that is not well-formed
    expect(html).not.toMatch(/NaN|Infinity|undefined|<by rank>/);
  });

  it("has as many pixels as asked for", () => {
    const [one, two] = [1, 2].map((scale) => decode(figurePng(curves, scale)));
    expect(two.width).toBe(2 * one.width);
  });

  const value = fc.oneof(
    fc.double(),
    fc.constantFrom(0, -0, Number.NaN, Number.POSITIVE_INFINITY, 1e-300, -1e300, 5),
    fc.integer({ min: -3, max: 3 }),
  );
  const series = fc
    .tuple(
      fc.array(fc.tuple(value, value), { maxLength: 6 }),
      fc.constantFrom<Series["mark"]>("line", "points", "bars", "reference"),
      fc.boolean(),
    )
    .map(([points, mark, band]): Series => {
      const [x, y] = [points.map(([a]) => a), points.map(([, b]) => b)];
      return { name: "s", x, y, mark, ...(band && { low: y, high: x }) };
    });
  const scale = fc.constantFrom("linear" as const, "log" as const);
  test.prop([fc.array(series, { maxLength: 3 }), scale, scale], { numRuns: 60 })(
    "draws whatever numbers it gets, without a NaN in the drawing",
    (all, sx, sy) => {
      const html = figureHtml({
        kind: "chart",
        title: "t",
        caption: "c",
        x: { label: "x", scale: sx },
        y: { label: "y", scale: sy },
        series: all,
      });
      expect(html).not.toMatch(/NaN|Infinity|undefined/);
    },
  );
});

describe("chart", () => {
  it("places points linearly on a linear axis, y upwards", () => {
    const x = [0, 1, 2, 5, 13];
    const drawn = dots({ ...curves, series: [{ name: "p", mark: "points", x, y: [3, -1, 4, 1, 5] }] });
    expectAffine(
      x,
      drawn.map(([px]) => px),
      1,
    );
    expectAffine(
      [3, -1, 4, 1, 5],
      drawn.map(([, py]) => py),
      -1,
    );
  });

  it("places points by their logarithm on a logarithmic axis, and says which it left out", () => {
    const [series] = logarithmic.series;
    const drawn = dots({ ...logarithmic, series: [series] });
    expect(drawn.length).toBe(7);
    expectAffine(
      series.x.slice(0, 7).map(Math.log),
      drawn.map(([px]) => px),
      1,
    );
    expectAffine(
      series.y.slice(0, 7).map(Math.log),
      drawn.map(([, py]) => py),
      -1,
    );
    expect(figureHtml(logarithmic)).toContain("1 value has no place on these axes");
    expect(figureHtml(curves)).not.toContain("no place on these axes");
  });

  it.each([
    [1.5, 700, ["2", "5", "10", "20", "50", "100", "200", "500"]],
    [1e-9, 1, ["10⁻⁹", "10⁻⁸", "10⁻⁷", "10⁻⁶", "10⁻⁵", "10⁻⁴", "10⁻³", "10⁻²", "10⁻¹", "10⁰"].filter((_, i) => i % 2 === 0)],
    [0.02, 60, ["0.1", "1", "10"]],
    [2, 3, ["2", "2.5", "3"]],
  ])("writes every tick of a logarithmic axis from %d to %d", (low, high, ticks) => {
    const chart: Chart = { ...curves, y: { label: "y", scale: "log" }, series: [{ name: "l", x: [0, 1], y: [low, high] }] };
    const axis = svgOf(chart).match(/y-axis tick label".*?<\/g>/)?.[0] ?? "";
    expect([...axis.matchAll(/<text[^>]*>([^<]+)</g)].map(([, text]) => text)).toEqual(ticks);
  });

  it("stands bars on zero, as high as their values, side by side", () => {
    const rects = elements(bars, "rect", ["x", "width", "y", "height"]).slice(2); // after the legend's two
    expect(rects.length).toBe(24);
    const feet = rects.map(([, , y, height]) => y + height);
    expect(Math.max(...feet) - Math.min(...feet)).toBeLessThan(0.02);
    const unit = rects[0][3] / bars.series[0].y[0];
    for (const [i, [, , , height]] of rects.entries()) expect(height).toBeCloseTo(unit * bars.series[Math.floor(i / 12)].y[i % 12], 1);
    const sorted = rects.map(([x, width]) => [x, x + width]).sort(([a], [b]) => a - b);
    for (const [i, [left]] of sorted.entries()) if (i > 0) expect(left).toBeGreaterThan(sorted[i - 1][1]);
  });

  it("breaks a line where a value is missing", () => {
    const chart: Chart = { ...curves, series: [{ name: "l", x: [0, 1, 2, 3, 4], y: [1, 2, Number.NaN, 2, 1] }] };
    expect(svgOf(chart)).toMatch(/ d="M[^M"]*M[^M"]*"/);
  });
});

describe("heat map", () => {
  const image = decode(Buffer.from(svgOf(uneven).match(/base64,([^"]+)/)?.[1] ?? "", "base64"));
  const pixel = (x: number, y: number) => {
    const at = 4 * (Math.floor(y * image.height) * image.width + Math.floor(x * image.width));
    return [...image.data.slice(at, at + 4)];
  };

  it("colours every pixel by the nearest grid point on the axes, y upwards, and leaves what is not finite empty", () => {
    // On the logarithm the cells end at √(10·30), √(30·100), √(100·1000) within 10^(1 - 0.24) … 10^3.5; on y at 0.05 and 0.2 within -0.05 … 0.4.
    expect(pixel(0.9, 0.1)[3]).toBe(255);
    expect(pixel(0.5, 0.2)[3]).toBe(0);
    expect(pixel(0.05, 0.95)).toEqual(pixel(0.08, 0.8));
    expect(pixel(0.05, 0.95)).not.toEqual(pixel(0.05, 0.7));
    const [lowest, zero, highest] = [pixel(0.05, 0.95), pixel(0.05, 0.1), pixel(0.95, 0.1)];
    expect(zero.slice(0, 3).every((channel) => channel > 220)).toBe(true);
    expect(lowest[2]).toBeGreaterThan(lowest[1]); // violet below zero
    expect(highest[0]).toBeGreaterThan(highest[2]); // orange above
  });

  it("is the same whichever way the grid is listed", () => {
    const turned = { ...uneven, y: { ...uneven.y, values: [...uneven.y.values].reverse() }, values: [...uneven.values].reverse() };
    expect(svgOf(turned)).toBe(svgOf(uneven));
  });
});

describe("picture", () => {
  it("keeps every pixel, zoomed without smoothing, clipped to 0..1", () => {
    const picture = decode(encodePicture([3, 1, 2], [0, 1, 0.5, 2, -1, 1 / 255], 2));
    expect([picture.width, picture.height, picture.channels]).toEqual([4, 2, 3]);
    const row = [0, 128, 0, 0, 128, 0, 255, 255, 1, 255, 255, 1];
    expect([...picture.data]).toEqual([...row, ...row]);
  });

  it("refuses a shape that is not its own", () => {
    expect(() => encodePicture([1, 2, 2], [0, 1, 0])).toThrow("4 values, not 3");
    expect(() => encodePicture([2, 1, 1], [0, 1])).toThrow("grey or RGB");
  });
});

/** Places are written to a hundredth. */
function dots(chart: Chart): number[][] {
  return elements(chart, "circle", ["cx", "cy"]);
}

function elements(figure: Figure, name: string, attributes: string[]): number[][] {
  const found = [...svgOf(figure).matchAll(new RegExp(`<${name} [^>]*>`, "g"))];
  return found.map(([element]) => attributes.map((attribute) => Number(element.match(new RegExp(` ${attribute}="([^"]*)"`))?.[1])));
}

/** Drawn places are an affine function of the values, rising or falling. */
function expectAffine(values: readonly number[], places: readonly number[], sign: number): void {
  const last = values.length - 1;
  const slope = (places[last] - places[0]) / (values[last] - values[0]);
  expect(Math.sign(slope)).toBe(sign);
  for (const [i, place] of places.entries()) expect(place).toBeCloseTo(places[0] + slope * (values[i] - values[0]), 1);
}
