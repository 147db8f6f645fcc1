/** Figures and reports: from plain data to SVG, PNG and a page. */
export * from "./evaluation.ts";
export * from "./figure.ts";
export * from "./format.ts";
export * from "./gallery.ts";
export * from "./report.ts";
