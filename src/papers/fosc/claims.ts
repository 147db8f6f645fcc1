/** The nine checks of §2.6, F1 to F9. Thresholds are the specification's; what the paper's text does not say is marked as derived or proposed. */
import { foscThreshold } from "../../training/index.ts";
import { type Claim, claim } from "../laboratory.ts";
import { logSlope, median, spearman } from "../statistics.ts";
import type { FoscLab } from "./experiment.ts";
import { K, type Method } from "./methods.ts";
import type { Bin, QualityRecord } from "./quality.ts";
import type { RunRecord } from "./runs.ts";

const short = (value: number, precision = 3) => Number(value.toPrecision(precision));
const mean = (values: readonly number[]) => values.reduce((total, v) => total + v, 0) / values.length;

/** Runs of a method, seed by seed. */
export const runsOf = ({ runs }: Pick<FoscLab, "runs">, data: string, method: Method): RunRecord[] =>
  runs.filter((run) => run.data === data && run.method === method);
/** Mean over seeds of a figure of a method's runs. */
export const meanOf = (lab: Pick<FoscLab, "runs">, data: string, method: Method, of: (run: RunRecord) => number): number =>
  mean(runsOf(lab, data, method).map(of));
const seedsNote = (lab: FoscLab, data: string) =>
  `${data}: ${runsOf(lab, data, "pgd").length} seed(s), ${lab.problems.find((problem) => problem.data === data)?.testExamples} test examples`;

const exactness = claim<FoscLab>({
  id: "F1",
  statement:
    "The closed forms of FOSC are the Frank–Wolfe gap of their sets; they are not negative, and zero where no first-order step gains",
  provenance: "derived",
  criterion: "relative error against brute force ≤ 1e-6, c ≥ −1e-7, |c| ≤ 1e-12 at the best vertex, for L∞, L∞ in the box, L2, L1",
  measure: ({ forms }) => ({
    measured: {
      "largest error": Math.max(...forms.map(({ error }) => error)),
      "smallest c": short(Math.min(...forms.map(({ least }) => least))),
      "largest |c| at the best vertex": Math.max(...forms.map(({ stationary }) => stationary)),
    },
    holds: forms.every(({ error, least, stationary }) => error <= 1e-6 && least >= -1e-7 && stationary <= 1e-12),
    note: "the L∞ form is the paper's; the others are derived",
  }),
});

const reduction = claim<FoscLab>({
  id: "F2",
  statement: "FOSC of an example does not depend on the batch that it is in; from a loss that is averaged it is as many times too small",
  provenance: "code",
  criterion: "batch 1 against 128: ≤ 1e-5 of the largest; with a mean loss the ratio is 128 to 1e-3",
  measure: ({ reduction: { summed, meanRatio } }) => ({
    measured: { "change with the batch size": short(summed), "ratio with a mean loss": short(meanRatio, 5) },
    holds: summed <= 1e-5 && Math.abs(meanRatio - 128) <= 0.128,
  }),
});

const stopping = claim<FoscLab>({
  id: "F3",
  statement: "Converged examples stay as they are; at c_t = 0 the inner loop is PGD-10, at c_t = ∞ one step",
  provenance: "code",
  criterion:
    "stopped examples bit-identical after more iterations; masked at c_t = 0 equal to PGD-10 bit for bit, shrinking to 1e-5; one step at c_t = ∞",
  measure: ({ stopping: { stopped, unchanged, maskedDifference, shrinkingDifference, stepsAtInfinity } }) => ({
    measured: {
      "stopped and unchanged": `${unchanged} of ${stopped}`,
      "masked − PGD-10": maskedDifference,
      "shrinking − PGD-10": shrinkingDifference,
      "steps at c_t = ∞": stepsAtInfinity.join(" to "),
    },
    holds:
      stopped > 0 &&
      unchanged === stopped &&
      maskedDifference === 0 &&
      shrinkingDifference <= 1e-5 &&
      stepsAtInfinity.every((steps) => steps === 1),
  }),
});

