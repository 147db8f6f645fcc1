/** What a reader should see: the comparison as a table, FOSC over the epochs, and FOSC against accuracy on one model. */
import type { Chart, Figure, Series, Table } from "../figure.ts";
import { meanOf, runsOf } from "./claims.ts";
import type { FoscLab } from "./experiment.ts";
import { type Method, titles } from "./methods.ts";
import type { ProblemSettings } from "./settings.ts";

export function figures(lab: FoscLab): readonly Figure[] {
  return [
    ...lab.problems.flatMap((problem) => [
      comparison(lab, problem),
      ...(trained(lab, problem, "pgd-step-1") ? [stepSizes(lab, problem)] : []),
      standardAgainstDynamic(lab, problem),
      ...(trained(lab, problem, "fgsm") ? [earlyLate(lab, problem)] : []),
      cost(lab, problem),
    ]),
    ...lab.runs.flatMap(({ quality, data }) => (quality ? [alongSteps(data, quality.steps), byBin(data, quality)] : [])),
    theorem(lab),
  ];
}

const trained = (lab: FoscLab, { data }: ProblemSettings, method: Method) => runsOf(lab, data, method).length > 0;

function comparison(lab: FoscLab, problem: ProblemSettings): Table {
  const { data } = problem;
  const present = (Object.keys(titles) as Method[]).filter((method) => trained(lab, problem, method));
  const rows = present.map((method) => {
    const runs = runsOf(lab, data, method);
    const cell = (of: (run: (typeof runs)[number]) => number | undefined) => {
      const values = runs.map(of).filter((v) => v !== undefined);
      if (values.length === 0) return "–";
      const middle = values.reduce((total, v) => total + v, 0) / values.length;
      const spread = Math.sqrt(values.reduce((total, v) => total + (v - middle) ** 2, 0) / (values.length - 1));
      return values.length > 1 ? `${middle.toFixed(1)} ± ${spread.toFixed(1)}` : middle.toFixed(1);
    };
    const gradients = (run: (typeof runs)[number]) =>
      run.epochs.reduce((total, { gradientEvaluations }) => total + gradientEvaluations, 0) / run.epochs.length;
    return [
      titles[method],
      runs.length,
      cell(({ clean }) => clean),
      cell(({ fgsm }) => fgsm),
      cell(({ pgd10 }) => pgd10),
      cell(({ pgd20 }) => pgd20),
      cell(({ cw }) => cw),
      cell(({ autoAttack }) => autoAttack),
      cell(({ transfer }) => transfer),
      cell(gradients),
      cell(({ seconds }) => seconds),
    ];
  });
  return {
    kind: "table",
    title: `Accuracy on ${data}, in %`,
    caption: `Mean ± standard deviation over seeds. Transfer: adversarial examples of an undefended network of another seed, which itself keeps ${lab.sources[data].toFixed(1)} % on them. Gradients: per example, to make the training examples; seconds of processor time, of training alone. AutoAttack: on the first examples only, in the longer modes. An example counts as broken when any iterate of the attack is misclassified.`,
    columns: ["training", "seeds", "natural", "FGSM", "PGD-10", "PGD-20", "C&W∞", "AutoAttack", "transfer", "gradients", "seconds"],
    rows,
  };
}

/** The median of FOSC over the epochs, with the quartiles as a band, of the first seed. */
function foscCurve(lab: FoscLab, data: string, method: Method): Series[] {
  const [run] = runsOf(lab, data, method);
  const epochs = (run?.epochs ?? []).filter(({ fosc }) => fosc);
  if (epochs.length === 0) return [];
  const at = (quantile: number) => epochs.map(({ fosc = [] }) => fosc[quantile]);
  return [{ name: titles[method], x: epochs.map(({ epoch }) => epoch + 1), y: at(2), low: at(1), high: at(3) }];
}

const foscAxis = { label: "FOSC of the training examples" };
const epochAxis = { label: "epoch" };

function stepSizes(lab: FoscLab, { data }: ProblemSettings): Chart {
  const methods: Method[] = ["pgd-step-1", "pgd-step-1/2", "pgd", "pgd-step-1/8"];
  const accuracies = methods.map((method) => `${titles[method]}: ${meanOf(lab, data, method, ({ pgd20 }) => pgd20).toFixed(1)} %`);
  return {
    kind: "chart",
    title: `FOSC over training for several step sizes (${data})`,
    caption: `Medians and quartiles over fixed training images, attacked as the method does after each epoch; the standard step is ε/4. Final PGD-20 accuracy: ${accuracies.join("; ")}.`,
    x: epochAxis,
    y: foscAxis,
    series: methods.flatMap((method) => foscCurve(lab, data, method)),
  };
}

