/** Which windows of a convolution or a pooling reach a place of the image: what their gradients add up. */

/** A window on an axis, and the place in it. */
export interface Reach {
  readonly window: number;
  readonly tap: number;
}

/** For each place of an axis with `extent` places, what reaches it, given where the tap of a window lies. */
export function reachOf(extent: number, windows: number, taps: number, placeOf: (reach: Reach) => number): Reach[][] {
  const reached: Reach[][] = Array.from({ length: extent }, () => []);
  for (let window = 0; window < windows; window++)
    for (let tap = 0; tap < taps; tap++) reached[placeOf({ window, tap })]?.push({ window, tap });
  return reached;
}

/** The most that reach any of some places. */
export function mostReached(places: readonly (readonly Reach[])[]): number {
  return places.reduce((most, { length }) => Math.max(most, length), 1);
}

/** Pixels along an axis in groups of `period`: pixel h is number h + offset − period·i of group i, which windows i·period/stride + first, … reach. */
export interface Alignment {
  readonly offset: number;
  readonly groups: number;
  readonly first: number;
  /** Number of windows that reach a group. */
  readonly windows: number;
}

/** The groups that take the fewest products of groups and windows. `period` is a multiple of the stride. */
export function alignGroups(extent: number, kernel: number, { stride, pad }: { stride: number; pad: number }, period: number): Alignment {
  const alignments = Array.from({ length: Math.min(pad, period - 1) + 1 }, (_, offset) => {
    // Tap r + shift − stride·(window) of a window lies on pixel r of a group.
    const shift = pad - offset;
    const first = -Math.floor((kernel - 1 - shift) / stride);
    const windows = Math.floor((period - 1 + shift) / stride) - first + 1;
    return { offset, groups: Math.ceil((extent + offset) / period), first, windows };
  });
  return alignments.reduce((a, b) => (b.groups * b.windows <= a.groups * a.windows ? b : a));
}
