/** R1.10: the SDE of a small network's adversarial training against training itself, many runs each; SGD's drift must be told apart. */
import { type Adversary, SGD } from "../../../analysis/adversarial-direction.ts";
import type { Releasable } from "../../../analysis/copies.ts";
import type { Snapshot } from "../../../analysis/march.ts";
import { type StochasticEquation, simulate } from "../../../analysis/sde.ts";
import { brownianPaths } from "../../../analysis/sde-brownian.ts";
import { observe, sdeOf, trainCopies } from "../../../analysis/sde-training.ts";
import type { Chart } from "../../figure.ts";
import { type Bench, claim } from "../../laboratory.ts";
import { noisyWave, starts, tanhRegression } from "./learners.ts";
import { mean, standardError, study } from "./study.ts";

const learner = tanhRegression(2, 8);
const adversary: Adversary = { α: 0.1, K: 2 };
/**
 * The order-2 equation is O(η²) off. At η = .05 its mean loss was .3 to .7 % below that of 4000 runs, where Euler–Maruyama at dt = η/10 accounts for .1 %
 * (found without noise), and 1000 runs begin to see that; at half the rate a quarter should be left of it.
 */
const η = 0.025;
const batch = 4;
const examples = 16;
const horizon = 2;
const records = 20;
/** Runs, and paths of every equation, in one test. */
const runs = 200;
/** Euler–Maruyama steps per training step, η/dt. */
const fineness = 10;

/** Mean over runs, with its standard error, at each recorded time. */
interface Curve {
  mean: number[];
  error: number[];
}

/** L and G of some runs or paths. */
interface Course {
  loss: Curve;
  vulnerability: Curve;
}

interface Ensemble {
  name: string;
  t: number[];
  /** Of all runs together. */
  all: Course;
  /** Of the runs of each test. */
  tests: Course[];
}

interface Result {
  runs: number;
  fineness: number;
  training: Ensemble;
  equations: Ensemble[];
}

type Equation = StochasticEquation & Releasable;

/** The equations that are followed, for `copies` paths. The last two must be told apart from training. */
const equations: Readonly<Record<string, (copies: number, bench: Bench) => Promise<Equation>>> = {
  "SDE of adversarial training, order 2": (copies, bench) =>
    sdeOf(learner, dataOf(bench), { η, batch, copies, adversary, approximation: "order 2" }),
  "SDE of SGD, order 2": (copies, bench) => sdeOf(learner, dataOf(bench), { η, batch, copies, adversary: SGD, approximation: "order 2" }),
  "SGD's drift with the noise of adversarial training": async (copies, bench) => {
    const plain = await sdeOf(learner, dataOf(bench), {
      η,
      batch,
      copies,
      adversary: SGD,
      approximation: "order 2",
    });
    const adversarial = await sdeOf(learner, dataOf(bench), {
      η,
      batch,
      copies,
      adversary,
      approximation: "order 1",
    });
    const { dimension, sources, noise } = adversarial;
    const release = async () => {
      await plain.release();
      await adversarial.release();
    };
    return { dimension, sources, drift: plain.drift, noise, release };
  },
};

const dataOf = (bench: Bench) => noisyWave(bench.key.fold("network data"), examples, 2);

async function summarize(name: string, snapshots: readonly Snapshot[], bench: Bench): Promise<Ensemble> {
  const found: Record<Quantity, Float64Array>[] = [];
  for (const { X } of snapshots.slice(1)) found.push(await observe(learner, dataOf(bench), X));
  const curve = (quantity: Quantity, from: number, to: number): Curve => {
    const values = found.map((at) => at[quantity].slice(from, to));
    return { mean: values.map(mean), error: values.map(standardError) };
  };
  const course = (from: number, to: number): Course => ({ loss: curve("loss", from, to), vulnerability: curve("vulnerability", from, to) });
  const count = found[0].loss.length;
  return {
    name,
    t: snapshots.slice(1).map(({ t }) => t),
    all: course(0, count),
    tests: Array.from({ length: count / runs }, (_, i) => course(i * runs, (i + 1) * runs)),
  };
}

const quantities = ["loss", "vulnerability"] as const;
type Quantity = (typeof quantities)[number];

/**
 * Quantiles of the normal law for one time, which is judged, and for all `records` times at once (Bonferroni), which is shown beside it for all runs
 * together. Means at neighbouring times are strongly correlated, so that even a perfect equation leaves the pointwise band at many of them or at none:
 * of 20 pairs of 200 training runs each, 16 met the criterion for L and G. Hence the test is made several times, with other runs and paths, and
 * the mean share is judged: chance goes out of it, an error of the equation does not.
 */
const quantile = { pointwise: 1.96, simultaneous: 3.023 };

/** Half the width of the 95 % band at each time. Both means are estimates. */
const halfBand = (training: Curve, equation: Curve, z: number): number[] =>
  training.error.map((error, i) => z * Math.hypot(error, equation.error[i]));

