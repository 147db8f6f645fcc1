/**
 * What an attack is: a procedure for one example, written as a generator. It yields questions about points and is sent the answers; the outer
 * call (`run.ts`) runs many examples at once and does what no attack may forget.
 */
import type { Model } from "../models/index.ts";
import { type Key, key, type Tensor } from "../tensor/index.ts";
import { type Answer, AttackError, type Knowledge, modelOracle, type Oracle, type OracleOptions, type Query } from "./oracle.ts";
import { type AttackResult, runAttack } from "./run.ts";
import { contains, exampleRows, type Norm, type PerturbationSet, perturbationSets, type ThreatModel } from "./threat.ts";

/** What a procedure knows of its example. */
export interface Example {
  readonly set: PerturbationSet;
  readonly label: number;
  /** Class aimed at, when the attack is targeted. */
  readonly target?: number;
  readonly classes: number;
  /** Shape of the example, e.g. [channels, height, width]. */
  readonly shape: readonly number[];
  /** Number of the example in its data set. */
  readonly index: number;
  /** Randomness of this example: the same whatever batch it is in. */
  readonly key: Key;
  /** Logits of the untouched input. */
  readonly logits: Float32Array;
}

/** What is wanted to know about a point; the label is filled in, and with a target losses take their targeted form. */
export type Question = Pick<Query, "point" | "want" | "target">;

/** The steps of an attack on one example. Answers are views that the next question overwrites. */
export type Steps<Result = void> = Generator<Question, Result, Answer>;
export type Procedure<Parameters> = (example: Example, parameters: Parameters) => Steps;

/** "maximum-loss" looks for a misclassified point inside the ball, "minimum-norm" for the nearest misclassified point. */
export type Goal = "maximum-loss" | "minimum-norm";

/**
 * An attack with its hyper-parameters. Called with data it attacks a model, once per ε:
 *
 *     const [at1, at2] = await pgd({ steps: 40 })(model, x, y, { epsilons: [0.1, 0.2] });
 */
export interface Attack {
  (model: Model | Oracle, x: Tensor<"float32">, labels: ArrayLike<number>, options?: AttackCallOptions): Promise<AttackResult[]>;
  readonly name: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly goal: Goal;
  /** Norms that it can handle. */
  readonly norms: readonly Norm[];
  /** The least that a model must tell. */
  readonly needs: Knowledge;
  readonly steps: (example: Example) => Steps;
}

export interface AttackCallOptions extends OracleOptions, Omit<ThreatModel, "norm" | "epsilon"> {
  /** Default "linf". */
  norm?: Norm;
  /** Radii in input units, one result each; a minimum-norm attack needs none. */
  epsilons?: readonly number[];
  /** Classes aimed at. */
  targets?: ArrayLike<number>;
  seed?: number;
}

/** Every norm with a ball to stay in by steepest ascent. */
export const ballNorms: readonly Norm[] = ["linf", "l2", "l1"];

/** Defines an attack: a constructor of hyper-parameters with defaults. */
export function attack<Parameters extends object>(
  name: string,
  defaults: Parameters,
  procedure: Procedure<Parameters>,
  { goal = "maximum-loss", norms = ballNorms, needs = "gradients" }: Partial<Pick<Attack, "goal" | "norms" | "needs">> = {},
): (parameters?: Partial<Parameters>) => Attack {
  return (given = {}) => {
    for (const [parameter, value] of Object.entries(given)) {
      if (!(parameter in defaults))
        throw new AttackError(`${name} has no parameter "${parameter}"; it has ${Object.keys(defaults).join(", ")}`);
      checkParameter(name, parameter, value, defaults[parameter as keyof Parameters]);
    }
    const defined = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
    const parameters: Parameters = { ...defaults, ...defined };
    const call = (model: Model | Oracle, x: Tensor<"float32">, labels: ArrayLike<number>, options?: AttackCallOptions) =>
      attackAt(chosen, model, { x, labels }, options);
    const chosen: Attack = Object.assign(call, {
      parameters: { ...parameters } as Record<string, unknown>,
      goal,
      norms,
      needs,
      steps: (example: Example) => procedure(example, parameters),
    });
    Object.defineProperty(chosen, "name", { value: name });
    return chosen;
  };
}

/** Numbers are finite, counts (defaults that are whole and > 0) are whole and not negative. */
function checkParameter(name: string, parameter: string, value: unknown, fallback: unknown): void {
  if (value === undefined) return;
  const wrong = (must: string) => new AttackError(`${parameter} of ${name} must be ${must}, not ${JSON.stringify(value) ?? String(value)}`);
  if (typeof fallback === "number" && !(typeof value === "number" && !Number.isNaN(value))) throw wrong("a number");
  if (typeof fallback === "boolean" && typeof value !== "boolean") throw wrong("true or false");
  if (typeof value !== "number") return;
  if (Number.isNaN(value) || value < 0) throw wrong("a number ≥ 0");
  const counts = /^(steps|startSteps|queries|samples|targetClasses|searchSteps|restarts|evaluations)$/.test(parameter);
  if (counts && !Number.isInteger(value)) throw wrong("a whole number");
}

async function attackAt(
  chosen: Attack,
  model: Model | Oracle,
  { x, labels }: { x: Tensor<"float32">; labels: ArrayLike<number> },
  { norm = "linf", epsilons, targets, seed = 0, mask, scale, ...runtime }: AttackCallOptions = {},
): Promise<AttackResult[]> {
  const oracle = "answer" in model ? model : modelOracle(model, runtime);
  const threat = (epsilon: number): ThreatModel => ({ norm, epsilon, mask, scale });
  try {
    if (chosen.goal === "minimum-norm") {
      const nearest = await runAttack(oracle, chosen, { x, labels, targets }, threat(Number.POSITIVE_INFINITY), { key: key(seed) });
      return epsilons ? epsilons.map((epsilon) => within(nearest, x, threat(epsilon), oracle)) : [nearest];
    }
    if (!epsilons || epsilons.length === 0) throw new AttackError(`${chosen.name} needs epsilons, radii in input units such as [0.1, 0.3]`);
    const results: AttackResult[] = [];
    for (const epsilon of epsilons)
      results.push(await runAttack(oracle, chosen, { x, labels, targets }, threat(epsilon), { key: key(seed) }));
    return results;
  } finally {
    if (oracle !== model) await oracle.release();
  }
}

/** The nearest points that were found, as successes where they lie within ε. */
function within(nearest: AttackResult, x: Tensor<"float32">, threat: ThreatModel, oracle: Oracle): AttackResult {
  const sets = perturbationSets(exampleRows(x), threat, oracle.domain);
  const points = exampleRows(nearest.adversarial);
  return { ...nearest, threat, success: nearest.success.map((success, i) => (success && contains(sets[i], points[i]) ? 1 : 0)) };
}
