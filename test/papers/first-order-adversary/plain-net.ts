/**
 * A two-layer network, its gradient and its Hessian written out in plain TypeScript loops: the second implementation beside the engine.
 * f(x) = m^{-1/2} Σ_r a_r φ(w_r·x);  ∇f = m^{-1/2} Wᵀ(a∘φ′(Wx));  ∇²f = m^{-1/2} Wᵀ diag(a∘φ″(Wx)) W.
 */
import type { Activation } from "../../../src/papers/first-order-adversary/moments.ts";

export interface PlainNet {
  activation: Activation;
  d: number;
  m: number;
  /** [m, d] */
  weights: Float64Array;
  /** ±1, [m] */
  signs: Float64Array;
}

export function value(net: PlainNet, x: Float64Array): number {
  const z = preactivations(net, x);
  let sum = 0;
  for (let r = 0; r < net.m; r++) sum += net.signs[r] * net.activation.derivatives[0](z[r]);
  return sum / Math.sqrt(net.m);
}

export function gradient(net: PlainNet, x: Float64Array): Float64Array {
  const z = preactivations(net, x);
  const result = new Float64Array(net.d);
  for (let r = 0; r < net.m; r++) {
    const factor = (net.signs[r] * net.activation.derivatives[1](z[r])) / Math.sqrt(net.m);
    for (let i = 0; i < net.d; i++) result[i] += factor * net.weights[r * net.d + i];
  }
  return result;
}

/** [d, d] */
export function hessian(net: PlainNet, x: Float64Array): number[][] {
  const z = preactivations(net, x);
  const result = Array.from({ length: net.d }, () => new Array<number>(net.d).fill(0));
  for (let r = 0; r < net.m; r++) {
    const factor = (net.signs[r] * net.activation.derivatives[2](z[r])) / Math.sqrt(net.m);
    for (let i = 0; i < net.d; i++)
      for (let j = 0; j < net.d; j++) result[i][j] += factor * net.weights[r * net.d + i] * net.weights[r * net.d + j];
  }
  return result;
}

/** Projected gradient ascent on ½(f(x + δ) − y)² in the ball |δ| ≤ ε, from 0. Returns the path δ₀ … δ_T. */
export function ascend(
  net: PlainNet,
  x: Float64Array,
  y: number,
  { eps, s, steps }: { eps: number; s: number; steps: number },
): Float64Array[] {
  const path = [new Float64Array(net.d)];
  for (let t = 0; t < steps; t++) {
    const point = x.map((v, i) => v + path[t][i]);
    const r = value(net, point) - y;
    const slope = gradient(net, point);
    const next = path[t].map((v, i) => v + s * r * slope[i]);
    const size = Math.hypot(...next);
    path.push(size > eps ? next.map((v) => (v * eps) / size) : next);
  }
  return path;
}

/** The only KKT point of sign(r₀)f on the ball as the fixed point of δ ↦ εu(δ), u = sign(r₀)∇f/|∇f| (theorem, 1): no ascent involved. */
export function fixedPoint(net: PlainNet, x: Float64Array, sign: number, eps: number): Float64Array {
  let delta: Float64Array = new Float64Array(net.d);
  for (let t = 0; t < 500; t++) {
    const slope = gradient(
      net,
      x.map((v, i) => v + delta[i]),
    );
    const size = Math.hypot(...slope);
    delta = slope.map((v) => (sign * eps * v) / size);
  }
  return delta;
}

function preactivations({ weights, d, m }: PlainNet, x: Float64Array): Float64Array {
  const z = new Float64Array(m);
  for (let r = 0; r < m; r++) for (let i = 0; i < d; i++) z[r] += weights[r * d + i] * x[i];
  return z;
}
