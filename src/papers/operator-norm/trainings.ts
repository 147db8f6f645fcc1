/** The four trainings that the paper compares, on one network and one data set, and the network before training. */
import { modelOracle, pgd, runAttack } from "../../attacks/index.ts";
import type { Batch, Dataset } from "../../data/index.ts";
import type { Architecture, Model, Weights } from "../../models/index.ts";
import type { Key } from "../../tensor/index.ts";
import { type Defense, globalSpectral, none, operatorNorm, pgdTraining, train } from "../../training/index.ts";
import type { Settings } from "./settings.ts";

export const trainings = ["standard", "adversarial", "global", "data-dependent"] as const;
export type Training = (typeof trainings)[number];

/** What is done in a training, with ε_train in input units. */
export function defenseOf(training: Training, epsilon: number, { iterations: steps, lambdas }: Settings): Defense {
  if (training === "adversarial") return pgdTraining({ norm: "l2", epsilon, steps, stepSize: (2 * epsilon) / steps });
  if (training === "global") return globalSpectral({ lambda: lambdas.global });
  if (training === "data-dependent") return operatorNorm({ epsilon, lambda: lambdas.dataDependent, iterations: steps });
  return none();
}

/** Trains from the same start in the same order, whatever the defense. */
export async function trainNetwork(
  network: Architecture,
  data: Dataset,
  defense: Defense,
  { epochs, batch: batchSize, optimizer, schedule, augment }: Settings,
  { key, progress }: { key: Key; progress: (fraction: number) => void },
): Promise<Weights> {
  const start = network.initialize(key.fold("initialization"));
  const options = { defense, optimizer: optimizer(), schedule, epochs, batchSize, augment, key: key.fold("training") };
  let perEpoch = 1;
  for await (const event of train(start, data, options)) {
    if (event.type === "start") perEpoch = event.stepsPerEpoch;
    if (event.type === "step") progress(event.step / (perEpoch * epochs));
    if (event.type === "end") return event.weights;
  }
  throw new Error("training ended without a word");
}

/** Accuracy at each radius under ℓ₂-PGD from a random start, within the box of the inputs; at 0 on clean inputs. */
export async function accuracyCurve(model: Model, { x, y }: Batch, radii: readonly number[], steps: number, key: Key): Promise<number[]> {
  const oracle = modelOracle(model);
  const curve: number[] = [];
  for (const epsilon of radii) {
    const attack = pgd({ steps, stepSize: (2 * epsilon) / steps });
    const { success, cleanPredictions } = await runAttack(oracle, attack, { x, labels: y.data }, { norm: "l2", epsilon }, { key });
    const standing = y.data.filter((label, i) => cleanPredictions[i] === label && success[i] === 0).length;
    curve.push(standing / y.data.length);
  }
  await oracle.release();
  return curve;
}

/** The paper's rule: the smallest radius at which almost all perturbed inputs fool the standard model (at most `share` stand). */
export function trainingRadius(radii: readonly number[], curve: readonly number[], share = 0.1): number {
  const first = curve.findIndex((accuracy) => accuracy <= share);
  return radii[first < 0 ? radii.length - 1 : first];
}
