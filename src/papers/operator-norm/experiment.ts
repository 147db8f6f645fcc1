/** What is run: the exact checks in float64, then the four trainings with everything that is measured on them. Every piece is remembered. */
import { digits, take, whole } from "../../data/index.ts";
import { loadData } from "../../data/node/index.ts";
import type { Model, Weights } from "../../models/index.ts";
import { tensor } from "../../tensor/index.ts";
import type { Bench } from "../laboratory.ts";
import { compareIterations, type EquivalenceRecord, normPairs } from "./equivalence.ts";
import { type Geometry, measureGeometry, multiples } from "./geometry.ts";
import {
  type BruteForceRecord,
  checkGlobalBound,
  compareObjectives,
  compareWithBruteForce,
  type GlobalRecord,
  measureRates,
  type ObjectiveRecord,
  type RateRecord,
} from "./identities.ts";
import { settings } from "./settings.ts";
import { accuracyCurve, defenseOf, type Training, trainingRadius, trainings, trainNetwork } from "./trainings.ts";

export interface NetworkRecord {
  name: Training | "untrained";
  /** Accuracy under attack at 0 and at `multiples` of ε_train; none for the untrained network. */
  accuracy: number[];
  geometry: Geometry;
}

/** What the claims and figures are about. */
export interface Lab {
  equivalence: EquivalenceRecord[];
  bruteForce: BruteForceRecord;
  objectives: ObjectiveRecord;
  rates: RateRecord[];
  global: GlobalRecord;
  /** Dimension of the inputs, number of test examples for Jacobians and for accuracy. */
  dimension: number;
  points: number;
  judged: number;
  epsilon: number;
  networks: NetworkRecord[];
}

export async function run({ mode, key: root, progress, remember }: Bench): Promise<Lab> {
  const key = root.fold("operator-norm");
  const exact = key.fold("exact");
  const equivalence: EquivalenceRecord[] = [];
  for (const [i, pair] of normPairs.entries()) {
    progress(`ascent against power method, p = ${pair[0]}, q = ${pair[1]}`, (0.08 * i) / normPairs.length);
    equivalence.push(await remember(`equivalence ${pair}`, () => compareIterations(exact, pair)));
  }
  progress("objectives, rates, brute force, global bound", 0.08);
  const bruteForce = await remember("brute force", () => compareWithBruteForce(exact));
  const objectives = await remember("objectives", () => compareObjectives(exact));
  const rates = await remember("rates", () => measureRates(exact));
  const global = await remember("global bound", () => checkGlobalBound(exact));

  const own = settings[mode];
  const network = own.network();
  const load = async (split: "train" | "test", count: number) =>
    own.data === "digits" ? digits({ split, count }) : take(await loadData(own.data, { split }), count);
  const data = await load("train", own.training);
  const test = await load("test", own.judged);
  const [judged, points] = [whole(test), whole(take(test, own.points))];
  const shares: Record<Training, number> = { standard: 0.03, adversarial: 0.25, global: 0.05, "data-dependent": 0.42 };
  let done = 0.12;
  const trained = async (training: Training, epsilon: number): Promise<Model> => {
    const from = done;
    done += shares[training];
    const report = (fraction: number) => progress(`${training} training`, from + fraction * shares[training]);
    const defense = defenseOf(training, epsilon, own);
    const weights = await remember(`${training} weights, ε = ${epsilon}`, async () =>
      packed(await trainNetwork(network, data, defense, own, { key, progress: report })),
    );
    return { network, weights: unpacked(weights) };
  };

  const standard = await trained("standard", 0);
  const found = await remember("standard curve", () => accuracyCurve(standard, judged, own.radii, own.iterations, key.fold("radius")));
  const epsilon = trainingRadius(own.radii, found);

  const networks: NetworkRecord[] = [];
  for (const name of ["untrained", ...trainings] as const) {
    const model =
      name === "untrained" ? network.initialize(key.fold("initialization")) : name === "standard" ? standard : await trained(name, epsilon);
    progress(`${name}: accuracy and geometry`, done);
    const radii = [0, ...multiples.map((multiple) => multiple * epsilon)];
    const accuracy =
      name === "untrained"
        ? []
        : await remember(`${name} accuracy`, () => accuracyCurve(model, judged, radii, own.iterations, key.fold("judge")));
    const geometry = await remember(`${name} geometry`, () =>
      measureGeometry(model, points, epsilon, own.iterations, key.fold("geometry")),
    );
    networks.push({ name, accuracy, geometry });
    done += 0.02;
  }
  progress("done", 1);
  const { length } = judged.y.data;
  return {
    equivalence,
    bruteForce,
    objectives,
    rates,
    global,
    dimension: points.x.data.length / points.x.shape[0],
    points: points.x.shape[0],
    judged: length,
    epsilon,
    networks,
  };
}

/** Weights as text that survives JSON: float32 in base64. */
function packed(weights: Weights): Record<string, { shape: readonly number[]; data: string }> {
  return Object.fromEntries(
    Object.entries(weights).map(([name, { shape, data }]) => [
      name,
      { shape, data: Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("base64") },
    ]),
  );
}

function unpacked(weights: ReturnType<typeof packed>): Weights {
  return Object.fromEntries(
    Object.entries(weights).map(([name, { shape, data }]) => {
      const bytes = Uint8Array.from(Buffer.from(data, "base64"));
      return [name, tensor(new Float32Array(bytes.buffer), shape, "float32")];
    }),
  );
}
