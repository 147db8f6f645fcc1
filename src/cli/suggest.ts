/** "did you mean …?" by edit distance. */

/** The candidate nearest to `word`, if it is near: at most a third of the letters wrong, counting neighbours swapped as one. */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  let [best, least] = [undefined as string | undefined, Number.POSITIVE_INFINITY];
  for (const candidate of candidates) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance < least && distance <= Math.max(1, Math.max(word.length, candidate.length) / 3)) [best, least] = [candidate, distance];
  }
  return best;
}

/** The words of a suggestion, or nothing. */
export function didYouMean(word: string, candidates: Iterable<string>, prefix = ""): string {
  const candidate = nearest(word, candidates);
  return candidate === undefined ? "" : `; did you mean ${prefix}${candidate}?`;
}

/** Insertions, deletions, substitutions and swaps of neighbours that make `b` of `a` (optimal string alignment). */
export function editDistance(a: string, b: string): number {
  const rows = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const substituted = rows[i - 1][j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      row[j] = Math.min(rows[i - 1][j] + 1, row[j - 1] + 1, substituted);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) row[j] = Math.min(row[j], rows[i - 2][j - 2] + 1);
    }
    rows.push(row);
  }
  return rows[a.length][b.length];
}
