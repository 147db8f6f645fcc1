/** What is run: the exact studies, the toy of the convergence theorem, and every training run as a remembered piece. */
import type { Bench } from "../laboratory.ts";
import { type FormRecord, type ReductionRecord, type StoppingRecord, studyForms, studyReduction, studyStopping } from "./exact.ts";
import { openProblem } from "./problems.ts";
import { makeTransferSource, type RunRecord, runMethod, type TransferSource } from "./runs.ts";
import { type ProblemSettings, type Settings, settings } from "./settings.ts";
import { type DescentRecord, descend, drawToy, lemmaRatio } from "./theory.ts";

export interface FoscLab {
  forms: FormRecord[];
  reduction: ReductionRecord;
  stopping: StoppingRecord;
  toy: { lemma: number; points: number; descents: DescentRecord[] };
  problems: ProblemSettings[];
  runs: RunRecord[];
  /** Accuracy of the undefended source network under its own adversarial examples, by data set. */
  sources: Record<string, number>;
}

export const deltas = [1, 0.3, 0.1, 0.03, 0.01] as const;

/** The sizes of the bench's mode, or sizes of one's own. */
export async function experiment(bench: Bench, sizes: Settings = settings[bench.mode]): Promise<FoscLab> {
  const { problems, exactCases, lemmaPoints, noiseRepeats, traced, attacked } = sizes;
  const key = bench.key.fold("fosc");
  bench.progress("exact checks", 0);
  const first = await openProblem(problems[0]);
  const forms = await bench.remember("forms", () => studyForms(exactCases, key.fold("forms")));
  const reduction = await bench.remember("reduction", () => studyReduction(first.network, key.fold("reduction")));
  const stopping = await bench.remember("stopping", () => studyStopping(first.network, key.fold("stopping")));
  bench.progress("convergence theorem", 0.03);
  const toy = await bench.remember("toy", () => {
    const drawn = drawToy(key.fold("toy"));
    const runs = [0, 0.5].flatMap((sigma) =>
      deltas.map((delta) => descend(drawn, { delta, sigma, repeats: sigma > 0 ? noiseRepeats : 1, key: key.fold("descent") })),
    );
    return { lemma: lemmaRatio(drawn, lemmaPoints, key.fold("lemma")), points: lemmaPoints, descents: runs };
  });

  const runs: RunRecord[] = [];
  const sources: Record<string, number> = {};
  const planned = problems
    .flatMap((problem) => problem.runs)
    .reduce((total, { methods, seeds }) => total + methods.length * seeds, problems.length);
  let done = 0;
  const progress = (label: string) => bench.progress(label, 0.06 + (0.94 * done++) / planned);
  for (const problemSettings of problems) {
    const problem = problemSettings === problems[0] ? first : await openProblem(problemSettings);
    const own = key.fold(problemSettings.data);
    progress(`${problemSettings.data}: source of the transfer attack`);
    const source: TransferSource = await bench.remember(`${problemSettings.data} source`, () => makeTransferSource(problem, own));
    sources[problemSettings.data] = source.accuracy;
    for (const { methods, seeds } of problemSettings.runs) {
      // One seed after the other, so that a run that is looked at early has whole comparisons.
      for (const [seed, method] of Array.from({ length: seeds }, (_, s) => methods.map((name) => [s, name] as const)).flat()) {
        progress(`${problemSettings.data}: ${method}, seed ${seed}`);
        const asked = {
          method,
          seed,
          source,
          traced: method === "pgd" && seed === 0 ? traced : undefined,
          attacked: ["pgd", "curriculum", "dynamic"].includes(method) ? attacked : undefined,
        };
        runs.push(await bench.remember(`${problemSettings.data} ${method} ${seed}`, () => runMethod(problem, asked, own)));
      }
    }
  }
  bench.progress("done", 1);
  return { forms, reduction, stopping, toy, problems: [...problems], runs, sources };
}
