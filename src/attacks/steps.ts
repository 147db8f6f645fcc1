/**
 * Steps along a gradient, steepest in a norm, on one example's arrays: what the attacks are made of, with `project` (threat.ts). In L∞ and L2 the step is the
 * `ascentStep` of ascent.ts, which does it on a graph; a test holds the two together.
 */
import { distance, type Norm, type PerturbationSet } from "./threat.ts";

/**
 * x ← x + α · steepest(g), in place: α·sign(g) in L∞, α·g/‖g‖₂ in L2. In L1 the steepest step is one component; the sparse step spreads α evenly
 * over the largest `1 − sparsity` share of the components that the box lets move (Tramèr & Boneh 2019, appendix A). A zero gradient, or one
 * that is no number, moves nothing.
 */
export function stepAlong(set: PerturbationSet, x: Float32Array, gradient: Float32Array, α: number, sparsity = 0.95): void {
  if (set.norm === "linf") {
    // A difference of comparisons: a branch on a sign cannot be foreseen.
    for (let i = 0; i < x.length; i++) x[i] += α * (Number(gradient[i] > 0) - Number(gradient[i] < 0));
  } else if (set.norm === "l2") {
    const length = lengthOf(gradient, "l2");
    if (!(length > 0 && Number.isFinite(length))) return;
    for (let i = 0; i < x.length; i++) x[i] += (α * gradient[i]) / length;
  } else {
    const movable = gradient.map((g, i) => ((g > 0 && x[i] < set.high[i]) || (g < 0 && x[i] > set.low[i]) ? g : 0));
    sparseStep(x, movable, α, Math.max(1, Math.round((1 - sparsity) * x.length)));
  }
}

/** x + α·sign(gᵢ)/k on the k components with the largest |gᵢ|, in place. */
export function sparseStep(x: Float32Array, gradient: Float32Array, α: number, k: number): void {
  const sizes = gradient.map((g) => (Number.isFinite(g) ? Math.abs(g) : 0)).sort();
  const least = sizes[sizes.length - Math.min(k, sizes.length)];
  const chosen = (g: number) => g !== 0 && Math.abs(g) >= least;
  let count = 0;
  for (const g of gradient) if (chosen(g)) count++;
  if (count === 0) return;
  for (let i = 0; i < x.length; i++) if (chosen(gradient[i])) x[i] += (α * Math.sign(gradient[i])) / count;
}

/** ‖v‖ */
export function lengthOf(v: ArrayLike<number>, norm: Norm): number {
  return distance(v, undefined, norm);
}