function standardAgainstDynamic(lab: FoscLab, { data, epochs, controlEpochs }: ProblemSettings): Chart {
  const threshold = Array.from({ length: epochs }, (_, epoch) => Math.max(0.5 * (1 - epoch / controlEpochs), 0));
  return {
    kind: "chart",
    title: `FOSC over training, Standard and Dynamic (${data})`,
    caption:
      "Medians and quartiles, first seed. Dynamic training stops an example as soon as its FOSC is below the dashed threshold, which falls to 0.",
    x: epochAxis,
    y: foscAxis,
    series: [
      ...foscCurve(lab, data, "pgd"),
      ...foscCurve(lab, data, "dynamic"),
      { name: "threshold c_t", x: threshold.map((_, epoch) => epoch + 1), y: threshold, mark: "reference" },
    ],
  };
}

function earlyLate(lab: FoscLab, { data }: ProblemSettings): Chart {
  const methods: Method[] = ["fgsm", "pgd-then-fgsm", "fgsm-then-pgd", "pgd"];
  const bars = (name: string, of: (method: Method) => number): Series => ({
    name,
    x: methods.map((_, i) => i + 1),
    y: methods.map(of),
    mark: "bars",
  });
  return {
    kind: "chart",
    title: `Weak examples early or late (${data})`,
    caption: `${methods.map((method, i) => `${i + 1}: ${titles[method]}`).join("; ")}. Means over seeds; the switch is after 40 % of the epochs.`,
    x: { label: "training" },
    y: { label: "accuracy, %" },
    series: [
      bars("natural", (method) => meanOf(lab, data, method, ({ clean }) => clean)),
      bars("FGSM", (method) => meanOf(lab, data, method, ({ fgsm }) => fgsm)),
      bars("PGD-20", (method) => meanOf(lab, data, method, ({ pgd20 }) => pgd20)),
    ],
  };
}

function cost(lab: FoscLab, { data }: ProblemSettings): Chart {
  const methods: Method[] = ["pgd", "dynamic", "curriculum", "fgsm-then-pgd"];
  return {
    kind: "chart",
    title: `Gradients that the attack inside training takes (${data})`,
    caption: "Per example and weight step, first seed. What Dynamic training saves is what its examples leave undone when they stop early.",
    x: epochAxis,
    y: { label: "gradients per example" },
    series: methods.flatMap((method) => {
      const [run] = runsOf(lab, data, method);
      return run
        ? [
            {
              name: titles[method],
              x: run.epochs.map(({ epoch }) => epoch + 1),
              y: run.epochs.map(({ gradientEvaluations }) => gradientEvaluations),
            },
          ]
        : [];
    }),
  };
}

type Quality = NonNullable<FoscLab["runs"][number]["quality"]>;

function alongSteps(data: string, steps: Quality["steps"]): Chart {
  const x = steps.map((_, k) => k);
  return {
    kind: "chart",
    title: `FOSC along PGD on a fixed model (${data})`,
    caption:
      "Means over test examples of a Standard model, steps of ε/4 from a random start. The paper's form is the gap over the ball; over the ball within the input domain it comes closer to 0.",
    x: { label: "step" },
    y: { label: "mean", scale: "log" },
    series: [
      { name: "FOSC", x, y: steps.map(({ fosc }) => fosc) },
      { name: "FOSC in the box", x, y: steps.map(({ foscInBox }) => foscInBox) },
      { name: "loss", x, y: steps.map(({ loss }) => loss) },
    ],
  };
}

function byBin(data: string, { bins, relativeBins }: Quality): Chart {
  const curve = (name: string, of: Quality["bins"]): Series => ({
    name,
    x: of.map((_, i) => i + 1),
    y: of.map(({ accuracy }) => accuracy),
  });
  return {
    kind: "chart",
    title: `Accuracy by FOSC (${data})`,
    caption:
      "Test examples after 1 to 10 steps of PGD together, in ten bins of equal number, least FOSC first. The paper's figure, as remembered, shows lower accuracy at lower FOSC.",
    x: { label: "bin" },
    y: { label: "accuracy" },
    series: [curve("by FOSC", bins), curve("by FOSC relative to the gradient, c/(ε‖g‖)", relativeBins)],
  };
}

function theorem({ toy: { descents } }: FoscLab): Chart {
  const exact = descents.filter(({ sigma }) => sigma === 0);
  const x = exact.map(({ delta }) => delta);
  return {
    kind: "chart",
    title: "The convergence theorem where everything is known",
    caption:
      "Descent on a problem that is strongly concave in x, with inner solutions of FOSC ≤ δ that are as bad as they may be. The bound is our derivation.",
    x: { label: "δ", scale: "log" },
    y: { label: "‖∇L‖²", scale: "log" },
    series: [
      { name: "mean over training", x, y: exact.map(({ average }) => average) },
      { name: "after training", x, y: exact.map(({ final }) => final) },
      { name: "bound on the mean", x, y: exact.map(({ bound }) => bound), mark: "reference" },
    ],
  };
}
