/**
 * Robustness as a verdict per example: wrong already, broken by a named attack (with the point that does it), or standing. Attacks run one after
 * the other and each sees only what still stands; robust accuracy is the share that stands in the end.
 */
import {
  type Attack,
  type AttackData,
  autoAttack,
  checkData,
  contains,
  exampleRows,
  modelOracle,
  type Oracle,
  type OracleOptions,
  perturbationSets,
  runAttack,
  type ThreatModel,
  threatFor,
} from "../attacks/index.ts";
import { type Dataset, whole } from "../data/index.ts";
import type { Model } from "../models/index.ts";
import { type Key, key as keyOf, type Tensor, takeRows } from "../tensor/index.ts";
import { type ClassRow, classTable } from "./classes.ts";
import { type Piece, type Pieces, pieceOf } from "./pieces.ts";
import { predict } from "./predict.ts";
import { type Proportion, proportion } from "./statistics.ts";

export type Verdict = "wrong" | "broken" | "standing";

/** What one attack did to the examples it was given. */
export interface AttackSummary {
  readonly attack: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  /** Examples that still stood when it began. */
  readonly attempted: number;
  readonly broken: number;
  readonly forwardEvaluations: number;
  readonly gradientEvaluations: number;
  readonly seconds: number;
}

export interface Evaluation {
  readonly threat: ThreatModel;
  readonly examples: number;
  /** Share classified correctly without an adversary. */
  readonly clean: Proportion;
  /** Share classified correctly that no attack broke. */
  readonly robust: Proportion;
  readonly attacks: readonly AttackSummary[];
  readonly classes: readonly ClassRow[];
  /** What was left out or changed for this model. */
  readonly remarks: readonly string[];
  readonly verdicts: readonly Verdict[];
  /** For broken examples the index of the attack in `attacks`, else −1. */
  readonly brokenBy: Int32Array;
  /** [N, …]: the adversarial point of broken examples, the input itself elsewhere. */
  readonly witnesses: Tensor<"float32">;
  /** Class of the untouched input. */
  readonly cleanPredictions: Int32Array;
  /** Class of the witness. */
  readonly predictions: Int32Array;
  /** Distance of the witness from the input. */
  readonly distances: Float64Array;
  readonly seconds: number;
}

/** Labelled inputs: a data set, or a batch of float32 inputs [N, …] with their classes. */
export type EvaluationData = Dataset | Pick<AttackData, "x" | "labels">;

export interface EvaluationOptions extends OracleOptions {
  /** In the order in which they run: cheap ones first. Default: AutoAttack, standard. */
  attacks?: readonly Attack[];
  /** Default key(0). */
  key?: Key;
  /** Where finished pieces are kept, so that a stopped evaluation continues where it was. */
  pieces?: Pieces;
  /** An evaluation within a smaller ε: what it broke stays broken, with the same witness. */
  within?: Evaluation;
  /** Examples per piece; default 1024. */
  pieceSize?: number;
  onProgress?(progress: { attack: string; done: number; total: number }): void;
}

