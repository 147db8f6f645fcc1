/**
 * Whether robustness may be an illusion: signs that gradients mislead the attacks (Athalye et al. 2018; Carlini et al. 2019, §3.2; Pintor et al. 2022), each
 * with what was measured and what to do about it.
 */
import {
  type Attack,
  attack,
  exampleRows,
  fgsm,
  type Oracle,
  pgd,
  project,
  runAttack,
  square,
  stepAlong,
  type ThreatModel,
} from "../attacks/index.ts";
import { type Key, key as keyOf, permutation, size, type Tensor, takeRows } from "../tensor/index.ts";
import type { Evaluation } from "./evaluate.ts";
import { predict } from "./predict.ts";

export interface Symptom {
  readonly sign: string;
  /** What was measured. */
  readonly evidence: string;
  readonly remedy: string;
}

export interface Diagnosis {
  /** Correctly classified examples that were probed. */
  readonly probed: number;
  readonly measured: Readonly<Record<string, number>>;
  /** None: nothing speaks against the verdict. */
  readonly symptoms: readonly Symptom[];
}

export interface DiagnosisOptions {
  /** Most examples to probe. */
  examples?: number;
  /** Queries of the score-based probe. */
  queries?: number;
  key?: Key;
}

/** Probes a model on a sample of the examples that it classifies correctly; an evaluation of the same data adds what its attacks showed. */
export async function diagnose(
  oracle: Oracle,
  data: { x: Tensor<"float32">; labels: ArrayLike<number> },
  threat: ThreatModel & { epsilon: number },
  { evaluation, examples = 64, queries = 500, key = keyOf(0) }: DiagnosisOptions & { evaluation?: Evaluation } = {},
): Promise<Diagnosis> {
  const clean = evaluation?.cleanPredictions ?? (await predict(oracle, data.x));
  const correct = Array.from(clean.keys()).filter((i) => clean[i] === data.labels[i]);
  const chosen = Array.from(permutation(key.fold("sample"), correct.length).slice(0, examples), (i) => correct[i]);
  if (chosen.length === 0) return { probed: 0, measured: {}, symptoms: [] };
  const sample = { x: takeRows(data.x, chosen), labels: chosen.map((i) => data.labels[i]), indices: chosen };
  const standing = async (attack: Attack, epsilon: number) => {
    const { success } = await runAttack(oracle, attack, sample, { ...threat, epsilon }, { key });
    return success;
  };
  const share = (success: Uint8Array) => 1 - success.reduce((a, b) => a + b, 0) / chosen.length;
  const range = oracle.domain.high - oracle.domain.low;
  const whole =
    threat.norm === "linf" ? range : range * (threat.norm === "l2" ? Math.sqrt(size(oracle.inputShape)) : size(oracle.inputShape));
  const gradients = await inspectGradients(oracle, sample);
  const trace: Rise[] = [];
  const rise = rising(trace);
  await standing(rise, threat.epsilon);
  const small = await standing(pgd({ steps: 10 }), threat.epsilon);
  const long = await standing(pgd({ steps: 50 }), threat.epsilon);
  const margin = await standing(pgd({ steps: 50, loss: "margin" }), threat.epsilon);
  const score = threat.norm === "l1" ? undefined : await standing(square({ queries }), threat.epsilon);
  const measured = {
    ...gradients,
    lossNotRising: trace.filter(({ start, end }) => !(end > start)).length / Math.max(trace.length, 1),
    fgsm: share(await standing(fgsm(), threat.epsilon)),
    pgd10: share(small),
    pgd50: share(long),
    pgdTwiceEpsilon: share(await standing(pgd({ steps: 20 }), Math.min(2 * threat.epsilon, whole))),
    pgdUnbounded: share(await standing(pgd({ steps: 50 }), whole)),
    brokenByScoresOnly: score
      ? score.reduce((n, hit, i) => n + (hit && !small[i] && !long[i] && !margin[i] ? 1 : 0), 0) / chosen.length
      : 0,
    /** Of all, those that the evaluation calls standing and a probe at ε breaks. */
    brokenByProbes: evaluation
      ? chosen.filter((n, i) => evaluation.verdicts[n] === "standing" && (small[i] || long[i] || margin[i] || score?.[i])).length /
        chosen.length
      : 0,
    ensemble: evaluation ? chosen.filter((i) => evaluation.verdicts[i] === "standing").length / chosen.length : share(long),
  };
  return { probed: chosen.length, measured, symptoms: symptomsOf(measured, chosen.length, evaluation) };
}

type Measured = Awaited<ReturnType<typeof inspectGradients>> &
  Record<
    | "lossNotRising"
    | "fgsm"
    | "pgd10"
    | "pgd50"
    | "pgdTwiceEpsilon"
    | "pgdUnbounded"
    | "brokenByScoresOnly"
    | "brokenByProbes"
    | "ensemble",
    number
  >;

const otherLoss =
  "attack with losses that do not saturate: --attack apgd-dlr, apgd-t or autoattack, which are unchanged when logits are scaled";
const noGradient =
  "attack without gradients (--attack square, spsa, hop-skip-jump), or through a smooth stand-in for the step that has none (transfer)";

