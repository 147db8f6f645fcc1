/**
 * What an attack is, and the one outer call that runs every attack.
 *
 * An attack is a procedure for one example, written as a generator: it yields questions about points and is sent the answers. The outer call
 * runs many examples at once and packs their questions into full batches: an example that is done leaves, the next takes its place. It
 * also does what no attack may forget: it counts evaluations, keeps the best point seen inside the perturbation set, stops at success, and in
 * the end checks budget, box and success of every returned point by a fresh forward pass.
 */
import { type Key, size, type Tensor } from "../tensor/index.ts";
import { type Answer, AttackError, type Oracle, type Query } from "./oracle.ts";
import { contains, distance, epsilonOf, exampleRows, type PerturbationSet, type ThreatModel } from "./threat.ts";

/** What a procedure knows of its example. */
export interface Example {
  readonly set: PerturbationSet;
  readonly label: number;
  /** Class aimed at, when the attack is targeted. */
  readonly target?: number;
  readonly classes: number;
  /** Shape of the example, e.g. [channels, height, width]. */
  readonly shape: readonly number[];
  /** Randomness of this example: the same whatever batch it is in. */
  readonly key: Key;
}

/** What is wanted to know about a point; the label is filled in. */
export type Question = Pick<Query, "point" | "want" | "target">;

/** The steps of an attack on one example. Answers are views that the next question overwrites. */
export type Procedure<Parameters> = (example: Example, parameters: Parameters) => Generator<Question, void, Answer>;

/** An attack with its hyper-parameters. */
export interface Attack {
  readonly name: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  /** "maximum-loss" looks for a misclassified point inside the ball, "minimum-norm" for the nearest misclassified point. */
  readonly goal: "maximum-loss" | "minimum-norm";
  readonly steps: (example: Example) => Generator<Question, void, Answer>;
}

/** Defines an attack: a constructor of hyper-parameters with defaults. */
export function attack<Parameters extends object>(
  name: string,
  defaults: Parameters,
  procedure: Procedure<Parameters>,
  { goal = "maximum-loss" }: { goal?: Attack["goal"] } = {},
): (parameters?: Partial<Parameters>) => Attack {
  return (given = {}) => {
    const unknown = Object.keys(given).find((parameter) => !(parameter in defaults));
    if (unknown) throw new AttackError(`${name} has no parameter "${unknown}"; it has ${Object.keys(defaults).join(", ")}`);
    const parameters = { ...defaults, ...given };
    return { name, parameters: parameters as Record<string, unknown>, goal, steps: (example) => procedure(example, parameters) };
  };
}

export interface AttackData {
  /** Inputs [N, …] in input units. */
  readonly x: Tensor<"float32">;
  /** True classes. */
  readonly labels: ArrayLike<number>;
  /** Classes aimed at; with them success means being classified as the target. */
  readonly targets?: ArrayLike<number>;
  /** Numbers of the examples in their data set, which their random streams follow; default 0 … N−1. */
  readonly indices?: ArrayLike<number>;
}

export interface AttackOptions {
  key: Key;
  /** Leave an example as soon as a misclassified point is found (default), or run to the end for the largest margin. */
  stopAtSuccess?: boolean;
  onProgress?(done: number, total: number): void;
}

/** What an attack found, one entry per example, with the evidence. */
export interface AttackResult {
  readonly attack: string;
  readonly threat: ThreatModel;
  /** The best points, [N, …]; the input itself where nothing better was found. */
  readonly adversarial: Tensor<"float32">;
  /** Whether the returned point is misclassified (or classified as the target), by a fresh forward pass. */
  readonly success: Uint8Array;
  /** Class of the untouched input. */
  readonly cleanPredictions: Int32Array;
  /** Class of the returned point by that pass. */
  readonly predictions: Int32Array;
  /** Distance of the returned point from the input in the threat model's norm. */
  readonly distances: Float64Array;
  readonly forwardEvaluations: Int32Array;
  readonly gradientEvaluations: Int32Array;
}

