/**
 * Colours of reports. Drawings name them as CSS variables, so that one SVG reads on a light and on a dark page; for a PNG the light values are put in.
 * The eight series colours stay apart for the common kinds of colour blindness.
 */
interface Theme {
  page: string;
  panel: string;
  text: string;
  muted: string;
  line: string;
  accent: string;
  good: string;
  bad: string;
  odd: string;
  reference: string;
  series: readonly string[];
}

export const light: Theme = {
  page: "#ffffff",
  panel: "#f6f7f9",
  text: "#1b1f24",
  muted: "#5f6873",
  line: "#dfe3e8",
  accent: "#1f5fbf",
  good: "#1a7f4b",
  bad: "#c0302b",
  odd: "#96620a",
  reference: "#7b8591",
  series: ["#1f6fc4", "#d9641e", "#2a8f5c", "#b03a8c", "#a8850c", "#4a4fbf", "#c23b4b", "#5f7a8c"],
};

export const dark: Theme = {
  page: "#14171b",
  panel: "#1c2026",
  text: "#e4e8ed",
  muted: "#9aa4b0",
  line: "#323842",
  accent: "#7db2ff",
  good: "#57c78a",
  bad: "#ff7b72",
  odd: "#e0b050",
  reference: "#8b95a1",
  series: ["#6cb0ff", "#ff9a5c", "#5fcf97", "#ec80c8", "#e2c14a", "#a3a8ff", "#ff8a94", "#a3b8c7"],
};

/** A colour as drawings name it. */
export const colour = (name: Exclude<keyof Theme, "series">): string => `var(--${name})`;

/** The colour of the `index`-th series of `count`: one of the eight, or, where there are more, a step of a ramp, since many series are an ordered family. */
export function seriesColour(index: number, count: number): string {
  if (count <= light.series.length) return `var(--series-${index + 1})`;
  return `hsl(${Math.round(265 - (265 * index) / (count - 1))} 62% 52%)`;
}

/** The declarations of a theme for a style sheet. */
export function variables(theme: Theme): string {
  return Array.from(named(theme), ([name, value]) => `--${name}: ${value};`).join(" ");
}

/** The drawing with every variable replaced by its value, for renderers that know none. */
export function withColours(svg: string, theme: Theme): string {
  const values = new Map(named(theme));
  return svg.replace(/var\(--([a-z0-9-]+)\)/g, (reference, name) => values.get(name) ?? reference).replaceAll("currentColor", theme.text);
}

function* named({ series, ...single }: Theme): Generator<[string, string]> {
  yield* Object.entries(single);
  yield* series.map((value, i): [string, string] => [`series-${i + 1}`, value]);
}
