/** The kinds of training that are compared, and the attack by which each makes its examples. */
import { curriculum, type Defense, dynamic, foscThreshold, none, type PreparedDefense, pgdTraining } from "../../training/index.ts";
import type { ProblemSettings } from "./settings.ts";

/** PGD steps, as published. */
export const K = 10;
/** c_max */
export const maximum = 0.5;

const stepSizes = { "pgd-step-1": 1, "pgd-step-1/2": 1 / 2, "pgd-step-1/8": 1 / 8 } as const;
const variants = { "dynamic-q1": { foscFromStart: true }, "dynamic-q2": { selfWeighted: true }, "dynamic-q3": {} } as const;
export type Method =
  | "none"
  | "pgd"
  | "dynamic"
  | "curriculum"
  | "fgsm"
  | "fgsm-then-pgd"
  | "pgd-then-fgsm"
  | keyof typeof stepSizes
  | keyof typeof variants;

/** As they are called in figures and tables. */
export const titles: Readonly<Record<Method, string>> = {
  none: "Unsecured",
  pgd: "Standard (PGD-10)",
  dynamic: "Dynamic",
  curriculum: "Curriculum",
  fgsm: "FGSM",
  "fgsm-then-pgd": "FGSM, then PGD",
  "pgd-then-fgsm": "PGD, then FGSM",
  "pgd-step-1": "PGD-10, step ε",
  "pgd-step-1/2": "PGD-10, step ε/2",
  "pgd-step-1/8": "PGD-10, step ε/8",
  "dynamic-q1": "Dynamic, FOSC from the start (Q1)",
  "dynamic-q2": "Dynamic, self-weighted loss (Q2)",
  "dynamic-q3": "Dynamic, rate decay for weight decay (Q3)",
};

export function defenseOf(method: Method, { epsilon, epochs, controlEpochs }: ProblemSettings): Defense {
  const pgd = (share = 1 / 4) => pgdTraining({ epsilon, steps: K, stepSize: share * epsilon });
  const fgsm = () => pgdTraining({ epsilon, steps: 1, stepSize: epsilon, randomStart: false });
  switch (method) {
    case "none":
      return none();
    case "pgd":
      return pgd();
    case "fgsm":
      return fgsm();
    case "fgsm-then-pgd":
      return phased(fgsm(), pgd(), 0.4 * epochs);
    case "pgd-then-fgsm":
      return phased(pgd(), fgsm(), 0.4 * epochs);
    case "curriculum":
      return curriculum({ epsilon, steps: K, stepSize: epsilon / 4 });
    case "pgd-step-1":
    case "pgd-step-1/2":
    case "pgd-step-1/8":
      return pgd(stepSizes[method]);
    default:
      return dynamic({ epsilon, steps: K, maximum, controlEpochs, ...(method === "dynamic" ? {} : variants[method]) });
  }
}

/** How a method's examples are made in an epoch, as PGD whose examples stop at FOSC ≤ threshold; undefined where it is no such thing. */
export function attackOf(
  method: Method,
  epoch: number,
  { epsilon, controlEpochs }: ProblemSettings,
): { stepSize: number; threshold: number } | undefined {
  if (method === "pgd") return { stepSize: epsilon / 4, threshold: 0 };
  if (method === "dynamic") return { stepSize: epsilon / 4, threshold: foscThreshold(epoch, { maximum, controlEpochs }) };
  return method in stepSizes ? { stepSize: stepSizes[method as keyof typeof stepSizes] * epsilon, threshold: 0 } : undefined;
}

/** One defense until an epoch, another from it on. Both must have the same loss of their adversarial examples. */
function phased(first: Defense, second: Defense, from: number): Defense {
  return {
    name: `${first.name}, then ${second.name}`,
    parameters: { from },
    async prepare(workbench): Promise<PreparedDefense> {
      const [early, late] = [await first.prepare(workbench), await second.prepare(workbench)];
      return {
        ...early,
        craft: (batch, weights) => (batch.epoch < from ? early : late).craft(batch, weights),
        async release() {
          await early.release();
          await late.release();
        },
      };
    },
  };
}