/** A point that an attack returned breaks its budget, leaves the box or is not what it was said to be. */
export class SoundnessError extends Error {
  override name = "SoundnessError";
}

/**
 * Runs an attack on every example.
 * @throws ThreatError for an impossible ε, AttackError for data that do not fit the model, SoundnessError should a result break its budget.
 */
export async function runAttack(
  oracle: Oracle,
  chosen: Attack,
  data: AttackData,
  threat: ThreatModel,
  { key, stopAtSuccess = chosen.goal === "maximum-loss", onProgress = () => {} }: AttackOptions,
): Promise<AttackResult> {
  const hunts = prepare(oracle, data, threat, key);
  const total = hunts.length;
  let [next, done] = [0, 0];
  let active: Hunt[] = [];
  const advance = (hunt: Hunt, answer?: Answer) => {
    const stopped = stopAtSuccess && hunt.succeeded;
    const step = stopped || !hunt.steps ? undefined : answer ? hunt.steps.next(answer) : hunt.steps.next();
    hunt.question = step && !step.done ? step.value : undefined;
    if (!hunt.question) onProgress(++done, total);
    return hunt.question !== undefined;
  };
  while (next < total || active.length > 0) {
    while (active.length < oracle.batchSize && next < total) {
      const hunt = hunts[next++];
      // The clean point is asked about first: an example that is wrong already is not attacked, and ε = 0 is the identity.
      hunt.question = { point: hunt.example.set.center.slice(), want: "logits" };
      active.push(hunt);
    }
    const group = largestGroup(active).slice(0, oracle.batchSize);
    const answers = await oracle.answer(
      group.map(({ question, example }) => ({
        ...(question as Question),
        label: example.label,
        target: (question as Question).target ?? example.target,
      })),
    );
    group.forEach((hunt, i) => {
      observe(hunt, hunt.question as Question, answers[i], chosen.goal);
      if (hunt.steps) advance(hunt, answers[i]);
      else {
        hunt.cleanPrediction = argMax(answers[i].logits);
        if (hunt.example.set.epsilon > 0) hunt.steps = chosen.steps(hunt.example);
        advance(hunt);
      }
    });
    active = active.filter((hunt) => hunt.question);
  }
  return check(oracle, chosen, hunts, data.x.shape, threat);
}

/** One example under attack. */
interface Hunt {
  readonly example: Example;
  steps?: Generator<Question, void, Answer>;
  question?: Question;
  best: Float32Array;
  bestScore: number;
  succeeded: boolean;
  cleanPrediction: number;
  forward: number;
  gradient: number;
}

function prepare(oracle: Oracle, { x, labels, targets, indices }: AttackData, threat: ThreatModel, key: Key): Hunt[] {
  const width = size(oracle.inputShape);
  if (x.data.length !== x.shape[0] * width) throw new AttackError(`the model takes inputs [N,${oracle.inputShape}], not [${x.shape}]`);
  if (labels.length !== x.shape[0]) throw new AttackError(`there are ${labels.length} labels for ${x.shape[0]} inputs`);
  const { low, high } = oracle.domain;
  return exampleRows(x).map((center, i) => {
    for (const classes of [labels, targets ?? []]) {
      if (classes.length > i && !(Number.isInteger(classes[i]) && classes[i] >= 0 && classes[i] < oracle.classes)) {
        throw new AttackError(`example ${i} has the class ${classes[i]}, but the model knows 0 … ${oracle.classes - 1}`);
      }
    }
    const outside = center.findIndex((v) => !(v >= low && v <= high));
    if (outside >= 0) {
      throw new AttackError(
        `example ${i} has the value ${center[outside]} outside the input domain [${low}, ${high}]: inputs and ε share the units of this domain`,
      );
    }
    const set: PerturbationSet = { center, norm: threat.norm, epsilon: epsilonOf(threat, i), low, high };
    const example: Example = {
      set,
      label: labels[i],
      target: targets?.[i],
      classes: oracle.classes,
      shape: oracle.inputShape,
      key: key.fold(indices?.[i] ?? i),
    };
    return { example, best: center.slice(), bestScore: -Infinity, succeeded: false, cleanPrediction: -1, forward: 0, gradient: 0 };
  });
}

