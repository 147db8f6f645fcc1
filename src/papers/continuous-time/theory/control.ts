/**
 * E6, learning-rate control: dΘ = −u∇L_AT dt + u√(ηΣ) dW with u ∈ [0, 1], for a quadratic L_AT of curvature k.
 *
 * The excess loss e = E L_AT − min follows e' = −2kue + (k/2)ηΣu². Minimizing the right side gives u* = min(1, 2e/(ηΣ)):
 * full speed until e = ηΣ/2, then e(t) decays like 1/t, where the fixed rate u = 1 stays on the plateau ηΣ/4.
 */

/** Curvature k = a + β of the modified loss, and ηΣ, the diffusion coefficient's square. */
export interface QuadraticControl {
  k: number;
  ηΣ: number;
}

/** u* = min(1, 2e/(ηΣ)). */
export const optimalRate = ({ ηΣ }: QuadraticControl, excess: number): number => Math.min(1, (2 * excess) / ηΣ);

/** Excess loss at time t under u ≡ 1: relaxes from e₀ to the plateau ηΣ/4 with rate 2k. */
export const fixedExcess = ({ k, ηΣ }: QuadraticControl, e0: number, t: number): number => ηΣ / 4 + (e0 - ηΣ / 4) * Math.exp(-2 * k * t);

/** When u* leaves 1: the time at which the excess under full speed has come down to ηΣ/2 (0 if it starts below). */
export function switchTime({ k, ηΣ }: QuadraticControl, e0: number): number {
  return e0 <= ηΣ / 2 ? 0 : Math.log((e0 - ηΣ / 4) / (ηΣ / 4)) / (2 * k);
}

/** Excess loss at time t under u*: full speed to the switch, then 1/e grows by 2kt/(ηΣ). */
export function controlledExcess(control: QuadraticControl, e0: number, t: number): number {
  const { k, ηΣ } = control;
  const t1 = switchTime(control, e0);
  if (t <= t1) return fixedExcess(control, e0, t);
  return 1 / (1 / Math.min(e0, ηΣ / 2) + (2 * k * (t - t1)) / ηΣ);
}
