/** Proportions with what is known of their uncertainty. */

export interface Proportion {
  readonly count: number;
  readonly of: number;
  readonly value: number;
  /** Wilson's 95 % interval (1927) for the proportion in the population the examples are drawn from. */
  readonly interval: readonly [number, number];
}

/** `count` of `of`, with Wilson's score interval (z²-corrected center and half-width at z = 1.96). */
export function proportion(count: number, of: number): Proportion {
  const z = 1.959963984540054;
  const value = count / of;
  const center = (value + z ** 2 / (2 * of)) / (1 + z ** 2 / of);
  const half = (z / (1 + z ** 2 / of)) * Math.sqrt((value * (1 - value)) / of + z ** 2 / (4 * of * of));
  return { count, of, value, interval: [Math.max(0, center - half), Math.min(1, center + half)] };
}

/** The quantile of ascending numbers, linear between neighbours; NaN of none. */
export function quantile(ascending: readonly number[], share: number): number {
  if (ascending.length === 0) return Number.NaN;
  const at = share * (ascending.length - 1);
  const [low, high] = [ascending[Math.floor(at)], ascending[Math.ceil(at)]];
  return low === high ? low : low + (high - low) * (at - Math.floor(at));
}