/** Books a point: counts it, and keeps it when it is allowed and the best so far. */
function observe(hunt: Hunt, { point, want }: Question, { logits }: Answer, goal: Attack["goal"]): void {
  hunt.forward++;
  if (want !== "logits") hunt.gradient++;
  const { example } = hunt;
  const success = succeeds(example, argMax(logits));
  const inBox = contains(goal === "minimum-norm" ? { ...example.set, epsilon: Infinity } : example.set, point);
  if (!inBox) return;
  const score =
    goal === "minimum-norm" ? (success ? -distance(point, example.set.center, example.set.norm) : -Infinity) : margin(example, logits);
  if (success) hunt.succeeded = true;
  if (score > hunt.bestScore) {
    hunt.bestScore = score;
    hunt.best.set(point);
  }
}

async function check(
  oracle: Oracle,
  chosen: Attack,
  hunts: readonly Hunt[],
  shape: readonly number[],
  threat: ThreatModel,
): Promise<AttackResult> {
  const count = hunts.length;
  const result = {
    attack: chosen.name,
    threat,
    adversarial: { dtype: "float32" as const, shape, data: new Float32Array(size(shape)) },
    success: new Uint8Array(count),
    cleanPredictions: Int32Array.from(hunts, (hunt) => hunt.cleanPrediction),
    predictions: new Int32Array(count),
    distances: new Float64Array(count),
    forwardEvaluations: Int32Array.from(hunts, (hunt) => hunt.forward),
    gradientEvaluations: Int32Array.from(hunts, (hunt) => hunt.gradient),
  };
  const points = exampleRows(result.adversarial);
  for (let start = 0; start < count; start += oracle.batchSize) {
    const slots = hunts.slice(start, start + oracle.batchSize);
    const answers = await oracle.answer(slots.map(({ best, example }) => ({ point: best, want: "logits", label: example.label })));
    slots.forEach(({ best, example }, i) => {
      const index = start + i;
      const set = chosen.goal === "minimum-norm" ? { ...example.set, epsilon: Infinity } : example.set;
      if (!contains(set, best)) {
        throw new SoundnessError(
          `${chosen.name} returned a point at ${distance(best, set.center, set.norm)} from example ${index}, outside its ε = ${set.epsilon} or the input domain`,
        );
      }
      points[index].set(best);
      result.predictions[index] = argMax(answers[i].logits);
      result.success[index] = succeeds(example, result.predictions[index]) ? 1 : 0;
      result.distances[index] = distance(best, set.center, set.norm);
    });
  }
  return result;
}

/** The questions that can share a batch, most first. */
function largestGroup(active: readonly Hunt[]): Hunt[] {
  const groups = new Map<string, Hunt[]>();
  for (const hunt of active) {
    const want = (hunt.question as Question).want;
    groups.set(want, [...(groups.get(want) ?? []), hunt]);
  }
  return [...groups.values()].reduce((largest, group) => (group.length > largest.length ? group : largest));
}

function succeeds({ label, target }: Example, prediction: number): boolean {
  return target === undefined ? prediction !== label : prediction === target;
}

/** max_{j≠y} z_j − z_y, or for a target z_t − max_{j≠t} z_j: positive where the attack succeeds. NaN logits count as the worst. */
function margin({ label, target }: Example, logits: Float32Array): number {
  const own = target ?? label;
  let other = -Infinity;
  for (let j = 0; j < logits.length; j++) if (j !== own) other = Math.max(other, logits[j]);
  const difference = target === undefined ? other - logits[own] : logits[own] - other;
  return Number.isNaN(difference) ? -Infinity : difference;
}

/** Index of the first largest. */
export function argMax(values: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i] > values[best]) best = i;
  return best;
}
