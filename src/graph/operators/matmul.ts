/** Matrix products over leading batch axes, which broadcast. */
import { size } from "../../tensor/index.ts";
import { alignBatch, broadcastIndices, broadcastShapes, sumTo } from "../broadcast.ts";
import { apply, describe, GraphError, type Operator, operator, type Value } from "../value.ts";
import { transposeLast } from "./shape.ts";

const matMulOperator: Operator = operator("MatMul", {
  shape: ([a, b]) => {
    const [m, k] = a.shape.slice(-2);
    const [k2, n] = b.shape.slice(-2);
    if (a.shape.length < 2 || b.shape.length < 2 || k !== k2)
      throw new GraphError(`MatMul of ${describe(a)} and ${describe(b)} does not fit`);
    if (a.dtype !== b.dtype) throw new GraphError(`MatMul of ${a.dtype} and ${b.dtype}: cast one of them`);
    return [...broadcastShapes(a.shape.slice(0, -2), b.shape.slice(0, -2)), m, n];
  },
  gradient: ([a, b], dy) => [sumTo(matMul(dy, transposeLast(b)), a.shape), sumTo(matMul(transposeLast(a), dy), b.shape)],
  reference: ([a, b], _, { shape }) => {
    const [m, n] = shape.slice(-2);
    const k = a.shape[a.shape.length - 1];
    const batch = shape.slice(0, -2);
    const [fromA, fromB] = [broadcastIndices(a.shape.slice(0, -2), batch), broadcastIndices(b.shape.slice(0, -2), batch)];
    const result = new Float64Array(size(shape));
    for (let s = 0; s < fromA.length; s++) {
      const [a0, b0, c0] = [fromA[s] * m * k, fromB[s] * k * n, s * m * n];
      for (let i = 0; i < m; i++) {
        for (let l = 0; l < k; l++) {
          const scale = a.data[a0 + i * k + l];
          for (let j = 0; j < n; j++) result[c0 + i * n + j] += scale * b.data[b0 + l * n + j];
        }
      }
    }
    return result;
  },
  batch: (inputs) => apply(matMulOperator, alignBatch(inputs)),
});

/** [..., m, k] · [..., k, n] → [..., m, n]; leading axes broadcast. */
export const matMul = (a: Value, b: Value): Value => apply(matMulOperator, [a, b]);
