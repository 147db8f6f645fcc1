/** The last word on witnesses: whoever found them, each is checked again before it counts. */
import { contains, distance, exampleRows, type Oracle, perturbationSets, SoundnessError, type ThreatModel } from "../attacks/index.ts";
import { type Tensor, takeRows } from "../tensor/index.ts";
import { predict } from "./predict.ts";

export interface Claimed {
  /** Number of the example. */
  readonly index: number;
  readonly label: number;
  /** Class that the model is said to give the point. */
  readonly adversarial: number;
  /** [1, …] or the point alone. */
  readonly point: Tensor<"float32">;
}

/**
 * Checks that every witness lies within ε of its input and in the box, by its own numbers, and that a fresh forward pass gives it another class than its
 * label, the one that was reported. @throws SoundnessError naming the first that does not hold.
 */
export async function recheck(oracle: Oracle, x: Tensor<"float32">, threat: ThreatModel, witnesses: readonly Claimed[]): Promise<void> {
  const sets = perturbationSets(exampleRows(x), threat, oracle.domain);
  for (const { index, point } of witnesses) {
    const set = sets[index];
    if (!set || point.data.length !== set.center.length)
      throw new SoundnessError(`the witness of example ${index} has ${point.data.length} components and no input that fits it`);
    if (!contains(set, point.data))
      throw new SoundnessError(
        `the witness of example ${index} lies at ${distance(point.data, set.center, threat.norm)} in ${threat.norm}, outside ε = ${set.epsilon} or the box`,
      );
  }
  if (witnesses.length === 0) return;
  const points = takeRows(x, new Int32Array(witnesses.length));
  const rows = exampleRows(points);
  witnesses.forEach(({ point }, i) => {
    rows[i].set(point.data);
  });
  const classes = await predict(oracle, points);
  witnesses.forEach(({ index, label, adversarial }, i) => {
    if (classes[i] === label) throw new SoundnessError(`the witness of example ${index} is classified as its own class ${label}`);
    if (classes[i] !== adversarial)
      throw new SoundnessError(`the witness of example ${index} is classified as ${classes[i]}, not as ${adversarial} as reported`);
  });
}
