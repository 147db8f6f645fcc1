/** Predicted classes of many points. */
import { argMax, exampleRows, type Oracle } from "../attacks/index.ts";
import type { Tensor } from "../tensor/index.ts";

/** The class of each of [N, …]. */
export async function predict(oracle: Oracle, points: Tensor<"float32">): Promise<Int32Array> {
  const rows = exampleRows(points);
  const classes = new Int32Array(rows.length);
  for (let start = 0; start < rows.length; start += oracle.batchSize) {
    const queries = rows.slice(start, start + oracle.batchSize).map((point) => ({ point, want: "logits", label: 0 }) as const);
    (await oracle.answer(queries)).forEach(({ logits }, i) => {
      classes[start + i] = argMax(logits);
    });
  }
  return classes;
}
