/**
 * The laboratory of FOSC at sizes of one's own: MNIST with the paper's network, small enough for an hour of one busy core.
 *
 *     saddle reproduce ./examples/fosc.ts --full --out results/fosc-reduced
 */
import { experiment, fosc, settings } from "../src/papers/fosc/index.ts";
import type { Laboratory } from "../src/papers/laboratory.ts";

const [mnist] = settings.full.problems;

export const laboratory: Laboratory<Awaited<ReturnType<typeof experiment>>> = {
  ...fosc,
  setUp:
    "Reduced: MNIST, 5,000 training and 500 test images, the paper's network, 6 epochs of batches of 64 at rate 0.05, one seed; without the variants and the step sizes. " +
    fosc.setUp,
  minutes: {},
  run: (bench) =>
    experiment(bench, {
      ...settings.full,
      noiseRepeats: 2,
      traced: 300,
      attacked: 0,
      problems: [
        {
          ...mnist,
          examples: 5000,
          testExamples: 500,
          epochs: 6,
          batchSize: 64,
          rate: 0.05,
          milestones: [2.4, 4.8],
          controlEpochs: 4.8,
          runs: [{ methods: ["none", "pgd", "dynamic", "curriculum", "fgsm", "fgsm-then-pgd", "pgd-then-fgsm"], seeds: 1 }],
          threads: 1,
        },
      ],
    }),
};
