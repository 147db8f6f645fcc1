/**
 * The one outer call that runs every attack. It runs many examples at once and packs their questions into full batches: an example that is done
 * leaves, the next takes its place. It counts evaluations, keeps the best point seen inside the perturbation set, stops at success, and in the
 * end checks budget, box and success of every returned point by a fresh forward pass.
 */
import { type Key, size, type Tensor } from "../tensor/index.ts";
import type { Attack, Example, Question, Steps } from "./attack.ts";
import { remedy } from "./black-box.ts";
import { throughLanes } from "./lanes.ts";
import { targetedForm } from "./losses.ts";
import { type Answer, AttackError, type Oracle, type Query } from "./oracle.ts";
import { contains, distance, exampleRows, perturbationSets, ThreatError, type ThreatModel } from "./threat.ts";

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
  /** Leave an example as soon as a misclassified point inside the set is found, or run to the end for the largest margin or the least distance. */
  stopAtSuccess?: boolean;
  onProgress?(done: number, total: number): void;
}

/** What an attack found, one entry per example, with the evidence. */
export interface AttackResult {
  readonly attack: string;
  readonly threat: ThreatModel;
  /** The best points, [N, …]; the input itself where nothing better was found. */
  readonly adversarial: Tensor<"float32">;
  /** Whether the returned point lies in its set and is misclassified (or classified as the target), by a fresh forward pass. */
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
 * @throws ThreatError for an impossible threat model, AttackError for data that do not fit the model, SoundnessError should a result break its budget.
 */
export async function runAttack(
  oracle: Oracle,
  chosen: Attack,
  data: AttackData,
  threat: ThreatModel,
  { key, stopAtSuccess = chosen.goal === "maximum-loss", onProgress = () => {} }: AttackOptions,
): Promise<AttackResult> {
  const hunts = prepare(oracle, chosen, data, threat, key);
  const usable = oracle.lanes?.filter((lane) => lane.runs(chosen)) ?? [];
  if (usable.length > 0) return throughLanes(usable, chosen, data, threat, { key, stopAtSuccess, onProgress });
  let done = 0;
  const onDone = () => onProgress(++done, hunts.length);
  await pursue(oracle, chosen, hunts, { stopAtSuccess, masked: !!threat.mask, onDone });
  return check(oracle, chosen, hunts, data.x.shape, threat);
}

/** Asks for the hunts, many at once, until all of them are done. */
async function pursue(
  oracle: Oracle,
  chosen: Attack,
  hunts: readonly Hunt[],
  { stopAtSuccess, masked, onDone }: { stopAtSuccess: boolean; masked: boolean; onDone: () => void },
): Promise<void> {
  let next = 0;
  let active: Hunt[] = [];
  const advance = (hunt: Hunt, answer?: Answer) => {
    const stopped = stopAtSuccess && hunt.succeeded;
    const step = stopped || !hunt.steps ? undefined : answer ? hunt.steps.next(answer) : hunt.steps.next();
    hunt.question = step && !step.done ? step.value : undefined;
    if (!hunt.question) onDone();
  };
  while (next < hunts.length || active.length > 0) {
    // Twice a batch, so that one kind of question fills it while examples wait with another.
    while (active.length < 2 * oracle.batchSize && next < hunts.length) {
      const hunt = hunts[next++];
      // The clean point is asked about first: an example that is wrong already is not attacked, and ε = 0 is the identity.
      hunt.question = { point: hunt.example.set.center.slice(), want: "logits" };
      active.push(hunt);
    }
    const group = largestGroup(active, oracle.batchSize);
    const answers = await oracle.answer(group.map(queryOf));
    group.forEach((hunt, i) => {
      const started = hunt.steps !== undefined;
      if (!started) begin(hunt, answers[i].logits, chosen);
      observe(hunt, hunt.question as Question, answers[i], chosen.goal);
      if (masked) holdMasked(hunt, answers[i].gradient);
      advance(hunt, started ? answers[i] : undefined);
    });
    active = active.filter((hunt) => hunt.question);
  }
}

/** One example under attack. */
interface Hunt {
  readonly example: Omit<Example, "logits">;
  steps?: Steps;
  question?: Question;
  best: Float32Array;
  bestScore: number;
  succeeded: boolean;
  cleanPrediction: number;
  forward: number;
  gradient: number;
}

/** How much is told. */
const depth = { classes: 0, scores: 1, gradients: 2 };

function prepare(oracle: Oracle, chosen: Attack, data: AttackData, threat: ThreatModel, key: Key): Hunt[] {
  checkData(oracle, data);
  if (!chosen.norms.includes(threat.norm))
    throw new ThreatError(`${chosen.name} is defined for ${chosen.norms.join(", ")}, not for ${threat.norm}`);
  if (depth[chosen.needs] > depth[oracle.gives])
    throw new AttackError(`${chosen.name} needs ${chosen.needs}, and this model only predicts ${oracle.gives}: ${remedy(oracle.gives)}`);
  const { x, labels, targets, indices } = data;
  const sets = perturbationSets(exampleRows(x), threat, oracle.domain, { unbounded: chosen.goal === "minimum-norm" });
  return sets.map((set, i) => {
    const index = indices?.[i] ?? i;
    const example = {
      set,
      label: labels[i],
      target: targets?.[i],
      classes: oracle.classes,
      shape: oracle.inputShape,
      index,
      key: key.fold(index),
    };
    return { example, best: set.center.slice(), bestScore: -Infinity, succeeded: false, cleanPrediction: -1, forward: 0, gradient: 0 };
  });
}

/** @throws AttackError for inputs, labels or targets that do not fit the model. */
export function checkData({ inputShape, domain: { low, high }, classes }: Oracle, { x, labels, targets }: AttackData): void {
  const width = size(inputShape);
  if (x.dtype !== "float32") throw new AttackError(`inputs are float32, not ${x.dtype}: convert them with cast(x, "float32")`);
  if (x.data.length !== x.shape[0] * width || size(x.shape) !== x.data.length)
    throw new AttackError(`the model takes inputs [N,${inputShape}], not [${x.shape}]`);
  if (x.shape[0] === 0) throw new AttackError("there are no examples");
  if (labels.length !== x.shape[0]) throw new AttackError(`there are ${labels.length} labels for ${x.shape[0]} inputs`);
  if (targets && targets.length !== x.shape[0]) throw new AttackError(`there are ${targets.length} targets for ${x.shape[0]} inputs`);
  for (let i = 0; i < labels.length; i++) {
    for (const given of targets ? [labels[i], targets[i]] : [labels[i]]) {
      if (!(Number.isInteger(given) && given >= 0 && given < classes))
        throw new AttackError(`example ${i} has the class ${given}, but the model knows 0 … ${classes - 1}`);
    }
    if (targets && targets[i] === labels[i]) throw new AttackError(`the target of example ${i} is its own class ${labels[i]}`);
  }
  const outside = x.data.findIndex((v) => !(v >= low && v <= high));
  if (outside >= 0)
    throw new AttackError(
      `example ${Math.floor(outside / width)} has the value ${x.data[outside]} outside the input domain [${low}, ${high}]: inputs and ε share the units of this domain`,
    );
}

function queryOf({ question, example }: Hunt): Query {
  const { point, want, target = example.target } = question as Question;
  const loss = example.target !== undefined && want !== "logits" ? (targetedForm[want] ?? want) : want;
  return { point, want: loss, label: example.label, target };
}

function begin(hunt: Hunt, logits: Float32Array, chosen: Attack): void {
  hunt.cleanPrediction = argMax(logits);
  const { example } = hunt;
  const wrong = hunt.cleanPrediction !== example.label && example.target === undefined;
  hunt.steps = wrong || example.set.epsilon === 0 ? nothing() : chosen.steps({ ...example, logits: logits.slice() });
}

function* nothing(): Steps {}

/** Components that a mask holds have no gradient, so that no attack spends its step on them. */
function holdMasked({ example: { set } }: Hunt, gradient: Float32Array): void {
  for (let i = 0; i < gradient.length; i++) if (set.low[i] === set.high[i]) gradient[i] = 0;
}

/** Books a point: counts it, and keeps it when it is allowed and the best so far. */
function observe(hunt: Hunt, { point, want }: Question, { logits }: Answer, goal: Attack["goal"]): void {
  hunt.forward++;
  if (want !== "logits") hunt.gradient++;
  const { set } = hunt.example;
  const gain = margin(hunt.example, logits);
  const nearest = goal === "minimum-norm";
  if (nearest && !(gain > 0)) return;
  const score = nearest ? -distance(point, set.center, set.norm) : gain;
  if (!(score > hunt.bestScore) || !contains(nearest ? { ...set, epsilon: Number.POSITIVE_INFINITY } : set, point)) return;
  hunt.bestScore = score;
  hunt.best.set(point);
  if (gain > 0 && (!nearest || contains(set, point))) hunt.succeeded = true;
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
      const { set } = example;
      if (!contains(chosen.goal === "minimum-norm" ? { ...set, epsilon: Number.POSITIVE_INFINITY } : set, best)) {
        throw new SoundnessError(
          `${chosen.name} returned a point at ${distance(best, set.center, set.norm)} from example ${index}, outside its ε = ${set.epsilon} or the input domain`,
        );
      }
      points[index].set(best);
      const wrongAlready = hunts[index].cleanPrediction !== example.label && example.target === undefined;
      result.predictions[index] = argMax(answers[i].logits);
      result.success[index] = (wrongAlready || margin(example, answers[i].logits) > 0) && contains(set, best) ? 1 : 0;
      result.distances[index] = distance(best, set.center, set.norm);
    });
  }
  return result;
}

