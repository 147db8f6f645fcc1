/** SVG on a machine without a browser: Observable Plot over a document of linkedom, parts put together by hand, and PNG by resvg. */
import * as Plot from "@observablehq/plot";
import { Resvg } from "@resvg/resvg-js";
import { parseHTML } from "linkedom";
import { light, withColours } from "./theme.ts";

/** A drawing: the inside of an `<svg>` of that size. */
export interface Drawing {
  width: number;
  height: number;
  content: string;
}

export const FONT = "system-ui, -apple-system, 'Segoe UI', 'Helvetica Neue', 'DejaVu Sans', sans-serif";

/** Draws with Observable Plot; sizes and margins are in `options`. */
export function plot(options: Plot.PlotOptions & { width: number; height: number }): Drawing {
  const { document } = parseHTML("<!doctype html><html><body></body></html>");
  const element = Plot.plot({ ...options, document });
  return { width: options.width, height: options.height, content: shorten(element.innerHTML.replace(/<style>[\s\S]*?<\/style>/, "")) };
}

/** Coordinates to a hundredth of a unit: finer is invisible and makes half of a report's bytes. */
function shorten(content: string): string {
  return content.replace(/ (d|transform|[xy][12]?|c[xy]|width|height)="[^"]+"/g, (attribute) =>
    attribute.replace(/-?\d+\.\d{3,}(e-?\d+)?/g, (number) => String(round(Number(number)))),
  );
}

/** Drawings placed in a common frame. */
export function compose(width: number, height: number, parts: readonly { x: number; y: number; drawing: Drawing }[]): Drawing {
  const content = parts.map(({ x, y, drawing }) => `<g transform="translate(${round(x)},${round(y)})">${drawing.content}</g>`).join("");
  return { width, height, content };
}

/** The drawing as an SVG element that scales with its surroundings and is also a whole file; `label` is read aloud. */
export function svg({ width, height, content }: Drawing, label: string): string {
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${round(width)} ${round(height)}" width="${round(width)}" height="${round(height)}" role="img" ` +
    `aria-label="${escaped(label)}" fill="currentColor" font-family="${FONT}" font-size="11" text-anchor="middle">${content}</svg>`
  );
}

/** The drawing as a PNG on a white page, `scale` pixels per unit. */
export function png(drawing: Drawing, scale = 2): Uint8Array {
  const renderer = new Resvg(withColours(svg(drawing, ""), light), {
    background: light.page,
    fitTo: { mode: "zoom", value: scale },
    font: { loadSystemFonts: true, defaultFontFamily: "DejaVu Sans" },
  });
  return renderer.render().asPng();
}

/** Text in a drawing. */
export function text(x: number, y: number, content: string, attributes = ""): string {
  return `<text x="${round(x)}" y="${round(y)}" ${attributes}>${escaped(content)}</text>`;
}

/** About how wide a text of that font size is drawn. */
export function textWidth(content: string, fontSize = 11): number {
  return content.length * fontSize * 0.56;
}

/** Text as it may stand in HTML and SVG, also between double quotes. */
export function escaped(content: string): string {
  return content.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}

export function round(value: number): number {
  return Math.round(value * 100) / 100;
}
