/**
 * Neural tangent kernels in the limit of infinite width, in float64: two-layer networks (closed forms for the ReLU and the
 * quadratic ReLU, quadrature for smooth activations) and a deep network by recursion over its layers.
 * Points are the rows of [n, d] tensors, of any norm in the closed forms; quadrature refuses variances above 10⁶ (norms above 1000 for two layers,
 * 500 for the deep network). A kernel gives the [n, n'] matrix of its values.
 */
import { Matrix } from "ml-matrix";
import { ShapeError, type Tensor, tensor } from "../tensor/index.ts";
import { gaussianProduct } from "./ntk-quadrature.ts";

/** A positive semi-definite function of two sets of points [n, d] and [n', d], as the matrix [n, n'] of its values. */
export type Kernel = (x: Tensor<"float64">, z: Tensor<"float64">) => Matrix;

/** The two expectations by which an activation σ enters a kernel, for centred Gaussian (u, v) with variances p, q and covariance c. */
export interface DualActivation {
  name: string;
  /** E σ(u) σ(v). */
  value(p: number, q: number, c: number): number;
  /** E σ′(u) σ′(v). */
  slope(p: number, q: number, c: number): number;
}

/** σ(z) = max(z, 0): the arc-cosine kernels of order 1 and 0 (Cho and Saul 2009). */
export const reluDual: DualActivation = {
  name: "ReLU",
  value: (p, q, c) => (Math.sqrt(p * q) * arcCosine1(angle(p, q, c))) / (2 * Math.PI),
  slope: (p, q, c) => (Math.PI - angle(p, q, c)) / (2 * Math.PI),
};

/** σ(z) = max(z, 0)²: the arc-cosine kernels of order 2 and (σ′ = 2 max(z, 0)) four times order 1. */
export const quadraticReluDual: DualActivation = {
  name: "quadratic ReLU",
  value: (p, q, c) => (p * q * arcCosine2(angle(p, q, c))) / (2 * Math.PI),
  slope: (p, q, c) => (2 * Math.sqrt(p * q) * arcCosine1(angle(p, q, c))) / Math.PI,
};

/**
 * The dual of an activation σ that is analytic near the real line, by quadrature to about 1e-13 of E|σ(u)σ(v)|.
 * @throws RangeError (when evaluated) for an activation with a kink, or a variance above 10⁶.
 */
export function smoothDual(name: string, σ: (z: number) => number, σʹ: (z: number) => number): DualActivation {
  return { name, value: (p, q, c) => gaussianProduct(σ, p, q, c), slope: (p, q, c) => gaussianProduct(σʹ, p, q, c) };
}

/** σ(z) = log(1 + eᶻ). */
export const softplusDual: DualActivation = smoothDual(
  "softplus",
  (z) => Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z))),
  (z) => 1 / (1 + Math.exp(-z)),
);

/**
 * NTK of f(W, x) = m^{-1/2} Σ_r a_r σ(w_r·x), a_r = ±1, w_r ~ N(0, I), only W trained, as m → ∞:
 * K(x, x′) = ⟨x, x′⟩ E σ′(w·x) σ′(w·x′). On the unit sphere with t = ⟨x, x′⟩ = cos θ [derived]:
 * ReLU t(π − θ)/2π; quadratic ReLU (2/π) t (sin θ + (π − θ) t). That Gao et al. (2019) use this network and kernel is from memory.
 */
export function twoLayerNtk(dual: DualActivation): Kernel {
  return kernelOf((p, q, c) => c * dual.slope(p, q, c));
}

/**
 * Θ = lim K/m of the deep network (`deepNetwork`) x⁰ = A x, xʰ = σ_m(W⁽ʰ⁾ xʰ⁻¹), f = aᵀ xᴴ, A, W ~ N(0, 2/m), a ~ N(0, 1), only
 * W⁽¹⁾…W⁽ᴴ⁾ trained, where σ_m(z) = σ(√m z)/√m (σ itself for the ReLU). With Σ⁰ = 2⟨x, x′⟩ and (u, v) of covariance 2Σʰ⁻¹:
 * Σʰ = E σ(u)σ(v), Σ̇ʰ = E σ′(u)σ′(v), Θ = Σ_h Σʰ⁻¹ Σ̇ʰ Π_{k>h} 2Σ̇ᵏ. [derived]
 * @throws RangeError when `depth` is not a positive integer.
 */
