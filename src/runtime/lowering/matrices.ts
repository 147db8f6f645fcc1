/** Matrix products take transposes and a bias along (Gemm). */
import { rebuild, type Value } from "../../graph/index.ts";
import { gemm } from "./forms.ts";
import type { LoweringPass } from "./index.ts";
import { usesOf } from "./uses.ts";

/** MatMul of matrices becomes Gemm where an operand is a transpose; a bias that is added to it joins. */
export const useGemm: LoweringPass = (outputs) => addBias(rebuild(outputs, withTransposes));

function withTransposes(value: Value, [a, b]: readonly Value[]): Value | undefined {
  if (value.operator.name !== "MatMul" || a.shape.length !== 2 || b.shape.length !== 2 || !value.dtype.startsWith("float"))
    return undefined;
  const [left, right] = [transposed(a), transposed(b)];
  return gemm(left ?? a, right ?? b, undefined, { transA: left !== undefined, transB: right !== undefined });
}

/** The matrix that a value is the transpose of. */
function transposed(value: Value): Value | undefined {
  return value.operator.name === "Transpose" ? value.inputs[0] : undefined;
}

function addBias(outputs: readonly Value[]): Value[] {
  const uses = usesOf(outputs);
  return rebuild(outputs, (value, inputs) => {
    if (value.operator.name !== "Add") return undefined;
    for (const [i, product] of inputs.entries()) {
      const bias = inputs[1 - i];
      const alone = product.operator.name === "Gemm" && product.inputs.length === 2 && uses.get(value.inputs[i]) === 1;
      if (alone && bias.shape.length <= 1 && product.shape.length === 2 && value.shape[1] === product.shape[1]) {
        const [a, b] = product.inputs;
        return gemm(a, b, bias, product.attributes as { transA: boolean; transB: boolean });
      }
    }
    return undefined;
  });
}