const scheduling = claim<FoscLab>({
  id: "F4",
  statement: "The threshold falls linearly to 0 at T′, and examples get more steps as it does, all of them from T′ on",
  provenance: "code",
  criterion: `c_t(0) = 0.5, c_t(50) = 0.25, c_t(≥ 100) = 0 for T′ = 100; gradients per example: last 20 % of the epochs > first 20 %, from T′ on ≥ ${0.98 * K}`,
  measure(lab) {
    const c = [0, 50, 100, 119].map((epoch) => foscThreshold(epoch, { maximum: 0.5, controlEpochs: 100 }));
    const rows = lab.problems.flatMap(({ data, epochs, controlEpochs }) =>
      runsOf(lab, data, "dynamic").map((run) => {
        const part = Math.max(1, Math.round(0.2 * epochs));
        const of = (records: RunRecord["epochs"]) => mean(records.map(({ gradientEvaluations }) => gradientEvaluations));
        return {
          early: of(run.epochs.slice(0, part)),
          late: of(run.epochs.slice(-part)),
          full: of(run.epochs.filter(({ epoch }) => epoch >= controlEpochs)),
        };
      }),
    );
    return {
      measured: {
        schedule: c.join(", "),
        "first epochs": short(mean(rows.map(({ early }) => early))),
        "last epochs": short(mean(rows.map(({ late }) => late))),
        "from T′ on": short(mean(rows.map(({ full }) => full)), 4),
      },
      holds: c.join() === "0.5,0.25,0,0" && rows.every(({ early, late, full }) => late > early && full >= 0.98 * K),
      note: "an example whose gradient vanishes in float32 has c = 0 and stops even at c_t = 0; the next step would not move it",
    };
  },
});

/** What was found on the fixed models, in words. */
const onModels = (lab: FoscLab, of: (record: QualityRecord) => string | number) =>
  lab.runs.flatMap(({ quality }) => (quality ? [of(quality)] : [])).join("; ");
const binRank = (bins: readonly Bin[]) =>
  spearman(
    bins.map(({ fosc }) => fosc),
    bins.map(({ accuracy }) => accuracy),
  );

const quality = claim<FoscLab>({
  id: "F5",
  statement: "FOSC measures how far an attack has converged: on a fixed model it falls along PGD, and with finer steps",
  provenance: "memory",
  criterion: "Spearman of step (1 to 10) and mean FOSC ≤ −0.9; mean FOSC falls from step ε to ε/2 to ε/4 at 20 steps",
  measure(lab) {
    const found = lab.runs.flatMap((run) => run.quality ?? []);
    const along = ({ steps: [, ...steps] }: QualityRecord, form: "fosc" | "foscInBox" = "fosc") =>
      spearman(
        steps.map((_, k) => k),
        steps.map((step) => step[form]),
      );
    const falling = ({ stepSizes }: QualityRecord) => stepSizes.every(({ fosc }, i) => i === 0 || fosc < stepSizes[i - 1].fosc);
    return {
      measured: {
        "Spearman along PGD": onModels(lab, (record) => short(along(record))),
        "with FOSC in the box": onModels(lab, (record) => short(along(record, "foscInBox"))),
        "FOSC at steps ε, ε/2, ε/4": onModels(lab, ({ stepSizes }) => stepSizes.map(({ fosc }) => short(fosc)).join(", ")),
        "accuracy after step 1 and 10": onModels(lab, ({ steps }) => `${short(steps[1].accuracy)}, ${short(steps[10].accuracy)}`),
      },
      holds: found.length > 0 && found.every((record) => along(record) <= -0.9 && falling(record)),
      note: "along the ascent the gradient grows with the loss, and at the border of the input domain the paper's form cannot reach 0: on well trained models both hide the convergence",
    };
  },
});

