/** A page of figures that needs nothing else. */
import type { Figure } from "../papers/figure.ts";
import { figureHtml } from "./figure.ts";
import { styleSheet } from "./style.ts";
import { escaped } from "./svg.ts";

/** The page as HTML: a title, what it is about, and the figures. */
export function figuresHtml({ title, subtitle, figures }: { title: string; subtitle: string; figures: readonly Figure[] }): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)} – Saddlepoint</title>
<style>${styleSheet}</style>
</head>
<body>
<main>
<header>
<h1>${escaped(title)}</h1>
<p class="reference">${escaped(subtitle)}</p>
</header>
<div class="figures">
${figures.map(figureHtml).join("\n")}
</div>
</main>
</body>
</html>
`;
}
