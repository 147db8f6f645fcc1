/** The style sheet of reports: one column of text, two of figures where there is room, light or dark as the reader's system is. */
import { dark, light, variables } from "./theme.ts";

export const styleSheet = `
:root { color-scheme: light dark; ${variables(light)} }
@media (prefers-color-scheme: dark) { :root { ${variables(dark)} } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text); font: 15px/1.55 system-ui, -apple-system, "Segoe UI", "Helvetica Neue", sans-serif; }
main { max-width: 1180px; margin: 0 auto; padding: 44px 28px 72px; }
header { margin-bottom: 30px; }
h1 { margin: 0 0 6px; font-size: 30px; line-height: 1.2; letter-spacing: -0.015em; font-weight: 680; }
h2 { margin: 44px 0 14px; font-size: 20px; letter-spacing: -0.01em; font-weight: 650; }
h3 { margin: 0 0 10px; font-size: 15px; line-height: 1.35; font-weight: 630; }
.reference { margin: 0; color: var(--muted); max-width: 80ch; }
.verdict { display: flex; flex-wrap: wrap; gap: 6px 22px; margin: 20px 0 0; padding: 13px 18px; background: var(--panel); border-left: 3px solid var(--good); border-radius: 4px; }
.verdict.contrary { border-color: var(--bad); }
.verdict b { font-weight: 650; }
.verdict span { color: var(--muted); } .verdict .bad { color: var(--bad); }
p { max-width: 80ch; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th { text-align: left; font-size: 12px; font-weight: 600; color: var(--muted); padding: 0 12px 7px 0; border-bottom: 1px solid var(--line); white-space: nowrap; vertical-align: bottom; }
td { padding: 9px 12px 9px 0; border-bottom: 1px solid var(--line); vertical-align: top; }
th:last-child, td:last-child { padding-right: 0; }
.number { text-align: right; }
.claims { font-size: 14px; line-height: 1.45; }
.claims .id { font-weight: 640; white-space: nowrap; }
.claims .statement { min-width: 240px; width: 32%; }
.claims .criterion { min-width: 150px; color: var(--muted); }
.claims .measured { min-width: 150px; }
.claims .measured div { white-space: nowrap; }
.claims .measured div.long { white-space: normal; }
.claims .note { color: var(--muted); font-size: 12.5px; margin-top: 3px; }
.claims .holds { white-space: nowrap; font-weight: 600; }
.claims .holds small { display: block; font-weight: 400; font-size: 12px; color: var(--muted); }
.good { color: var(--good); } .bad { color: var(--bad); } .odd { color: var(--odd); }
.source { display: inline-block; padding: 0 7px; border: 1px solid var(--line); border-radius: 9px; font-size: 12px; line-height: 18px; color: var(--muted); white-space: nowrap; }
.source.paper { color: var(--accent); border-color: currentColor; }
.legend { color: var(--muted); font-size: 13px; max-width: none; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 500px), 1fr)); gap: 36px 44px; }
figure { margin: 0; min-width: 0; }
figure.gallery, figure.table { grid-column: 1 / -1; }
figure.table .body { overflow-x: auto; }
figure.table table { width: auto; min-width: 50%; font-size: 14px; }
figure.table td { padding: 5px 22px 5px 0; } figure.table th { padding-right: 22px; }
figure svg { display: block; width: 100%; height: auto; }
figure.gallery svg { max-width: 940px; }
figcaption { margin-top: 10px; color: var(--muted); font-size: 13.5px; line-height: 1.5; max-width: 85ch; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 5px 22px; margin: 0; font-size: 14px; }
dt { color: var(--muted); } dd { margin: 0; overflow-wrap: anywhere; }
code { font: 13px/1.5 ui-monospace, "SF Mono", Menlo, "DejaVu Sans Mono", monospace; background: var(--panel); padding: 1px 5px; border-radius: 3px; }
@media print { main { padding: 0; max-width: none; } figure, tr { break-inside: avoid; } }
`;