const bins = claim<FoscLab>({
  id: "F5.1",
  statement: "Over adversarial examples of all strengths, the lower FOSC, the more are misclassified",
  provenance: "memory",
  criterion: "Spearman of FOSC bin and accuracy ≥ 0.8 over ten bins, on a fixed adversarially trained model",
  measure(lab) {
    const found = lab.runs.flatMap((run) => run.quality ?? []);
    return {
      measured: {
        "Spearman of bin and accuracy": onModels(lab, (record) => short(binRank(record.bins))),
        "with FOSC relative to the gradient": onModels(lab, (record) => short(binRank(record.relativeBins))),
      },
      holds: found.length > 0 && found.every((record) => binRank(record.bins) >= 0.8),
      note: "FOSC scales with the gradient, and an example that is classified with confidence has a small one: its FOSC is low however bad its attack is. c/(ε‖g‖) is free of that",
    };
  },
});

const theorem = claim<FoscLab>({
  id: "F6",
  statement:
    "With inner solutions of FOSC ≤ δ descent converges to stationarity up to L_θx²δ/μ: the lemma ‖x̂ − x*‖² ≤ δ/μ and the bound on the mean gradient",
  provenance: "derived",
  criterion: "lemma's ratio ≤ 1; mean ‖∇L‖² ≤ bound at every δ, with and without noise; log–log slope of the final ‖∇L‖² in δ ≥ 0.8",
  measure({ toy: { lemma, points, descents } }) {
    const exact = descents.filter(({ sigma }) => sigma === 0);
    const slope = logSlope(
      exact.map(({ delta }) => delta),
      exact.map(({ final }) => final),
    );
    const tightest = Math.max(...descents.map(({ average, bound }) => average / bound));
    return {
      measured: { "lemma's largest ratio": short(lemma), points, "mean/bound": short(tightest), slope: short(slope) },
      holds: lemma <= 1 && tightest <= 1 && slope >= 0.8 && exact.length >= 5,
      note: "our derivation; the paper's theorem [memory] has the same form with larger constants",
    };
  },
});

const earlyLate = claim<FoscLab>({
  id: "F7",
  statement:
    "Late training needs well converged examples, early training does not: FGSM then PGD does as well as PGD, PGD then FGSM does not",
  provenance: "paper",
  criterion: "PGD-20 accuracy, mean over seeds: FGSM→PGD ≥ PGD − 0.5 points and PGD→FGSM ≤ PGD − 2 points",
  measure(lab) {
    const rows = lab.problems.map(({ data }) => {
      const seeds = new Set(runsOf(lab, data, "fgsm").map(({ seed }) => seed));
      const of = (method: Method) => mean(runsOf(lab, data, method).flatMap(({ seed, pgd20 }) => (seeds.has(seed) ? [pgd20] : [])));
      return { pgd: of("pgd"), late: of("fgsm-then-pgd"), early: of("pgd-then-fgsm"), fgsm: of("fgsm"), seeds: seeds.size };
    });
    const [row] = rows;
    return {
      measured: { PGD: short(row.pgd), "FGSM→PGD": short(row.late), "PGD→FGSM": short(row.early), FGSM: short(row.fgsm) },
      holds: rows.every(({ pgd, late, early }) => late >= pgd - 0.5 && early <= pgd - 2),
      note: `the paper's abstract, with thresholds of ours; switch after 40 % of the epochs; ${rows.map(({ seeds }) => seeds).join(", ")} seed(s), the same for all`,
    };
  },
});

