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
