/** Tables of the terminal: columns aligned, long texts wrapped so that a row fits the width. */

export interface Column {
  title: string;
  /** Default "left". */
  align?: "left" | "right";
  /** May be broken at spaces where the table is too wide. */
  wrap?: boolean;
}

export interface Cell {
  text: string;
  /** Applied to every line after it is padded, so that colours do not count as width. */
  style?: (text: string) => string;
}

const GAP = "  ";
const NARROWEST = 14;

/** The lines of a table with its titles. */
export function table(
  columns: readonly Column[],
  rows: readonly (readonly (Cell | string)[])[],
  { width = 100, titleStyle = (text: string) => text } = {},
): string[] {
  const cells = rows.map((row) => row.map((cell) => (typeof cell === "string" ? { text: cell } : cell)));
  const widths = columnWidths(columns, cells, width);
  const lines = (row: readonly Cell[]) => {
    const wrapped = row.map(({ text }, i) => (columns[i].wrap ? wrap(text, widths[i]) : text.split("\n")));
    const height = Math.max(...wrapped.map(({ length }) => length));
    return Array.from({ length: height }, (_, line) =>
      row
        .map(({ style }, i) => {
          const padded = pad(wrapped[i][line] ?? "", widths[i], columns[i].align);
          return style ? style(padded) : padded;
        })
        .join(GAP)
        .trimEnd(),
    );
  };
  return [columns.map(({ title }) => ({ text: title, style: titleStyle })), ...cells].flatMap(lines);
}

/** Breaks text at spaces (a word longer than the width stays whole on a line of its own). */
export function wrap(text: string, width: number): string[] {
  return text.split("\n").flatMap((paragraph) => {
    const lines = [""];
    for (const word of paragraph.split(" ")) {
      const last = lines[lines.length - 1];
      if (last === "") lines[lines.length - 1] = word;
      else if (length(last) + 1 + length(word) <= width) lines[lines.length - 1] = `${last} ${word}`;
      else lines.push(word);
    }
    return lines;
  });
}

/** The natural widths, or, where these are too many, equal shares of what is left for the columns that wrap and need more than their share. */
function columnWidths(columns: readonly Column[], rows: readonly (readonly Cell[])[], width: number): number[] {
  const natural = columns.map(({ title }, i) =>
    Math.max(length(title), ...rows.map((row) => Math.max(...row[i].text.split("\n").map(length)))),
  );
  let room = width - GAP.length * (columns.length - 1);
  let share = 0;
  const wanting = new Set(columns.keys());
  for (let settled = true; settled && wanting.size > 0; ) {
    settled = false;
    share = Math.max(NARROWEST, Math.floor(room / wanting.size));
    for (const i of wanting) {
      if (columns[i].wrap && natural[i] > share) continue;
      wanting.delete(i);
      room -= natural[i];
      settled = true;
    }
  }
  return natural.map((value, i) => (wanting.has(i) ? share : value));
}

function pad(text: string, width: number, align: Column["align"] = "left"): string {
  const space = " ".repeat(Math.max(0, width - length(text)));
  return align === "right" ? space + text : text + space;
}

/** Characters, not UTF-16 units; marks that combine with the one before take no room. */
function length(text: string): number {
  return [...text.replace(/\p{M}/gu, "")].length;
}