const dynamicGain = claim<FoscLab>({
  id: "F8",
  statement: "Dynamic training is more robust than Standard training, with final examples that are at least as well converged",
  provenance: "paper",
  criterion:
    "PGD-20: Dynamic − Standard > 0 in the mean and ≥ −0.3 points for each seed; median FOSC over the last 10 % of the epochs not larger",
  measure(lab) {
    const rows = lab.problems.map(({ data, epochs }) => {
      const [ours, theirs] = [runsOf(lab, data, "dynamic"), runsOf(lab, data, "pgd")];
      const gains = ours.map((run, i) => run.pgd20 - theirs[i].pgd20);
      const late = (runs: RunRecord[]) =>
        median(runs.flatMap((run) => run.epochs.slice(-Math.max(1, Math.round(epochs / 10))).map(({ fosc = [] }) => fosc[2])));
      return { data, gains, fosc: [late(ours), late(theirs)] as const };
    });
    return {
      measured: Object.fromEntries(
        rows.flatMap(({ data, gains, fosc }) => [
          [`${data}: gain by seed`, gains.map((gain) => short(gain)).join(", ")],
          [`${data}: median FOSC, Dynamic and Standard`, fosc.map((c) => short(c)).join(", ")],
        ]),
      ),
      holds: rows.every(
        ({ gains, fosc }) => gains.length > 0 && mean(gains) > 0 && gains.every((gain) => gain >= -0.3) && fosc[0] <= fosc[1],
      ),
      note: lab.problems.map(({ data }) => seedsNote(lab, data)).join("; "),
    };
  },
});

const sanity = claim<FoscLab>({
  id: "F8.1",
  statement: "Standard and Dynamic training both succeed (on MNIST in the longer modes)",
  provenance: "proposed",
  criterion:
    "natural ≥ 98.5 %, PGD-20 (ε = 0.3) ≥ 92 % for both; on the reduced drawn digits instead: PGD-20 at least ten points above the undefended network",
  measure(lab) {
    const { data } = lab.problems[0];
    const both = (["pgd", "dynamic"] as const).map((method) => ({
      clean: meanOf(lab, data, method, (run) => run.clean),
      pgd20: meanOf(lab, data, method, (run) => run.pgd20),
    }));
    const undefended = meanOf(lab, data, "none", (run) => run.pgd20);
    return {
      measured: {
        "Standard: natural, PGD-20": `${short(both[0].clean)}, ${short(both[0].pgd20)}`,
        "Dynamic: natural, PGD-20": `${short(both[1].clean)}, ${short(both[1].pgd20)}`,
        "undefended: PGD-20": short(undefended),
      },
      holds: both.every(({ clean, pgd20 }) => (data === "mnist" ? clean >= 98.5 && pgd20 >= 92 : pgd20 >= undefended + 10)),
      note: data,
    };
  },
});

const quirks = claim<FoscLab>({
  id: "F9",
  statement:
    "What the released code does beside the paper (Q1 FOSC from the random start, Q2 self-weighted losses, Q3 decay of the rate) is not what makes Dynamic training work",
  provenance: "proposed",
  criterion: "no variant is more than 1 point of PGD-20 accuracy above Dynamic training as the paper describes it, seed for seed",
  measure(lab) {
    const variants = ["dynamic-q1", "dynamic-q2", "dynamic-q3"] as const;
    if (!lab.runs.some(({ method }) => method === variants[0])) throw new Error("no variant was trained");
    const rows = lab.problems.flatMap(({ data }) =>
      variants.map((method) => {
        const gains = runsOf(lab, data, method).map(
          (run) => run.pgd20 - (runsOf(lab, data, "dynamic").find(({ seed }) => seed === run.seed)?.pgd20 ?? Number.NaN),
        );
        return { name: `${method.slice(-2).toUpperCase()} − Dynamic`, gain: mean(gains) };
      }),
    );
    return {
      measured: Object.fromEntries(rows.map(({ name, gain }) => [name, short(gain)])),
      holds: rows.every(({ gain }) => gain <= 1),
      note: "points of PGD-20 accuracy; Q4 and Q5 concern the released program only",
    };
  },
});

export const claims: readonly Claim<FoscLab>[] = [
  exactness,
  reduction,
  stopping,
  scheduling,
  quality,
  bins,
  theorem,
  earlyLate,
  dynamicGain,
  sanity,
  quirks,
];