/** The share of recorded times at which the equation's mean lies in the 95 % band around the runs' mean. */
export function insideBand(training: Curve, equation: Curve, z = quantile.pointwise): number {
  const half = halfBand(training, equation, z);
  return training.mean.filter((m, i) => Math.abs(m - equation.mean[i]) <= half[i]).length / training.mean.length;
}

/** The same, as a mean over the tests. */
function meanShare(training: Ensemble, equation: Ensemble, quantity: Quantity): number {
  return mean(training.tests.map((test, i) => insideBand(test[quantity], equation.tests[i][quantity])));
}

export const networkSde = study<Result>({
  name: "network-sde",
  share: 30,
  run: async (bench) => {
    const copies = runs * (bench.mode === "quick" ? 2 : 10);
    const data = dataOf(bench);
    const start = starts(learner, bench.key.fold("network weights"), 1);
    const steps = Math.round(horizon / η);
    const training = await bench.remember("network-sde: training", async () =>
      summarize(
        "adversarial training",
        await trainCopies(learner, data, start, { η, batch, adversary, copies, steps, records, key: bench.key.fold("training") }),
        bench,
      ),
    );
    const found: Ensemble[] = [];
    for (const [i, [name, build]] of Object.entries(equations).entries()) {
      bench.progress(name, (i + 1) / 4);
      found.push(
        await bench.remember(`network-sde: ${name}`, async () => {
          const equation = await build(copies, bench);
          const W = brownianPaths(bench.key.fold("paths"), { paths: copies, sources: examples, steps: steps * fineness, horizon });
          const snapshots = await simulate(equation, start, W, { records });
          await equation.release();
          return summarize(name, snapshots, bench);
        }),
      );
    }
    return { runs, fineness, training, equations: found };
  },
  claims: [
    claim<Result>({
      id: "R1.10",
      statement:
        "The SDE of a small network's adversarial training follows the runs in the mean; with SGD's drift it does not, whichever the noise",
      provenance: "proposed",
      criterion:
        "mean loss and mean G of the order-2 SDE inside the pointwise 95 % band of the runs' means at ≥ 90 % of the times, on average over tests of 200 runs each, dt ≤ η/10; the SDE of SGD, and SGD's drift with the noise of adversarial training, below 90 % for G",
      measure: ({ training, equations: [second, sgd, mixed], runs, fineness }) => {
        const share = (equation: Ensemble, quantity: Quantity) => meanShare(training, equation, quantity);
        const together = (quantity: Quantity, z: number) => insideBand(training.all[quantity], second.all[quantity], z);
        const passed = training.tests.filter((test, i) =>
          quantities.every((quantity) => insideBand(test[quantity], second.tests[i][quantity]) >= 0.9),
        );
        return {
          measured: {
            "loss inside": share(second, "loss"),
            "G inside": share(second, "vulnerability"),
            "G inside, SDE of SGD": share(sgd, "vulnerability"),
            "G inside, SGD's drift with the adversary's noise": share(mixed, "vulnerability"),
            "tests with loss and G inside at ≥ 90 %": `${passed.length} of ${training.tests.length}`,
            "loss and G inside, all runs together": quantities.map((q) => together(q, quantile.pointwise)).join(" and "),
            "the same, simultaneous band": quantities.map((q) => together(q, quantile.simultaneous)).join(" and "),
          },
          holds:
            share(second, "loss") >= 0.9 &&
            share(second, "vulnerability") >= 0.9 &&
            share(sgd, "vulnerability") < 0.9 &&
            share(mixed, "vulnerability") < 0.9 &&
            runs >= 200 &&
            fineness >= 10,
          note: `tanh network 2–8–1 on ${examples} examples, Kα = ${adversary.K * adversary.α}, η = ${η}, batch ${batch}, ${training.tests.length} tests of ${runs} runs and paths each, dt = η/${fineness}, ${records} times; bands of the difference of two means.`,
        };
      },
    }),
  ],
  figures: ({ training, equations }) =>
    quantities.map(
      (quantity): Chart => ({
        kind: "chart",
        title:
          quantity === "loss"
            ? "Loss of a network in adversarial training and in its SDEs"
            : "Vulnerability G in adversarial training and in its SDEs",
        caption: `The first test: means over ${runs} runs and paths. The band, which is judged, is 1.96 standard errors of the difference between the runs' mean and the order-2 equation's. Equations with SGD's drift leave it.`,
        x: { label: "t = η × steps" },
        y: { label: quantity === "loss" ? "L" : "G = ½E|∇ₓℓ|²" },
        series: [
          { ...band(training.tests[0][quantity], equations[0].tests[0][quantity]), name: training.name, x: training.t },
          ...equations.map((e) => ({ name: e.name, x: e.t, y: e.tests[0][quantity].mean })),
        ],
      }),
    ),
});

function band(training: Curve, equation: Curve): { y: number[]; low: number[]; high: number[] } {
  const half = halfBand(training, equation, quantile.pointwise);
  return { y: training.mean, low: training.mean.map((m, i) => m - half[i]), high: training.mean.map((m, i) => m + half[i]) };
}
