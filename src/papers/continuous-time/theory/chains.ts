/** Simulated chains of the closed-form examples: many independent runs of adversarial training, as plain loops. */
import { CholeskyDecomposition } from "ml-matrix";
import { type Key, normal } from "../../../tensor/index.ts";
import type { Inner } from "./inner.ts";
import { direction, type GaussianModel } from "./linear-regression.ts";
import { dot, plus, type Vector } from "./vectors.ts";

/** `count` independent examples (x, y) of the Gaussian model. */
export function examples(model: GaussianModel, key: Key, count: number): { x: number[]; y: number }[] {
  const d = model.θstar.length;
  const root = new CholeskyDecomposition(model.A).lowerTriangularMatrix.to2DArray();
  const z = normal(key, [count, d + 1]).data;
  return Array.from({ length: count }, (_, i) => {
    const own = z.subarray(i * (d + 1), (i + 1) * (d + 1));
    const x = root.map((row) => row.reduce((sum, v, j) => sum + v * own[j], 0));
    return { x, y: dot(model.θstar, x) + model.τ * own[d] };
  });
}

/** Iterates θ ← θ − ηh(θ; x, y) with batch size 1 on fresh examples; every one is handed to `visit`. */
export function train(
  model: GaussianModel,
  inner: Inner,
  { η, steps, key, start }: { η: number; steps: number; key: Key; start: Vector },
  visit: (θ: Vector, step: number) => void,
): void {
  let θ = start;
  const block = 1000;
  for (let step = 0; step < steps; step += block) {
    for (const [i, { x, y }] of examples(model, key.fold(step), Math.min(block, steps - step)).entries()) {
      θ = plus(θ, direction(θ, x, y, inner), -η);
      visit(θ, step + i + 1);
    }
  }
}

/**
 * `chains` runs of one-dimensional adversarial training (x ~ N(0, 1), y = θ*x + τe, batch size 1) moved together: the states after
 * `steps` steps, each handed to `visit` on the way.
 */
export function scalarChains(
  { θstar, τ }: { θstar: number; τ: number },
  { α, K }: Inner,
  { η, steps, chains, key }: { η: number; steps: number; chains: number; key: Key },
  visit: (θ: Float64Array, step: number) => void,
): void {
  const θ = new Float64Array(chains).fill(θstar);
  for (let step = 1; step <= steps; step++) {
    const z = normal(key.fold(step), [chains, 2]).data;
    for (let i = 0; i < chains; i++) {
      const x = z[2 * i];
      const r = (θ[i] - θstar) * x - τ * z[2 * i + 1];
      const s = θ[i] * θ[i];
      const ρ = (1 + α * s) ** K;
      // h = ρr(x + c r θ) with c = (ρ − 1)/s
      θ[i] -= η * ρ * r * (x + (s > 0 ? ((ρ - 1) / s) * r * θ[i] : 0));
    }
    visit(θ, step);
  }
}
