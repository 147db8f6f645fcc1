/** A laboratory's report: one HTML file that needs nothing else. The claims first, then how they were tested, then the figures. */
import { asExpected, type ClaimRecord, type ClaimsDocument, verdictWords } from "../papers/claims.ts";
import type { Figure } from "../papers/figure.ts";
import type { Laboratory, Provenance } from "../papers/laboratory.ts";
import type { Machine } from "../runs/machine.ts";
import { figureHtml } from "./figure.ts";
import { formatDuration, formatMeasured } from "./format.ts";
import { styleSheet } from "./style.ts";
import { escaped } from "./svg.ts";

/** What a report is made of. */
export interface Report extends ClaimsDocument, Pick<Laboratory<unknown>, "reference" | "setUp"> {
  figures: readonly Figure[];
  seed: number;
  /** What was typed to make it. */
  command: string;
  machine: Machine;
  /** When it was finished. */
  date: Date;
  /** Computing time, over all runs where it was resumed. */
  seconds: number;
}

/** The report as an HTML page. */
export function reportHtml(report: Report): string {
  const { paper, reference, setUp, claims, figures } = report;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(paper)} – Saddlepoint</title>
<style>${styleSheet}</style>
</head>
<body>
<main>
<header>
<h1>${escaped(paper)}</h1>
<p class="reference">${escaped(reference)}</p>
${verdict(report)}
</header>
<h2>Claims</h2>
${claimsTable(claims)}
<h2>Set-up</h2>
<p>${escaped(setUp)}</p>
${particulars(report)}
${figures.length > 0 ? `<h2>Figures</h2>\n<div class="figures">\n${figures.map(figureHtml).join("\n")}\n</div>` : ""}
</main>
</body>
</html>
`;
}

function verdict({ claims, mode, seconds, date }: Report): string {
  const contrary = claims.filter((claim) => !asExpected(claim)).map(({ id }) => id);
  const words = contrary.length > 0 ? `<span class="bad">not as expected: ${escaped(contrary.join(", "))}</span>` : "";
  const when = `<span>${mode} run, ${formatDuration(seconds)}, ${date.toISOString().slice(0, 10)}</span>`;
  return `<div class="verdict${contrary.length > 0 ? " contrary" : ""}"><b>${verdictWords(claims)}</b>${words}${when}</div>`;
}

function claimsTable(claims: readonly ClaimRecord[]): string {
  const head = ["Claim", "Statement", "Source", "Criterion", "Measured", "Expected", "Found"].map((name) => `<th>${name}</th>`).join("");
  const sources = [...new Set(claims.map(({ provenance }) => provenance))].map(
    (source) => `<span class="source ${source}">${source}</span> ${SOURCES[source]}`,
  );
  return `<div class="scroll"><table class="claims"><thead><tr>${head}</tr></thead>
<tbody>
${claims.map(claimRow).join("\n")}
</tbody></table></div>
<p class="legend">Where the statements come from: ${sources.join("; ")}.</p>`;
}

const SOURCES: Record<Provenance, string> = {
  paper: "said in the paper",
  code: "read from the authors’ code",
  "second source": "reported by another source",
  memory: "from memory, not checked against a source",
  derived: "derived by us, not the authors’ statement",
  proposed: "set-up or threshold chosen by us",
};

function claimRow(claim: ClaimRecord): string {
  const { id, statement, provenance, criterion, measured, expected, note, error } = claim;
  const lines = error ? [`not measured: ${error}`] : formatMeasured(measured);
  const cells = [
    `<td class="id">${escaped(id)}</td>`,
    `<td class="statement">${prose(statement)}</td>`,
    `<td><span class="source ${provenance}">${provenance}</span></td>`,
    `<td class="criterion">${prose(criterion)}</td>`,
    `<td class="measured">${lines.map((line) => `<div${line.length > 36 ? ' class="long"' : ""}>${prose(line)}</div>`).join("")}${note ? `<div class="note long">${prose(note)}</div>` : ""}</td>`,
    `<td>${expected}</td>`,
    found(claim),
  ];
  return `<tr>${cells.join("")}</tr>`;
}

/** Escaped, and without a line break inside of 1e-8. */
function prose(text: string): string {
  return escaped(text).replace(/(\de)-(?=\d)/g, "$1\u2212");
}

function found(claim: ClaimRecord): string {
  const { expected, holds, error } = claim;
  if (error) return '<td class="holds bad">✗ not measured</td>';
  const words = holds ? "✓ holds" : "✗ fails";
  if (expected === "holds") return `<td class="holds ${holds ? "good" : "bad"}">${words}</td>`;
  return holds
    ? `<td class="holds odd">${words}<small>was expected to fail</small></td>`
    : `<td class="holds">${words}<small>as expected</small></td>`;
}

function particulars({ mode, seed, command, machine, date, seconds }: Report): string {
  const { processor, cores, memoryGiB, platform, node, saddlepoint } = machine;
  const entries: [string, string][] = [
    ["Command", `<code>${escaped(command)}</code>`],
    ["Mode and seed", `${mode}, seed ${seed}`],
    ["Computing time", formatDuration(seconds)],
    ["Machine", escaped(`${processor}, ${cores} ${cores === 1 ? "core" : "cores"}, ${memoryGiB} GiB, ${platform}`)],
    ["Program", escaped(`Saddlepoint ${saddlepoint}, Node ${node}`)],
    ["Finished", date.toISOString().replace("T", " ").slice(0, 16).concat(" UTC")],
  ];
  return `<dl>${entries.map(([name, value]) => `<dt>${name}</dt><dd>${value}</dd>`).join("\n")}</dl>`;
}
