/**
 * Closed forms for the convergence of adversarial training in the sense of Gao, Cai, Li, Wang, Hsieh and Lee (2019, arXiv 1906.07916), with every
 * constant explicit. They are derived here, from online gradient descent against adaptively chosen convex losses and a linearization
 * error; none is quoted from the paper.
 */
import type { Tensor } from "../../tensor/index.ts";

/** Weights in float64, by name. */
export type Weights = Readonly<Record<string, Tensor<"float64">>>;

/** ℓ(f, y) = log(1 + exp(−yf)): convex in f, non-negative, smooth, and |∂ℓ/∂f| ≤ 1, which is what the theorem asks as we remember it. */
export function logisticLoss(f: number, y: number): number {
  const margin = y * f;
  return Math.max(-margin, 0) + Math.log1p(Math.exp(-Math.abs(margin)));
}

/**
 * Regret of projected gradient descent [derived]. With f linear in W, l_t(W) = n⁻¹ Σ ℓ(f(W, x̃ᵢᵗ), yᵢ) is convex whatever attack chose
 * x̃ᵗ, so for every W in the ball
 *
 *     T⁻¹ Σ_t [ L_A(W_t) − l_t(W) ]  ≤  ‖W_0 − W‖²/(2αT) + αG²/2,        G = max_t ‖∇l_t(W_t)‖,
 *
 * and since l_t(W) ≤ L_*(W), min_t L_A(W_t) exceeds L_*(W) by at most the same amount. No property of the attack is used.
 */
export function regretBound({ distance, α, T, G }: { distance: number; α: number; T: number; G: number }): number {
  return distance ** 2 / (2 * α * T) + (α * G ** 2) / 2;
}

/** The step size that makes the regret bound least over a ball of radius R: α = R/(G√T), giving RG/√T. */
export function bestStepSize({ R, G, T }: { R: number; G: number; T: number }): number {
  return R / (G * Math.sqrt(T));
}

/** Steps after which the regret bound with its best step size is at most ε: T = (RG/ε)². */
export function sufficientSteps({ R, G, ε }: { R: number; G: number; ε: number }): number {
  return Math.ceil(((R * G) / ε) ** 2);
}

/**
 * Linearization error of f = m^{-1/2} Σ a_r σ(w_r·x), |a_r| = 1, ‖x‖ = 1, over the ball ‖W − W_0‖_F ≤ R [derived]:
 * |f − f_lin| ≤ C R²/(2√m) with C = sup|σ″| (softplus ¼, quadratic ReLU 2).
 */
export function linearizationBound({ C, R, m }: { C: number; R: number; m: number }): number {
  return (C * R ** 2) / (2 * Math.sqrt(m));
}

/**
 * What the two-layer network's own losses add to the regret bound along the iterates of its linearization [derived]: 2 e_lin with
 * e_lin = CR²/(2√m), since no loss at W_t or at W changes by more than e_lin (the loss is 1-Lipschitz in f). Here ∇l_t and G are those of f_lin.
 */
export function linearizationRegret({ C, R, m }: { C: number; R: number; m: number }): number {
  return 2 * linearizationBound({ C, R, m });
}

/**
 * What they add along iterates that follow the network's own gradients, G being theirs [derived]: the bound then linearizes f around W_t, not W_0; in the
 * ball W is at most 2R away, where the remainder is at most C(2R)²/(2√m) = 4 e_lin. Twice the above: 2 e_lin is not proved for such a run.
 */
export function curvatureRegret({ C, R, m }: { C: number; R: number; m: number }): number {
  return linearizationBound({ C, R: 2 * R, m });
}

/** C = sup|σ″| of the activations whose second derivative is bounded. */
export const curvature = { softplus: 0.25, "quadratic-relu": 2, tanh: 4 / (3 * Math.sqrt(3)) } as const;

/** Radius of each layer's ball in the scaling of the deep network (from memory): ‖W⁽ʰ⁾ − W₀⁽ʰ⁾‖_F ≤ R/√m. */
export function layerRadius(R: number, m: number): number {
  return R / Math.sqrt(m);
}

/**
 * P_{B(R)}: every layer whose displacement from initialization is longer than `radius` is scaled back to it; the others stay as they are.
 */
export function projectOntoBalls(W: Weights, W0: Weights, radius: number): Weights {
  return mapWeights(W, (layer, name) => {
    const length = displacement(layer, W0[name]);
    return length <= radius ? layer : between(W0[name], layer, radius / length);
  });
}

/** ‖W − W_0‖_F of one layer. */
export function displacement(layer: Tensor<"float64">, initial: Tensor<"float64">): number {
  let sum = 0;
  for (let i = 0; i < layer.data.length; i++) sum += (layer.data[i] - initial.data[i]) ** 2;
  return Math.sqrt(sum);
}

/** ‖W − W_0‖ over all layers together. */
export function weightDistance(W: Weights, W0: Weights): number {
  return Math.hypot(...Object.keys(W).map((name) => displacement(W[name], W0[name])));
}

/** ‖V‖ over all layers together. */
export function weightNorm(V: Weights): number {
  return Math.sqrt(Object.values(V).reduce((sum, layer) => sum + layer.data.reduce((inner, v) => inner + v * v, 0), 0));
}

/** W + scale·V; weights that V does not have stay as they are. */
export function plus(W: Weights, V: Weights, scale = 1): Weights {
  return mapWeights(W, (layer, name) => (V[name] ? { ...layer, data: layer.data.map((w, i) => w + scale * V[name].data[i]) } : layer));
}

function mapWeights(W: Weights, f: (layer: Tensor<"float64">, name: string) => Tensor<"float64">): Weights {
  return Object.fromEntries(Object.entries(W).map(([name, layer]) => [name, f(layer, name)]));
}

/** (1 − s)·a + s·b */
function between(a: Tensor<"float64">, b: Tensor<"float64">, s: number): Tensor<"float64"> {
  return { ...b, data: a.data.map((v, i) => v + s * (b.data[i] - v)) };
}

/**
 * Hidden units that a two-layer ReLU network needs to interpolate n points of R^d, and to interpolate them on balls around them, up to constants
 * [derived from n parameters against a VC dimension of order nd]: n/d and n/log(nd). Their ratio grows as d/log(nd).
 */
export function interpolationWidths({ n, d }: { n: number; d: number }): { plain: number; robust: number } {
  return { plain: n / d, robust: n / Math.log(n * d) };
}
