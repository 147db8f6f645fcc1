/** A figure as it stands in a report, and as a picture of its own. */
import type { Figure, Table } from "../papers/figure.ts";
import { drawChart, undrawn } from "./chart.ts";
import { formatNumber } from "./format.ts";
import { drawGallery } from "./gallery.ts";
import { drawHeatMap } from "./heatmap.ts";
import { compose, type Drawing, escaped, png, svg, text } from "./svg.ts";

/** The figure as an HTML `<figure>` with title and caption. */
export function figureHtml(figure: Figure): string {
  const body = figure.kind === "table" ? tableHtml(figure) : svg(draw(figure), figure.title);
  const missing = figure.kind === "chart" ? undrawn(figure) : 0;
  const remark =
    missing > 0
      ? ` <em>${missing} ${missing === 1 ? "value has" : "values have"} no place on these axes (not finite, or ≤ 0 on a logarithm) and ${missing === 1 ? "is" : "are"} not drawn.</em>`
      : "";
  return `<figure class="${figure.kind}">\n<h3>${escaped(figure.title)}</h3>\n<div class="body">${body}</div>\n<figcaption>${escaped(figure.caption)}${remark}</figcaption>\n</figure>`;
}

/** The figure with its title as a PNG, `scale` pixels per unit. */
export function figurePng(figure: Exclude<Figure, Table>, scale = 2): Uint8Array {
  const drawing = draw(figure);
  const title: Drawing = {
    width: drawing.width,
    height: 30,
    content: text(4, 18, figure.title, 'text-anchor="start" font-size="14" font-weight="600"'),
  };
  const framed = compose(drawing.width + 24, drawing.height + 54, [
    { x: 12, y: 12, drawing: title },
    { x: 12, y: 42, drawing },
  ]);
  return png(framed, scale);
}

function draw(figure: Exclude<Figure, Table>): Drawing {
  switch (figure.kind) {
    case "chart":
      return drawChart(figure);
    case "heatmap":
      return drawHeatMap(figure);
    case "gallery":
      return drawGallery(figure);
  }
}

/** Numbers stand right, words left. */
function tableHtml({ columns, rows }: Table): string {
  const head = columns
    .map((column, i) => `<th${rows.every((row) => typeof row[i] === "number") ? ' class="number"' : ""}>${escaped(column)}</th>`)
    .join("");
  const body = rows.map(
    (row) =>
      `<tr>${row.map((cell) => (typeof cell === "number" ? `<td class="number">${formatNumber(cell)}</td>` : `<td>${escaped(cell)}</td>`)).join("")}</tr>`,
  );
  return `<table><thead><tr>${head}</tr></thead>\n<tbody>\n${body.join("\n")}\n</tbody></table>`;
}
