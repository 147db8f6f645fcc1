/**
 * Products with a matrix that was multiplied by an outer product, (u v) ⊙ D: rows and columns of D scaled. The scaling moves to the other operand
 * and the result, so that neither u v nor its product with D is ever computed. Such matrices arise as the gradient behind a network's only output.
 */
import { mul } from "./operators/elementwise.ts";
import { matMul } from "./operators/matmul.ts";
import { reshape, transpose } from "./operators/shape.ts";
import type { Pass } from "./rewrite.ts";
import { rebuild } from "./traverse.ts";
import type { Value } from "./value.ts";

/**
 * (uv ⊙ D) Q = u ⊙ D(vᵀ ⊙ Q), L (uv ⊙ D) = (L ⊙ uᵀ)D ⊙ v and Σ over rows of uv ⊙ D = uᵀD ⊙ v, for matrices D [n, k], u [n, 1], v [1, k],
 * Q [k, m] and L [m, n] with m ≤ n and m ≤ k.
 */
export const moveRankOneFactors: Pass = (outputs) =>
  rebuild(outputs, (value, [a, b]) => {
    if (value.operator.name === "ReduceSum") {
      const { axes } = value.attributes as { axes: readonly number[] };
      const scaled = axes.length === 1 && axes[0] === 0 && asScaled(a);
      return scaled ? reshape(mul(matMul(transpose(scaled.u), scaled.D), scaled.v), value.shape) : undefined;
    }
    if (value.operator.name !== "MatMul" || value.shape.length !== 2) return undefined;
    const left = b.shape[1] <= a.shape[0] && asScaled(a);
    if (left) return mul(left.u, matMul(left.D, mul(transpose(left.v), b)));
    const right = a.shape[0] <= b.shape[1] && asScaled(b);
    return right ? mul(matMul(mul(a, transpose(right.u)), right.D), right.v) : undefined;
  });

function asScaled(x: Value): { u: Value; v: Value; D: Value } | undefined {
  if (x.operator.name !== "Mul" || x.shape.length !== 2) return undefined;
  const [D, outer] = isOuterProduct(x.inputs[0], x) ? [x.inputs[1], x.inputs[0]] : x.inputs;
  if (!isOuterProduct(outer, x) || D.shape.length !== 2 || D.shape.some((extent, axis) => extent !== x.shape[axis])) return undefined;
  return { u: outer.inputs[0], v: outer.inputs[1], D };
}

const isOuterProduct = (x: Value, { shape }: Value): boolean =>
  x.operator.name === "MatMul" && x.inputs[0].shape[1] === 1 && x.shape.length === 2 && x.shape.every((extent, i) => extent === shape[i]);