/** The first questions that can share a batch, of the kind that most wait with. */
function largestGroup(active: readonly Hunt[], most: number): Hunt[] {
  const groups = new Map<string, Hunt[]>();
  let largest: Hunt[] = [];
  for (const hunt of active) {
    const want = (hunt.question as Question).want;
    const group = groups.get(want) ?? [];
    groups.set(want, group);
    group.push(hunt);
    if (group.length > largest.length) largest = group;
    if (group.length === most) return group;
  }
  return largest;
}

/** What rounding may do to a difference of logits, as a share of the largest: a smaller margin would be another in another batch. */
const ROUNDING = 1e-6;

/**
 * max_{j≠y} z_j − z_y, or for a target z_t − max_{j≠t} z_j: positive where the attack succeeds. A margin within rounding counts as none, so that a
 * witness holds whoever computes it; logits that are not numbers count as −∞.
 */
export function margin({ label, target }: Pick<Example, "label" | "target">, logits: Float32Array): number {
  const own = target ?? label;
  let other = Number.NEGATIVE_INFINITY;
  for (let j = 0; j < logits.length; j++) if (j !== own) other = Math.max(other, logits[j]);
  const difference = target === undefined ? other - logits[own] : logits[own] - other;
  if (Number.isNaN(difference)) return Number.NEGATIVE_INFINITY;
  return difference > 0 && difference <= ROUNDING * Math.max(Math.abs(other), Math.abs(logits[own])) ? 0 : difference;
}

/** Index of the first largest. */
export function argMax(values: ArrayLike<number>): number {
  let best = 0;
  for (let j = 1; j < values.length; j++) if (values[j] > values[best]) best = j;
  return best;
}
