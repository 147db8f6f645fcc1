/** The few order statistics that the claims need. */

/** The middle value (mean of the two middle ones). */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** The q-quantile, interpolated between order statistics. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const position = q * (sorted.length - 1);
  const [low, high] = [sorted[Math.floor(position)], sorted[Math.ceil(position)]];
  return low === high ? low : low + (position - Math.floor(position)) * (high - low);
}

/** Standard deviation over mean. */
export function relativeSpread(values: readonly number[]): number {
  const mean = values.reduce((sum, v) => sum + v, 0) / values.length;
  return Math.sqrt(values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / (values.length - 1)) / mean;
}

/** Spearman's rank correlation, ties sharing their mean rank. */
export function spearman(x: readonly number[], y: readonly number[]): number {
  const [a, b] = [ranks(x), ranks(y)];
  const middle = (x.length + 1) / 2;
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    ab += (a[i] - middle) * (b[i] - middle);
    aa += (a[i] - middle) ** 2;
    bb += (b[i] - middle) ** 2;
  }
  return aa === 0 || bb === 0 ? 0 : ab / Math.sqrt(aa * bb);
}

/** Slope of the least-squares line of log y on log x. */
export function logSlope(x: readonly number[], y: readonly number[]): number {
  const [u, v] = [x.map(Math.log), y.map(Math.log)];
  const [mu, mv] = [u.reduce((s, t) => s + t, 0) / u.length, v.reduce((s, t) => s + t, 0) / v.length];
  return u.reduce((s, t, i) => s + (t - mu) * (v[i] - mv), 0) / u.reduce((s, t) => s + (t - mu) ** 2, 0);
}

/** Whether every value is larger (`strictly`) or not smaller than the one before. */
export function increasing(values: readonly number[], { strictly = true }: { strictly?: boolean } = {}): boolean {
  return values.every((v, i) => i === 0 || (strictly ? v > values[i - 1] : v >= values[i - 1]));
}

function ranks(values: readonly number[]): number[] {
  return values.map((v) => (values.filter((w) => w < v).length + values.filter((w) => w <= v).length + 1) / 2);
}
