/**
 * Gaussian moments of an activation, σ_k(c)² = E[φ⁽ᵏ⁾(cZ)²] with Z ~ N(0, 1): all that the theory needs to know of φ and of the input scale c.
 */

/** An activation φ of one variable with its first two derivatives (almost everywhere, where it has kinks at 0). */
export interface Activation {
  readonly name: "tanh" | "softplus" | "relu";
  /** [φ, φ′, φ″] */
  readonly derivatives: readonly [(z: number) => number, (z: number) => number, (z: number) => number];
  /** Whether φ″ exists everywhere: what the theorem asks for. */
  readonly smooth: boolean;
}

const logistic = (z: number): number => 1 / (1 + Math.exp(-z));

export const tanhActivation: Activation = {
  name: "tanh",
  derivatives: [Math.tanh, (z) => 1 - Math.tanh(z) ** 2, (z) => -2 * Math.tanh(z) * (1 - Math.tanh(z) ** 2)],
  smooth: true,
};

export const softplusActivation: Activation = {
  name: "softplus",
  derivatives: [(z) => Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z))), logistic, (z) => logistic(z) * logistic(-z)],
  smooth: true,
};

/** The negative control: φ is homogeneous of degree 1, so no regularity can depend on c. */
export const reluActivation: Activation = {
  name: "relu",
  derivatives: [(z) => Math.max(z, 0), (z) => (z > 0 ? 1 : 0), () => 0],
  smooth: false,
};

export const activations = { tanh: tanhActivation, softplus: softplusActivation, relu: reluActivation };
export type ActivationName = keyof typeof activations;

/** σ_k(c) = √E[φ⁽ᵏ⁾(cZ)²] for k = 0, 1, 2 (§2.3 of the derivation), to about 1e-13. @throws RangeError unless c > 0. */
export function sigma({ derivatives }: Activation, k: 0 | 1 | 2, c: number): number {
  if (!(c > 0 && Number.isFinite(c))) throw new RangeError(`the input scale c must be a positive number, not ${c}`);
  const f = derivatives[k];
  return Math.sqrt(gaussianMean((z) => f(c * z) ** 2, Math.min(0.1, 0.1 / c)));
}

/** E[f(Z)], Z ~ N(0, 1), by five-point Gauss–Legendre panels no wider than `panel` on either side of 0, so that a kink at 0 costs nothing. */
export function gaussianMean(f: (z: number) => number, panel = 0.1): number {
  const reach = 9;
  const panels = Math.ceil(reach / panel);
  const half = reach / panels / 2;
  let sum = 0;
  for (let i = 0; i < panels; i++) {
    const middle = (2 * i + 1) * half;
    for (const [node, weight] of legendre5) {
      const z = middle + half * node;
      sum += weight * half * (f(z) + f(-z)) * Math.exp(-0.5 * z * z);
    }
  }
  return sum / Math.sqrt(2 * Math.PI);
}

/** Nodes and weights of the five-point Gauss–Legendre rule on [−1, 1] (Abramowitz & Stegun 25.4.29). */
const inner = Math.sqrt(5 - 2 * Math.sqrt(10 / 7)) / 3;
const outer = Math.sqrt(5 + 2 * Math.sqrt(10 / 7)) / 3;
const innerWeight = (322 + 13 * Math.sqrt(70)) / 900;
const outerWeight = (322 - 13 * Math.sqrt(70)) / 900;
const legendre5: readonly (readonly [number, number])[] = [
  [-outer, outerWeight],
  [-inner, innerWeight],
  [0, 128 / 225],
  [inner, innerWeight],
  [outer, outerWeight],
];
