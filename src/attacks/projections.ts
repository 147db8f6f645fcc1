/** Exact Euclidean projections. */

/**
 * The point of the L1 ball {z: ‖z − center‖₁ ≤ radius} nearest to `point`, written in place: soft thresholding |δᵢ| − θ with the θ that makes the
 * norm equal to the radius (Duchi et al. 2008, figure 1).
 */
export function projectOntoL1Ball(point: Float32Array, center: ArrayLike<number>, radius: number): Float32Array {
  const magnitudes = new Float64Array(point.length);
  let norm = 0;
  for (let i = 0; i < point.length; i++) norm += magnitudes[i] = Math.abs(point[i] - center[i]);
  if (norm <= radius) return point;
  const θ = threshold(magnitudes, radius);
  for (let i = 0; i < point.length; i++) {
    const δ = point[i] - center[i];
    point[i] = center[i] + Math.sign(δ) * Math.max(Math.abs(δ) - θ, 0);
  }
  return point;
}

function threshold(magnitudes: Float64Array, radius: number): number {
  const sorted = magnitudes.slice().sort().reverse();
  let total = 0;
  let θ = 0;
  for (let k = 0; k < sorted.length; k++) {
    total += sorted[k];
    const candidate = (total - radius) / (k + 1);
    if (sorted[k] <= candidate) break;
    θ = candidate;
  }
  return θ;
}
