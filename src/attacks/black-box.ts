/** Models that only predict: a function of one's own, an endpoint, a decision tree. They are attacked by what they answer, without gradients. */
import { type Shape, size, type Tensor } from "../tensor/index.ts";
import { type Answer, AttackError, type Oracle } from "./oracle.ts";

/** What is known of a batch of N points: scores [N, classes] as a tensor or as rows, or the N predicted classes. */
export type Prediction = Tensor<"float32"> | readonly ArrayLike<number>[] | ArrayLike<number>;

/** What a model that only predicts takes and gives. */
export interface BlackBoxDomain {
  /** Shape of one example, such as [1, 28, 28]. */
  inputShape: Shape;
  classes: number;
  /** Bounds of every input component; default [0, 1]. */
  domain?: Oracle["domain"];
  /** "scores" of all classes, the largest of which is the prediction (logits, probabilities), or only the predicted "classes". */
  gives?: "scores" | "classes";
  /** Most points per call. */
  batchSize?: number;
}

/**
 * A model that only predicts, to be given to an attack or to `evaluate`:
 *
 *     const model = blackBox((points) => service(points), { inputShape: [4], classes: 3, domain: { low: 0, high: 8 } });
 *     const [result] = await square()(model, x, labels, { epsilons: [0.5] });
 *
 * Attacks that need gradients refuse it. @throws AttackError, when it is asked, for an answer that is not one row of numbers, or one class, per point.
 */
export function blackBox(
  predict: (points: Tensor<"float32">) => Prediction | Promise<Prediction>,
  { inputShape, classes, domain = { low: 0, high: 1 }, gives = "scores", batchSize = 128 }: BlackBoxDomain,
): Oracle {
  const width = size(inputShape);
  return {
    gives,
    inputShape,
    domain,
    classes,
    batchSize,
    async answer(queries) {
      if (queries.some(({ want }) => want !== "logits"))
        throw new AttackError(`this model only predicts, it has no gradients: ${remedy(gives)}`);
      const data = new Float32Array(queries.length * width);
      queries.forEach(({ point }, i) => {
        data.set(point, i * width);
      });
      const given = await predict({ dtype: "float32", shape: [queries.length, ...inputShape], data });
      return (gives === "classes" ? classRows : scoreRows)(given, queries.length, classes).map(answerOf);
    },
    release: async () => {},
  };
}

/** The attacks that do with what a model gives. */
export function remedy(gives: Oracle["gives"]): string {
  return gives === "classes" ? "use noise, hop-skip-jump or transfer" : "use square, spsa, noise, hop-skip-jump or transfer";
}

const nothing = new Float32Array(0);

function answerOf(logits: Float32Array): Answer {
  return { logits, loss: Number.NaN, gradient: nothing };
}

function scoreRows(given: Prediction, count: number, classes: number): Float32Array[] {
  const rows = "data" in given ? rowsOf(given) : Array.from(given as ArrayLike<unknown>);
  if (rows.length === count && rows.every((row) => typeof row === "number"))
    throw new AttackError(
      `the model gave one number for each point, not a row of ${classes} scores; if these are classes, say so: gives: "classes"`,
    );
  if (rows.length !== count) throw new AttackError(`the model gave ${rows.length} rows of scores for ${count} points`);
  return rows.map((row, i) => {
    const { length } = Object(row) as ArrayLike<unknown>;
    if (length !== classes)
      throw new AttackError(
        `the model gave ${length === undefined ? JSON.stringify(row) : `${length} scores`} for point ${i} of its batch, not ${classes} scores`,
      );
    const scores = Array.from(row as ArrayLike<unknown>);
    const wrong = scores.findIndex((score) => typeof score !== "number" || Number.isNaN(score));
    if (wrong >= 0)
      throw new AttackError(
        `the model gave ${scores[wrong]} as the score of class ${wrong} for point ${i} of its batch, which is no number`,
      );
    return Float32Array.from(scores as number[]);
  });
}

/** Rows that are 1 at the predicted class. */
function classRows(given: Prediction, count: number, classes: number): Float32Array[] {
  const labels = Array.from("data" in given ? given.data : (given as ArrayLike<unknown>));
  if (labels.length !== count) throw new AttackError(`the model gave ${labels.length} classes for ${count} points`);
  return labels.map((label, i) => {
    const known = typeof label === "number" && Number.isInteger(label) && label >= 0 && label < classes;
    if (!known)
      throw new AttackError(
        `the model gave ${JSON.stringify(label)} for point ${i} of its batch, which is none of the classes 0 … ${classes - 1}`,
      );
    return Float32Array.from({ length: classes }, (_, j) => (j === label ? 1 : 0));
  });
}

/** The rows of a tensor along its first axis; its numbers, where it has no other. */
function rowsOf({ data, shape: [count, ...rest] }: Tensor<"float32">): ArrayLike<number>[] | number[] {
  const width = size(rest);
  return rest.length === 0 ? [...data] : Array.from({ length: count }, (_, i) => data.subarray(i * width, (i + 1) * width));
}
