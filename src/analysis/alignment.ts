/** How much of a perturbation lies along the directions in which a network is most sensitive: the right singular vectors of its Jacobian. */
import type { SingularTriplets } from "./jacobian.ts";

/** |cos| of the angle between each example's perturbation and each of its right singular vectors, [example][rank]. Zero perturbations give zeros. */
export function alignments(perturbations: Float64Array, triplets: readonly SingularTriplets[]): number[][] {
  const n = perturbations.length / triplets.length;
  return triplets.map(({ right }, b) => {
    const z = perturbations.subarray(b * n, (b + 1) * n);
    const length = Math.hypot(...z);
    return right.map((v) => {
      let along = 0;
      for (let i = 0; i < n; i++) along += v[i] * z[i];
      return length > 0 ? Math.abs(along) / length : 0;
    });
  });
}

/** The mean |cos| between a fixed direction and a random one of ℝⁿ: √(2/(πn)) for large n. */
export function randomAlignment(n: number): number {
  return Math.sqrt(2 / (Math.PI * n));
}
