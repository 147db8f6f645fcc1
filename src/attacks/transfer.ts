/** Points that were made elsewhere, tried on another model. */
import type { Tensor } from "../tensor/index.ts";
import { type Attack, attack } from "./attack.ts";
import { AttackError } from "./oracle.ts";
import { exampleRows, project } from "./threat.ts";

/** Tries row i of `points` [N, …] on the example whose index is i, moved into its set; `from` says where they come from, for the report. */
export function transfer(points: Tensor<"float32">, from = "another model"): Attack {
  const rows = exampleRows(points);
  const replay = attack(
    "transfer",
    { from },
    function* ({ set, index }) {
      const point = rows[index];
      if (point?.length !== set.center.length)
        throw new AttackError(`the points to transfer have no row ${index} of ${set.center.length} components: [${points.shape}]`);
      yield { point: project(set, point.slice()), want: "logits" };
    },
    { norms: ["linf", "l2", "l1", "l0"], needs: "classes" },
  );
  return replay();
}