function symptomsOf(m: Measured, probed: number, evaluation?: Evaluation): Symptom[] {
  const percent = (value: number) => `${(100 * value).toFixed(0)} %`;
  // More than chance: two examples, or 2 % of them.
  const more = Math.max(2, 0.02 * probed) / probed - 1e-9;
  const symptoms: Symptom[] = [];
  const flag = (when: boolean, sign: string, evidence: string, remedy: string) => {
    if (when) symptoms.push({ sign, evidence, remedy });
  };
  flag(m.notFinite > 0, "gradients that are not finite", `on ${percent(m.notFinite)} of the examples`, noGradient);
  flag(
    m.zeroMargin > 0.1,
    "zero gradients",
    `the gradient of the margin vanishes on ${percent(m.zeroMargin)} of the examples: something in the model has no derivative`,
    noGradient,
  );
  flag(
    m.saturated > 0.1,
    "saturated logits",
    `the gradient of the cross-entropy vanishes on ${percent(m.saturated)} of the examples where that of the margin does not; the median gap between the logits is ${m.logitGap.toPrecision(3)}`,
    otherLoss,
  );
  flag(
    m.lossNotRising > 0.2,
    "a loss that does not rise",
    `along ten steps of PGD on ${percent(m.lossNotRising)} of the examples that these do not break`,
    noGradient,
  );
  flag(
    m.pgd10 - m.fgsm >= more,
    "one step beats many",
    `${percent(m.fgsm)} stand FGSM, ${percent(m.pgd10)} ten steps of PGD`,
    "use smaller steps and restarts (--attack pgd --steps 100 --restarts 10), and attacks that adapt their steps (autoattack)",
  );
  flag(
    m.pgd50 - m.pgd10 >= more,
    "more steps do not help",
    `${percent(m.pgd10)} stand ten steps of PGD, ${percent(m.pgd50)} fifty`,
    "use attacks that adapt their steps (autoattack)",
  );
  flag(
    m.pgdTwiceEpsilon > 0.1 && m.pgdTwiceEpsilon >= m.pgd50,
    "a larger ε does not help",
    `${percent(m.pgd50)} stand PGD at ε and ${percent(m.pgdTwiceEpsilon)} at 2ε`,
    `${otherLoss}; ${noGradient}`,
  );
  flag(
    m.pgdUnbounded > 0.05,
    "an unbounded attack does not reach 0 %",
    `${percent(m.pgdUnbounded)} stand PGD with the whole domain to move in`,
    `${otherLoss}; ${noGradient}`,
  );
  flag(
    m.brokenByScoresOnly >= more,
    "an attack without gradients beats those with",
    `Square breaks ${percent(m.brokenByScoresOnly)} of the examples, which PGD on two losses leaves standing`,
    "give Square its full 5000 queries (autoattack), and report the worst over all attacks",
  );
  flag(
    m.brokenByProbes >= Math.max(0.1, more),
    "attacks too weak for the model",
    `the probes (PGD with ten and fifty steps of usual length, on two losses, and Square) break ${percent(m.brokenByProbes)} of the examples, which the evaluation calls standing`,
    "attack again without settings of your own (autoattack); steps much shorter than 2.5 ε/steps do not get far enough",
  );
  flag(
    m.pgd10 - m.ensemble >= Math.max(0.1, more),
    "a short PGD reads far too high",
    `${percent(m.pgd10)} stand ten steps of PGD, ${percent(m.ensemble)} all attacks together`,
    "report the worst over all attacks, never a short PGD alone; if the model was trained with one step, look for catastrophic overfitting",
  );
  const late = evaluation?.attacks.filter(({ attack }) => /^(square|spsa|hop-skip-jump|transfer)$/.test(attack)) ?? [];
  const blind = late.reduce((total, { broken }) => total + broken, 0);
  const first = evaluation?.attacks.some(({ gradientEvaluations }) => gradientEvaluations > 0) ?? false;
  flag(
    evaluation !== undefined && first && blind >= Math.max(2, 0.02 * evaluation.examples),
    "black box beats white box",
    `${late.map(({ attack, broken }) => `${attack} broke ${broken}`).join(", ")} after the attacks with gradients were done`,
    "trust the worst over all attacks only, and adapt the white-box attack to the defence",
  );
  return symptoms;
}

/** Shares of examples by what their gradients are like at the input, and the median gap between the two largest logits. */
async function inspectGradients(oracle: Oracle, { x, labels }: { x: Tensor<"float32">; labels: readonly number[] }) {
  const rows = exampleRows(x);
  const gaps: number[] = [];
  const [zeroEntropy, zeroMargin, notFinite] = [new Set<number>(), new Set<number>(), new Set<number>()];
  for (const [want, zero] of [
    ["cross-entropy", zeroEntropy],
    ["margin", zeroMargin],
  ] as const) {
    for (let start = 0; start < rows.length; start += oracle.batchSize) {
      const queries = rows.slice(start, start + oracle.batchSize).map((point, i) => ({ point, want, label: labels[start + i] }));
      (await oracle.answer(queries)).forEach(({ gradient, loss }, i) => {
        if (!Number.isFinite(loss) || gradient.some((g) => !Number.isFinite(g))) notFinite.add(start + i);
        else if (gradient.every((g) => g === 0)) zero.add(start + i);
        if (want === "margin") gaps.push(-loss);
      });
    }
  }
  gaps.sort((a, b) => a - b);
  return {
    notFinite: notFinite.size / rows.length,
    zeroMargin: zeroMargin.size / rows.length,
    saturated: [...zeroEntropy].filter((i) => !zeroMargin.has(i)).length / rows.length,
    logitGap: gaps[Math.floor(gaps.length / 2)],
  };
}

interface Rise {
  start: number;
  end: number;
}

/** Ten steps of PGD that write down the loss at the first and the last point. */
function rising(trace: Rise[]): Attack {
  return attack("rise", {}, function* ({ set }) {
    const x = set.center.slice();
    let start = Number.NaN;
    for (let step = 0; step <= 10; step++) {
      const { loss, gradient } = yield { point: x, want: "cross-entropy" };
      if (step === 0) start = loss;
      if (step === 10) trace.push({ start, end: loss });
      stepAlong(set, x, gradient, set.epsilon / 4);
      project(set, x);
    }
  })();
}