/** Evaluates a model on labelled inputs against one threat. @throws what `runAttack` throws. */
export async function evaluate(
  model: Model | Oracle,
  data: EvaluationData,
  threat: ThreatModel,
  { attacks, key = keyOf(0), pieces, within, pieceSize = 1024, onProgress, ...runtime }: EvaluationOptions = {},
): Promise<Evaluation> {
  const began = performance.now();
  const oracle = "answer" in model ? model : modelOracle(model, runtime);
  try {
    const { x, labels } = batchOf(data);
    checkData(oracle, { x, labels });
    const standard = attacks ? { attacks, notes: [] } : autoAttack("standard", threat.norm, oracle);
    const book = openBook(x, labels, await predict(oracle, x));
    if (within) inherit(book, within, perturbationSets(exampleRows(x), threat, oracle.domain));
    const summaries: AttackSummary[] = [];
    for (const [number, attack] of standard.attacks.entries()) {
      const done: Piece[] = [];
      // Its random stream is the one that it has alone, so that what it breaks alone does not stand here.
      const again = standard.attacks.slice(0, number).filter(({ name }) => name === attack.name).length;
      const standing = book.verdicts.flatMap((verdict, i) => (verdict === "standing" ? [i] : []));
      for (let start = 0; start < standing.length; start += pieceSize) {
        const chosen = standing.slice(start, start + pieceSize);
        const id = `${threat.norm}-${idOf(threat)}-${number}-${attack.name}-${start}`;
        const kept = pieces?.get(id);
        const piece =
          kept ??
          (await attackPiece(oracle, attack, { x, labels, chosen, threat, key: key.fold(attack.name, again) }, (finished) =>
            onProgress?.({ attack: attack.name, done: start + finished, total: standing.length }),
          ));
        if (!kept) pieces?.put(id, piece);
        enter(book, piece, number);
        done.push(piece);
      }
      const total = (of: (piece: Piece) => number) => done.reduce((sum, piece) => sum + of(piece), 0);
      summaries.push({
        attack: attack.name,
        parameters: attack.parameters,
        attempted: standing.length,
        broken: total(({ broken }) => broken.length),
        forwardEvaluations: total(({ forwardEvaluations }) => forwardEvaluations),
        gradientEvaluations: total(({ gradientEvaluations }) => gradientEvaluations),
        seconds: total(({ seconds }) => seconds),
      });
    }
    const count = book.verdicts.length;
    return {
      threat,
      examples: count,
      clean: proportion(book.verdicts.filter((verdict) => verdict !== "wrong").length, count),
      robust: proportion(book.verdicts.filter((verdict) => verdict === "standing").length, count),
      attacks: summaries,
      classes: classTable(labels, book.verdicts, oracle.classes),
      remarks: standard.notes,
      ...book,
      seconds: (performance.now() - began) / 1000,
    };
  } finally {
    if (oracle !== model) await oracle.release();
  }
}

/** Inputs and labels of either kind of data. */
export function batchOf(data: EvaluationData): Pick<AttackData, "x" | "labels"> {
  if ("x" in data) return data;
  const { x, y } = whole(data);
  return { x, labels: y.data };
}

type Book = Pick<Evaluation, "brokenBy" | "witnesses" | "cleanPredictions" | "predictions" | "distances"> & { verdicts: Verdict[] };

function openBook(x: Tensor<"float32">, labels: ArrayLike<number>, cleanPredictions: Int32Array): Book {
  const count = cleanPredictions.length;
  return {
    verdicts: Array.from(cleanPredictions, (prediction, i) => (prediction === labels[i] ? "standing" : "wrong")),
    brokenBy: new Int32Array(count).fill(-1),
    witnesses: { ...x, data: x.data.slice() },
    cleanPredictions,
    predictions: cleanPredictions.slice(),
    distances: new Float64Array(count),
  };
}

function inherit(book: Book, within: Evaluation, sets: ReturnType<typeof perturbationSets>): void {
  const [points, rows] = [exampleRows(within.witnesses), exampleRows(book.witnesses)];
  within.verdicts.forEach((verdict, i) => {
    if (verdict !== "broken" || !contains(sets[i], points[i])) return;
    book.verdicts[i] = "broken";
    book.brokenBy[i] = within.brokenBy[i];
    book.predictions[i] = within.predictions[i];
    book.distances[i] = within.distances[i];
    rows[i].set(points[i]);
  });
}

interface PieceInput {
  x: Tensor<"float32">;
  labels: ArrayLike<number>;
  chosen: readonly number[];
  threat: ThreatModel;
  key: Key;
}

async function attackPiece(
  oracle: Oracle,
  attack: Attack,
  { x, labels, chosen, threat, key }: PieceInput,
  onProgress: (done: number) => void,
): Promise<Piece> {
  const began = performance.now();
  const data = { x: takeRows(x, chosen), labels: chosen.map((i) => labels[i]), indices: chosen };
  const result = await runAttack(oracle, attack, data, threatFor(threat, chosen, x.data.length / x.shape[0]), {
    key,
    stopAtSuccess: true,
    onProgress,
  });
  return pieceOf(result, chosen, (performance.now() - began) / 1000);
}

function enter(book: Book, piece: Piece, attack: number): void {
  const rows = exampleRows(book.witnesses);
  const points = exampleRows(piece.points);
  piece.broken.forEach((index, i) => {
    book.verdicts[index] = "broken";
    book.brokenBy[index] = attack;
    book.predictions[index] = piece.predictions[i];
    book.distances[index] = piece.distances[i];
    rows[index].set(points[i]);
  });
}

function idOf({ epsilon }: ThreatModel): string {
  return typeof epsilon === "number" ? String(epsilon) : "each";
}