export function deepNtk(dual: DualActivation, depth: number): Kernel {
  if (!Number.isInteger(depth) || depth < 1) throw new RangeError(`a network has 1, 2, 3 … hidden layers, not ${depth}`);
  return kernelOf((p, q, c) => {
    let [Σp, Σq, Σc, Θ] = [2 * p, 2 * q, 2 * c, 0];
    for (let h = 1; h <= depth; h++) {
      const covariance = [2 * Σp, 2 * Σq, 2 * Σc] as const;
      Θ = dual.slope(...covariance) * (Σc + 2 * Θ);
      Σc = dual.value(...covariance);
      Σp = dual.value(covariance[0], covariance[0], covariance[0]);
      Σq = dual.value(covariance[1], covariance[1], covariance[1]);
    }
    return Θ;
  });
}

/**
 * The kernel of networks with a bias: every point gets one more coordinate, equal to `constant`. It frees a kernel from homogeneity, and keeps points away
 * from antipodes, where the kernels of the ReLU and its square are not universal.
 */
export function withConstant(kernel: Kernel, constant = 1): Kernel {
  const extended = ({ shape: [n, d], data }: Tensor<"float64">) => {
    const values = Float64Array.from({ length: n * (d + 1) }, (_, i) =>
      i % (d + 1) < d ? data[Math.floor(i / (d + 1)) * d + (i % (d + 1))] : constant,
    );
    return tensor(values, [n, d + 1], "float64");
  };
  return (x, z) => {
    const points = extended(x);
    return kernel(points, x === z ? points : extended(z));
  };
}

/** The kernel whose values depend on ‖x‖², ‖x′‖² and ⟨x, x′⟩ only. @throws ShapeError when the points do not have one dimension. */
function kernelOf(value: (p: number, q: number, c: number) => number): Kernel {
  return (x, z) => {
    if (x.shape.length !== 2 || z.shape.length !== 2 || x.shape[1] !== z.shape[1]) {
      throw new ShapeError(`a kernel takes points [n, d] and [n', d], not [${x.shape}] and [${z.shape}]`);
    }
    const inner = rowsOf(x).mmul(rowsOf(z).transpose());
    const [p, q] = [squaredNorms(x), squaredNorms(z)];
    const symmetric = x === z;
    for (let i = 0; i < inner.rows; i++) {
      for (let j = symmetric ? i : 0; j < inner.columns; j++) {
        const entry = value(p[i], q[j], symmetric && i === j ? p[i] : inner.get(i, j));
        inner.set(i, j, entry);
        if (symmetric) inner.set(j, i, entry);
      }
    }
    return inner;
  };
}

/** A tensor [n, d] as a matrix (copied). */
export function rowsOf(x: Tensor<"float64">): Matrix {
  return Matrix.from1DArray(x.shape[0], x.shape[1], x.data);
}

function squaredNorms(x: Tensor<"float64">): Float64Array {
  const [n, d] = x.shape;
  return Float64Array.from({ length: n }, (_, i) => x.data.subarray(i * d, (i + 1) * d).reduce((sum, v) => sum + v * v, 0));
}

/** The angle between two Gaussian variables; a right angle when one of them is constant. */
function angle(p: number, q: number, c: number): number {
  const scale = Math.sqrt(p * q);
  return scale > 0 ? Math.acos(Math.max(-1, Math.min(1, c / scale))) : Math.PI / 2;
}

function arcCosine1(θ: number): number {
  return Math.sin(θ) + (Math.PI - θ) * Math.cos(θ);
}

function arcCosine2(θ: number): number {
  return 3 * Math.sin(θ) * Math.cos(θ) + (Math.PI - θ) * (1 + 2 * Math.cos(θ) ** 2);
}
