/** Matrix products and sums of products. */
import { add, matMul, mul, reshape, transposeLast, type Value } from "../../graph/index.ts";
import type { NodeReader } from "../reader.ts";
import { einsum } from "./einsum.ts";
import type { ImportRules } from "./rule.ts";

export const products: ImportRules = {
  MatMul: (node) => matMulAnyRank(node.input(0), node.input(1)),
  Gemm: gemm,
  Einsum: (node) => einsum(node.text("equation", ""), node.all()),
};

/** Vectors count as a row on the left and a column on the right, and lose that axis again. */
export function matMulAnyRank(a: Value, b: Value): Value {
  const left = a.shape.length === 1 ? reshape(a, [1, -1]) : a;
  const right = b.shape.length === 1 ? reshape(b, [-1, 1]) : b;
  const y = matMul(left, right);
  if (left === a && right === b) return y;
  const rank = y.shape.length;
  return reshape(
    y,
    y.shape.filter((_, axis) => !(left !== a && axis === rank - 2) && !(right !== b && axis === rank - 1)),
  );
}

/** α·A·B + β·C, with A and B transposed where asked. */
function gemm(node: NodeReader): Value {
  const a = node.flag("transA") ? transposeLast(node.input(0)) : node.input(0);
  const b = node.flag("transB") ? transposeLast(node.input(1)) : node.input(1);
  const [alpha, beta] = [node.float("alpha", 1), node.float("beta", 1)];
  if (a.shape.length !== 2 || b.shape.length !== 2) node.fail("multiplies what are not matrices");
  const product = alpha === 1 ? matMul(a, b) : mul(matMul(a, b), alpha);
  const c = node.optional(2);
  return c && beta !== 0 ? add(product, beta === 1 ? c : mul(c, beta)) : product;
}
